"""Linking what changed in the register: the same result as linking everything at once.

Weights depend on the two records, the model, and on coarse counts over all records (see
`matcher.population`). Pairs are looked at again where a record changed, or where one of
the counts that they depend on moved; clusters, where a pair changed that can reach them.
Where too much moved for that to be less work, everything is linked anew.
"""

from dataclasses import replace

from sqlalchemy import Connection

from api.services.register.columns import Numbers
from api.services.register.inheriting import spread_severances
from api.services.register.linker import Linker, LinkOutcome
from api.services.register.moved import find_moved
from api.services.register.part import decide_part, rescore
from api.services.register.shielding import spread_shields
from api.services.register.state import last_given
from api.services.register.values import mark_stale
from api.services.register.whole import link_whole
from matcher.progress import Observer, Silent
from matcher.rules.library import LinkageRules
from matcher.rules.model import Model

# Beyond this share of the register, linking everything is less work than linking a part.
LARGEST_PART = 0.15


def link_register(
    connection: Connection,
    *,
    run: int,
    rules: LinkageRules,
    model: Model,
    changed: Numbers,
    recheck: Numbers,
    anew: bool = False,
    largest_part: float = LARGEST_PART,
    observer: Observer | None = None,
) -> LinkOutcome:
    """Bring links and children in line with the records and decisions as they are now.

    Args:
        connection: a transaction in which versions were closed and opened as of ``run``.
        run: the run that this is part of.
        rules: linkage rules; another set than the last run's needs ``anew``.
        model: likewise.
        changed: record.id of records of children that are new, changed or gone as of this run.
        recheck: records whose weights are as they were but of which something else changed:
            a decision, the day of their values.
        anew: link everything, whatever changed.
        largest_part: beyond this share of changed records everything is linked.
        observer: told of stages.
    """
    linker = Linker.of(connection, run, rules, model, observer or Silent())
    linker = replace(linker, decided_until=run)
    outcome = _link(linker, changed, recheck, anew=anew, largest_part=largest_part)
    mark_stale(connection, run, rules, None if outcome.whole else changed)
    around = None if outcome.whole else outcome.records
    spread_severances(connection, run=run, around=around)
    spread_shields(connection, run=run, around=around)
    return outcome


def _link(
    linker: Linker, changed: Numbers, recheck: Numbers, *, anew: bool, largest_part: float
) -> LinkOutcome:
    before = None if anew else last_given(linker.connection, before=linker.run)
    largest = largest_part * sum(before.held.values()) if before else 0
    if before is None or len(changed) > largest:
        return link_whole(linker)
    with linker.observer.stage("find what moved"):
        part = find_moved(linker, before, changed)
    if part is None or len(part.touched) > largest:
        return link_whole(linker)
    with linker.observer.stage("compare and weigh"):
        rescored = rescore(linker, before, part)
    return decide_part(linker, before, part, rescored, recheck)
