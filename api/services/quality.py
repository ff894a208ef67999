"""How good the links are: by their weights, and by what people said of a sample of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Float, case, cast, func, select

from api.db.models import Pair, Record, Run, Source
from api.services.register.columns import among, columns
from api.services.register.decisions import MATCH, NON_MATCH, decisions_in_force
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


def weight_bins(connection: Connection) -> list[WeightBin]:
    """Kept pairs by whole bits of weight, from the lowest."""
    return [WeightBin(*row) for row in _became(connection, func.floor(cast(Pair.weight, Float)))]


def _became(connection: Connection, group: Any) -> list[tuple[int, int, int, int, int]]:
    """What became of kept pairs, by a number: as a `WeightBin` has it, from the lowest."""
    group = group.label("part")
    found = connection.execute(
        select(
            group,
            func.count(),
            func.sum(Pair.link),
            func.sum(Pair.waiting * (1 - Pair.link)),
            func.sum(Pair.apart * (1 - Pair.link) * (1 - Pair.waiting)),
        )
        .group_by(group)
        .order_by(group)
    )
    return [
        (int(part), int(link), int(wait), int(apart), int(n - link - wait - apart))
        for part, n, link, wait, apart in found
    ]


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
    band = case((Pair.weight >= upper, 2), (Pair.weight >= lower, 1), else_=0)
    became = {one[0]: one[1:] for one in _became(connection, band)}
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
        select(Pair.l, Pair.r, Pair.weight).where(
            among(connection, Pair.l, records), among(connection, Pair.r, records)
        ),
    )
    weights = pd.DataFrame(
        {"l": np.minimum(l, r), "r": np.maximum(l, r), "weight": weight.astype(float)}
    )
    query = select(Record.id, Source.name).join(Source, Source.number == Record.source)
    names = {
        int(number): name
        for number, name in connection.execute(query.where(among(connection, Record.id, records)))
    }
    joined = found.merge(weights, on=["l", "r"])
    return joined.assign(
        source_l=[names[one] for one in joined["l"]], source_r=[names[one] for one in joined["r"]]
    )
