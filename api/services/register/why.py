"""Why records are one child: what each comparison says of two of them, and what people said.

The weight of a pair that is kept is the one that the last run found, as the queue and
links.csv have it. Any other pair is compared here, by the same rules, model and counts. What
may not be seen is in no weight.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Decision
from api.db.tables import in_utc
from api.services.access.policy import View
from api.services.register.columns import Numbers
from api.services.register.decisions import UNDO
from api.services.register.history import Member, members_of
from api.services.register.lookalikes import lookalikes
from api.services.register.pairs import KeptPairs, pairs_within
from api.services.register.shields import shielded_children
from api.services.register.standing import Standing
from api.services.register.state import BETWEEN
from api.services.register.telling import Telling
from api.services.register.viewing import seen_members
from api.services.register.withholding import compared
from matcher.classify import probability
from matcher.rules.matching import MatchingRules
from matcher.table import MISSING

Ends = tuple[int, int]

APART, RIVAL, WEAK, COMMON = "apart", "rival", "weak", "common"


@dataclass(frozen=True, slots=True)
class Part:
    """What one comparison says of a pair; ``weight`` is in bits.

    ``level`` and ``sentence`` are missing where a value is. All three are where they may not
    be seen, which ``hidden`` says.
    """

    comparison: str
    title: str
    level: str | None
    sentence: str | None
    weight: float | None
    hidden: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A decision of a person on a pair; ``change`` is what it was entered with, if with others."""

    id: int
    kind: str
    by: str
    at: datetime
    why: str
    in_force: bool
    values_changed: bool
    change: int | None


@dataclass(frozen=True, slots=True)
class Explained:
    """Two records, and why they are held to be one child, or not.

    In bits, ``weight`` is ``prior`` plus ``company`` (what the sources that hold them say)
    plus the weights of all ``parts`` that may be told; ``withheld`` says that others, which
    weigh something, are not in it. ``link`` says whether the last run followed the pair, and
    ``because`` why it did not, as far as it may be told: APART, that a comparison rules it out,
    RIVAL, that another record fits nearly as well, WEAK, that it weighs too little, or COMMON,
    that nothing agrees but what many children have in common, such as a birthday.
    """

    l: Member
    r: Member
    weight: float
    probability: float
    prior: float
    company: float
    parts: Sequence[Part]
    link: bool
    because: str | None
    decisions: Sequence[Said]
    withheld: bool


def why_record(
    connection: Connection,
    view: View,
    child_id: str,
    record: Member,
    *,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[Explained]:
    """A record beside each other record of its child, in order of key.

    Those after one of them, so many at most.
    """
    seen = _seen(connection, view, child_id)
    rest = [one for one in seen if one.record != record.record]
    others = [one for one in rest if after is None or one[:2] > after][:limit]
    pairs = [tuple(sorted((record, other))) for other in others]
    return _explain(connection, view, _is_placeless(connection, view, [child_id]), pairs)


def why_child(
    connection: Connection,
    view: View,
    child_id: str,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 100,
) -> list[Explained]:
    """The links that hold a child together, and pairs of its records that people decided on.

    In order of record.id; those after a pair of them, so many at most.
    """
    members = {one.record: one for one in _seen(connection, view, child_id)}
    numbers = np.array(sorted(members), dtype=np.int64)
    kept = pairs_within(connection, numbers)
    followed = kept.found["link"] == 1
    linked = zip(kept.l[followed].tolist(), kept.r[followed].tolist(), strict=True)
    ends = {frozenset(pair) for pair in (*linked, *_decisions(connection, numbers))}
    wanted = {tuple(sorted(pair, key=members.__getitem__)) for pair in ends}
    chosen = [pair for pair in sorted(wanted) if after is None or pair > after][:limit]
    pairs = [(members[l], members[r]) for l, r in chosen]
    return _explain(connection, view, _is_placeless(connection, view, [child_id]), pairs)


def why_pair(
    connection: Connection, view: View, l: Member, r: Member, *, shielded: bool
) -> Explained | None:
    """Two current records of whichever children, left before right in order of key.

    ``shielded`` says that one of them is a shielded child's. Nothing before the first run.
    """
    found = _explain(connection, view, view.hides_location(shielded), [(l, r)])
    return found[0] if found else None


def _is_placeless(connection: Connection, view: View, children: Collection[str]) -> bool:
    return view.hides_location(bool(shielded_children(connection, children)))


def _seen(connection: Connection, view: View, child_id: str) -> list[Member]:
    members, _ = members_of(connection, child_id)
    return seen_members(view, members, lookalikes(connection, view).records)


def _explain(
    connection: Connection, view: View, placeless: bool, pairs: Sequence[tuple[Member, ...]]
) -> list[Explained]:
    """Pairs of records, left before right in key order; ``placeless`` hides their places."""
    standing = Standing.at(connection)
    if standing is None or not pairs:
        return []
    ids = np.array(sorted({one.record for pair in pairs for one in pair}), dtype=np.int64)
    l_ids, r_ids = (np.array([pair[side].record for pair in pairs], np.int64) for side in (0, 1))
    levels, partial = compared(connection, standing, l_ids, r_ids)
    agrees = standing.read.agreeing(levels)
    kept = _Kept.of(pairs_within(connection, ids))
    said = _decisions(connection, ids)
    telling = Telling(standing.read.matching, view)
    found = []
    for at, (l, r) in enumerate(pairs):
        known = kept.at((l.record, r.record))
        own = {name: float(bits[at]) for name, bits in partial.items()}
        if known is None:
            company, link = 0.0, False
            prior = standing.given.priors[l.source if l.source == r.source else BETWEEN]
            weight = prior + sum(own.values())
        else:
            weight, company, link = known.weight, known.company, known.link
            prior = weight - company - known.evidence
        numbers = {name: int(graded[at]) for name, graded in levels.items()}
        hidden = telling.hidden({l.source, r.source}, placeless, numbers)
        because = None
        if not link and not any(own[name] for name in hidden):
            enough = weight >= standing.read.matching.thresholds.upper
            because = None if agrees[at] else COMMON
            because = (known and known.kept_from) or (because if enough else WEAK)
        withheld = sum(own[name] for name in hidden)
        weight -= withheld
        found.append(
            Explained(
                l,
                r,
                weight,
                float(probability(np.array([weight]))[0]),
                prior,
                company,
                _parts(standing.read.matching, numbers, own, hidden),
                link,
                because,
                said.get((l.record, r.record), []),
                any(own[name] for name in hidden),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _KeptPair:
    weight: float
    evidence: float
    company: float
    link: bool
    kept_from: str | None


class _Kept:
    """What is kept of pairs, by their records in either order."""

    def __init__(self, found: Mapping[frozenset[int], _KeptPair]) -> None:
        self._found = found

    @classmethod
    def of(cls, pairs: KeptPairs) -> "_Kept":
        rows = zip(
            pairs.l.tolist(),
            pairs.r.tolist(),
            pairs.found["weight"].tolist(),
            pairs.evidence.tolist(),
            pairs.found["company"].tolist(),
            pairs.found["link"].tolist(),
            np.where(pairs.apart == 1, APART, np.where(pairs.found["rival"] == 1, RIVAL, "")),
            strict=True,
        )
        return cls(
            {
                frozenset((l, r)): _KeptPair(w, e, c, bool(link), str(why) or None)
                for l, r, w, e, c, link, why in rows
            }
        )

    def at(self, ends: Ends) -> _KeptPair | None:
        return self._found.get(frozenset(ends))


def _parts(
    rules: MatchingRules,
    levels: Mapping[str, int],
    partial: Mapping[str, float],
    hidden: Collection[str],
) -> list[Part]:
    parts = []
    for comparison in rules.comparisons:
        number, secret = levels[comparison.name], comparison.name in hidden
        level = None if number == MISSING or secret else comparison.levels[number]
        parts.append(
            Part(
                comparison.name,
                comparison.title,
                level.name if level else None,
                level.reason if level else None,
                None if secret else partial[comparison.name],
                secret,
            )
        )
    return parts


def _decisions(connection: Connection, records: Numbers) -> dict[Ends, list[Said]]:
    """What people said of pairs among records, by the pair in both orders, oldest first."""
    query = (
        select(Decision.__table__)
        .where(
            among(Decision.record_l, records),
            among(Decision.record_r, records),
        )
        .order_by(Decision.id)
    )
    rows = connection.execute(query).all()
    undone = {row.undoes for row in rows if row.kind == UNDO}
    said = [row for row in rows if row.kind != UNDO]
    last = {frozenset((row.record_l, row.record_r)): row.id for row in said if row.id not in undone}
    found: dict[Ends, list[Said]] = {}
    for row in said:
        ends = (row.record_l, row.record_r)
        one = Said(
            row.id,
            row.kind,
            row.by,
            in_utc(row.at),
            row.why,
            last.get(frozenset(ends)) == row.id,
            row.stale_run is not None,
            row.change,
        )
        found.setdefault(ends, []).append(one)
        found.setdefault(ends[::-1], []).append(one)
    return found
