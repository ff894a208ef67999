"""What linking would make of some records if people said something more of them."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from api.services.register.columns import Numbers
from api.services.register.kept_rules import last_rules
from api.services.register.linker import Linker
from api.services.register.part import cluster_around
from api.services.register.reading import last_run
from api.services.register.state import last_given
from matcher.progress import Silent


def clusters_if(
    connection: Connection, records: Numbers, said: Mapping[tuple[int, int], str]
) -> dict[int, int]:
    """Which of these records, and of all that they can reach, would be one child: a label of each.

    ``said`` has, by pair (record.id, the lower first), match or non_match; what was decided of
    others holds. The records are as of the last run, by its rules. Nothing is written.
    """
    rules, run = last_rules(connection), last_run(connection)
    linker = Linker.of(connection, run, rules.book.linkage, rules.model, Silent())
    given = last_given(connection, before=run + 1)
    if given is None:
        return {}
    found = cluster_around(replace(linker, supposed=said), given, records)
    if found is None:
        return {}
    return dict(zip(found.record.tolist(), found.label.tolist(), strict=True))
