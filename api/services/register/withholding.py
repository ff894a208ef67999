"""The weights of pairs without what may not be seen of them.

A weight that counted what somebody may not see would tell them: they could try values until
it moves. So each part of which they may not be told is left out of it, see `telling`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Pair, Record, Source
from api.services.access.policy import View
from api.services.extracts import current_records
from api.services.register.columns import Numbers, columns
from api.services.register.shields import shielded_records
from api.services.register.standing import Standing
from api.services.register.telling import Telling, refers
from matcher.classify import probability
from matcher.links import COMMON
from matcher.patterns import Patterns, unpacked
from matcher.prepared import placed
from matcher.rules.matching import Comparison, MatchingRules
from matcher.standardise import standardise
from matcher.table import MISSING, Levels, Sides, Table
from matcher.untold import Untold
from matcher.weigh.weights import Bits

# Pairs that are compared again at once.
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class SeenPair:
    """A kept pair as it may be told: weight in bits, probability, and sentences of evidence.

    ``cases`` are those of these sentences that tell what several comparisons are together, such
    as twins, or that nothing agrees but what many have in common. ``rival`` says that another
    record fits nearly as well.
    """

    weight: float
    probability: float
    reasons: tuple[str, ...]
    cases: tuple[str, ...]
    rival: bool


def compared(
    connection: Connection, standing: Standing, l: Numbers, r: Numbers
) -> tuple[Mapping[str, Levels], Mapping[str, Bits]]:
    """Level and partial weight by comparison, of pairs of current records by record.id."""
    records = current_records(connection, np.union1d(l, r))
    linkage, matching = standing.read.linkage, standing.read.matching
    standardised = standardise(records, linkage.names, linkage.values)
    table = placed(records, Table.of(standardised, matching.columns, matching.crossings))
    place = pd.Index(records["id"].to_numpy(np.int64))
    ends = (place.get_indexer(pd.Index(side)).astype(np.int32) for side in (l, r))
    return standing.scorer(connection, table).explain(Sides(table, table, *ends))


def seen_weights(
    connection: Connection,
    standing: Standing,
    untold: Untold,
    kept: tuple[Numbers, Numbers, Patterns, Bits],
) -> Bits:
    """Weights of kept pairs, given as record.id of both, pattern and weight, as may be told."""
    l, r, pattern, weight = kept
    found = weight.copy()
    again = np.flatnonzero(untold.weighing(standing.matching, pattern))
    for start in range(0, len(again), _AT_ONCE):
        at = again[start : start + _AT_ONCE]
        _, partial = compared(connection, standing, l[at], r[at])
        found[at] -= untold.bits(partial, at)
    return found


def seen_pairs(
    connection: Connection, view: View | None, ends: Iterable[tuple[int, int]]
) -> dict[frozenset[int], SeenPair]:
    """Pairs by their records, as far as they are kept; always the same few queries.

    ``view``: see `untold_of`.
    """
    standing = Standing.at(connection)
    if standing is None:
        return {}
    kept, rival, untold = _kept(connection, view, standing, ends)
    weights = seen_weights(connection, standing, untold, kept)
    common = ~standing.read.agreeing(unpacked(standing.matching.comparisons, kept[2]))
    common &= ~untold.weighing(standing.matching, kept[2])
    found = {}
    for one, other, pattern, bits, kind, close, alone in zip(
        *(side.tolist() for side in (*kept[:3], weights, untold.of, rival, common)), strict=True
    ):
        said = _sentences(standing.matching, pattern, untold.kinds[kind])
        notes = (COMMON,) if alone else ()
        found[frozenset((one, other))] = SeenPair(
            bits,
            float(probability(np.array([bits]))[0]),
            reasons=(*(sentence for _, sentence in said), *notes),
            cases=(*(sentence for comparison, sentence in said if refers(comparison)), *notes),
            rival=bool(close),
        )
    return found


def seen_in_whole(
    connection: Connection, view: View, ends: Iterable[tuple[int, int]]
) -> set[frozenset[int]]:
    """Kept pairs among these of which nothing counts that may not be seen."""
    standing = Standing.at(connection)
    if standing is None:
        return set()
    kept, _, untold = _kept(connection, view, standing, ends)
    whole = ~untold.weighing(standing.matching, kept[2])
    return set(map(frozenset, zip(kept[0][whole].tolist(), kept[1][whole].tolist(), strict=True)))


def _kept(
    connection: Connection, view: View | None, standing: Standing, ends: Iterable[tuple[int, int]]
) -> tuple[tuple[Numbers, Numbers, Patterns, Bits], Numbers, Untold]:
    """Of these pairs those that are kept: record.id of both, pattern and weight; if rivals."""
    wanted = {frozenset(pair) for pair in ends}
    records = np.array(sorted(set().union(*wanted)), dtype=np.int64)
    query = select(Pair.l, Pair.r, Pair.pattern, Pair.weight, Pair.rival).where(
        among(Pair.l, records), among(Pair.r, records)
    )
    l, r, pattern, weight, rival = columns(connection, query)
    both = zip(l.tolist(), r.tolist(), strict=True)
    mine = np.array([frozenset(pair) in wanted for pair in both], dtype=bool)
    kept = l[mine], r[mine], pattern[mine], weight[mine]
    return kept, rival[mine], untold_of(connection, view, standing.matching, *kept[:3])


def untold_of(
    connection: Connection,
    view: View | None,
    rules: MatchingRules,
    l: Numbers,
    r: Numbers,
    pattern: Patterns,
) -> Untold:
    """What may not be told of pairs, by record.id and pattern.

    To whoever may read the database, without a view, that is where shielded children live.
    """
    cleared = view is not None and view.cleared
    bare = np.empty(0, np.int64) if cleared else shielded_records(connection)
    placeless = np.isin(l, bare) | np.isin(r, bare)
    if view is None:
        # Of the others all is told, whatever their pattern.
        asked = pd.DataFrame({"pattern": np.where(placeless, pattern, 0), "l": "", "r": ""})
    else:
        source = _sources(connection, np.union1d(l, r))
        names = {"l": [source[one] for one in l.tolist()], "r": [source[one] for one in r.tolist()]}
        asked = pd.DataFrame({"pattern": pattern, **names})
    asked["placeless"] = placeless
    # Asked once of pairs that are alike.
    of = asked.groupby(list(asked.columns), sort=False).ngroup().to_numpy().astype(np.int64)
    each = asked.drop_duplicates()
    levels = unpacked(rules.comparisons, each["pattern"].to_numpy(np.int64))
    telling = Telling(rules, view)
    kinds = [
        telling.hidden(
            {str(one.l), str(one.r)},
            bool(one.placeless),
            {name: int(own[at]) for name, own in levels.items()},
        )
        for at, one in enumerate(each.itertuples())
    ]
    return Untold(of, tuple(kinds))


def _sources(connection: Connection, records: Numbers) -> dict[int, str]:
    query = (
        select(Record.id, Source.name)
        .join(Source, Source.number == Record.source)
        .where(among(Record.id, records))
    )
    return dict(iter(connection.execute(query)))


def _sentences(
    rules: MatchingRules, pattern: int, hidden: frozenset[str]
) -> list[tuple[Comparison, str]]:
    """What levels of evidence say, without those of hidden comparisons."""
    found: Any = unpacked(rules.comparisons, np.array([pattern], dtype=np.int64))
    return [
        (one, one.levels[number].reason)
        for one in rules.comparisons
        if (number := int(found[one.name][0])) != MISSING
        and one.levels[number].evidence
        and one.name not in hidden
    ]
