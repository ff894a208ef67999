"""How good the links are: by their weights, and by what people said of a sample of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, Engine, Float, case, cast, func, select

from api.db.among import among
from api.db.models import Pair, Record, Run, Source
from api.services.register.columns import columns
from api.services.register.decisions import MATCH, NON_MATCH, decisions_in_force
from api.services.register.reading import last_run
from matcher.block import RuleBlocks
from matcher.classify import probability
from matcher.intervals import Proportion
from matcher.rules.matching import Thresholds


@dataclass(frozen=True, slots=True)
class WeightBin:
    """Pairs of a weight from ``weight`` to one bit more, by what became of them.

    ``apart`` pairs are kept apart by what they say or by a person, so no threshold links them.
    """

    weight: int
    linked: int
    waiting: int
    apart: int
    other: int

    @property
    def pairs(self) -> int:
        """All of them."""
        return self.linked + self.waiting + self.apart + self.other


@dataclass(frozen=True, slots=True)
class Expected:
    """What follows from two thresholds, by the weights alone.

    Links that a rival or a person stands against are not told apart here; a preview does that.
    """

    lower: float
    upper: float
    links: float
    queue: float
    false_links: float
    missed: float


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Pairs of one band by what became of them, as a `WeightBin`, and what people said of them.

    ``matches`` is how many of those that people decided they called a match.
    """

    band: str
    linked: int
    waiting: int
    apart: int
    other: int
    matches: Proportion

    @property
    def pairs(self) -> int:
        """All of them."""
        return self.linked + self.waiting + self.apart + self.other


@dataclass(frozen=True, slots=True)
class SourceReviewed:
    """One source's part in decided pairs, as the model had them.

    ``false`` are links that people said are none, of decided links; ``missed`` pairs below the
    upper threshold that they said are matches, of decided matches.
    """

    source: str
    false: Proportion
    missed: Proportion


@dataclass(frozen=True, slots=True)
class Blocking:
    """Candidate pairs of the last run over everything: of ``records`` of children.

    ``saved`` is the share of all pairs that were never looked at (the reduction ratio).
    ``rules`` are in the order in which they propose.
    """

    run: int
    records: int
    candidates: int
    saved: float
    rules: tuple[RuleBlocks, ...]


def last_blocking(connection: Connection) -> Blocking | None:
    """What blocking proposed when everything was last linked at once."""
    for run, population, counts in connection.execute(
        select(Run.id, Run.population, Run.counts).order_by(Run.id.desc())
    ):
        if counts.get("whole"):
            records = sum(population["held"].values())
            every = records * (records - 1) / 2
            candidates = int(counts["candidate_pairs"])
            saved = 1 - candidates / every if every else 0.0
            rules = tuple(RuleBlocks(**one) for one in counts.get("blocking", ()))
            return Blocking(run, records, candidates, saved, rules)
    return None


def weight_bins(connection: Connection, thresholds: Thresholds) -> list[WeightBin]:
    """Kept pairs by whole bits of weight, from the lowest. The thresholds are those in force."""
    became = _became(connection, thresholds)
    return [WeightBin(*counts) for counts in _summed(became, "weight")]


_COUNTED = ["linked", "waiting", "apart", "other"]


def _became(connection: Connection, thresholds: Thresholds) -> pd.DataFrame:
    """What became of kept pairs, by whole bit and by band: weight, band, and counts.

    All pairs are read for it, so it is kept until the next run: until then they stay as they are.
    """
    state = (last_run(connection), thresholds.lower, thresholds.upper)
    kept = _KEPT.get(connection.engine)
    if kept is None or kept[0] != state:
        kept = _KEPT[connection.engine] = (state, _read(connection, thresholds))
    return kept[1]


_KEPT: WeakKeyDictionary[Engine, tuple[tuple[Any, ...], pd.DataFrame]] = WeakKeyDictionary()


def _read(connection: Connection, thresholds: Thresholds) -> pd.DataFrame:
    weight = func.floor(cast(Pair.weight, Float)).label("weight")
    band = _band(thresholds).label("band")
    found = connection.execute(
        select(
            weight,
            band,
            func.sum(Pair.link),
            func.sum(Pair.waiting * (1 - Pair.link)),
            func.sum(Pair.apart * (1 - Pair.link) * (1 - Pair.waiting)),
            func.sum((1 - Pair.apart) * (1 - Pair.link) * (1 - Pair.waiting)),
        ).group_by(weight, band)
    )
    rows = [tuple(map(int, row)) for row in found]
    return pd.DataFrame(rows, columns=["weight", "band", *_COUNTED])


def _band(thresholds: Thresholds) -> ColumnElement[int]:
    """2 for links by weight, 1 for possible links, 0 for what is below."""
    return case((Pair.weight >= thresholds.upper, 2), (Pair.weight >= thresholds.lower, 1), else_=0)


def _summed(became: pd.DataFrame, by: str) -> list[tuple[int, int, int, int, int]]:
    """A number, and the counts of what has it, from the lowest."""
    sums = became.groupby(by)[_COUNTED].sum()
    return [(int(at), int(a), int(b), int(c), int(d)) for at, a, b, c, d in sums.itertuples()]


def expected(bins: Sequence[WeightBin], lower: float, upper: float) -> Expected:
    """What thresholds would give: counts of a bin are spread evenly over its bit."""
    links = queue = false_links = missed = 0.0
    for one in bins:
        count = one.pairs - one.apart
        chance = float(probability(np.array([one.weight + 0.5]))[0])
        above = float(np.clip(one.weight + 1 - upper, 0, 1))
        below = float(np.clip(lower - one.weight, 0, 1))
        links += count * above
        false_links += count * above * (1 - chance)
        queue += count * max(0.0, 1 - above - below)
        missed += count * below * chance
    return Expected(lower, upper, links, queue, false_links, missed)


def reviewed(
    connection: Connection, thresholds: Thresholds
) -> tuple[list[Reviewed], list[SourceReviewed]]:
    """Decided pairs by band of weight, and by source."""
    decided = decided_pairs(connection)
    lower, upper = thresholds.lower, thresholds.upper
    became = {one[0]: one[1:] for one in _summed(_became(connection, thresholds), "band")}
    weight = decided["weight"].to_numpy(float)
    bands = (
        (2, "at or above the upper threshold", upper, np.inf),
        (1, "between the thresholds", lower, upper),
        (0, "below the lower threshold", -np.inf, lower),
    )
    by_band = []
    for part, name, low, high in bands:
        own = decided[(weight >= low) & (weight < high)]
        counts = became.get(part, (0, 0, 0, 0))
        by_band.append(Reviewed(name, *counts, _matches(own)))
    linked = weight >= upper
    match = (decided["kind"] == MATCH).to_numpy()
    by_source = []
    for source in sorted({*decided["source_l"], *decided["source_r"]}):
        own = ((decided["source_l"] == source) | (decided["source_r"] == source)).to_numpy()
        by_source.append(
            SourceReviewed(
                source,
                Proportion(int((own & linked & ~match).sum()), int((own & linked).sum())),
                Proportion(int((own & ~linked & match).sum()), int((own & match).sum())),
            )
        )
    return by_band, by_source


def _matches(decided: pd.DataFrame) -> Proportion:
    return Proportion(int((decided["kind"] == MATCH).sum()), len(decided))


def decided_pairs(connection: Connection) -> pd.DataFrame:
    """Columns kind, weight, source_l, source_r of pairs decided match or non_match, if kept."""
    found = decisions_in_force(connection)
    found = found[found["kind"].isin([MATCH, NON_MATCH])]
    records = np.unique(found[["l", "r"]].to_numpy(np.int64))
    l, r, weight = columns(
        connection,
        select(Pair.l, Pair.r, Pair.weight).where(among(Pair.l, records), among(Pair.r, records)),
    )
    weights = pd.DataFrame(
        {"l": np.minimum(l, r), "r": np.maximum(l, r), "weight": weight.astype(float)}
    )
    query = select(Record.id, Source.name).join(Source, Source.number == Record.source)
    names = {
        int(number): name
        for number, name in connection.execute(query.where(among(Record.id, records)))
    }
    joined = found.merge(weights, on=["l", "r"])
    return joined.assign(
        source_l=[names[one] for one in joined["l"]], source_r=[names[one] for one in joined["r"]]
    )
