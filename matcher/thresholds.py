"""What each pair of thresholds would cost: the queue, and expected false and missed links.

Expectations come from the match probabilities, so they are as good as the calibration:
a link of probability p is false with 1 - p, and a pair left apart is missed with p.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from matcher.classify import probability
from matcher.deciding import Scored, decide
from matcher.links import pair_number, reported
from matcher.rules.matching import Thresholds


@dataclass(frozen=True, slots=True)
class Costs:
    """What one false link, one missed link and one reviewed pair cost, in one unit."""

    false: float
    missed: float
    review: float


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a lower and an upper threshold, in bits.

    ``queue`` is the number of possible links, ``links`` of automatic links; ``expected_false``
    counts false automatic links and ``expected_missed`` matches neither linked nor queued.
    """

    lower: float
    upper: float
    links: int
    queue: int
    expected_false: float
    expected_missed: float

    def cost(self, costs: Costs) -> float:
        """Total cost."""
        return (
            costs.false * self.expected_false
            + costs.missed * self.expected_missed
            + costs.review * self.queue
        )


def consequences(
    scored: Scored, lowers: Iterable[float], uppers: Iterable[float], rival_margin: float
) -> list[Consequence]:
    """The consequence of every lower threshold with every upper one that is not below it.

    ``scored`` must have been scored with a lower threshold no higher than the lowest here.
    """
    uppers = list(uppers)
    return [
        _consequence(scored, Thresholds(lower=lower, upper=upper, rival_margin=rival_margin))
        for lower in lowers
        for upper in uppers
        if upper >= lower
    ]


def _consequence(scored: Scored, thresholds: Thresholds) -> Consequence:
    linked = decide(scored, thresholds)
    followed, waiting = reported(linked)
    chance = probability(linked.weight)
    label = linked.clusters.label
    one, other = label[linked.pairs.l], label[linked.pairs.r]
    queued = pair_number(one[waiting], other[waiting], len(label))
    apart = (one != other) & ~np.isin(pair_number(one, other, len(label)), queued)
    return Consequence(
        lower=thresholds.lower,
        upper=thresholds.upper,
        links=int(followed.sum()),
        queue=int(waiting.sum()),
        expected_false=float((1 - chance[followed]).sum()),
        expected_missed=float(chance[apart & ~linked.designations.rival].sum()),
    )


def cheapest(found: list[Consequence], costs: Costs) -> Consequence:
    """The consequence of least cost; the smaller queue where costs are equal."""
    return min(found, key=lambda one: (one.cost(costs), one.queue, one.lower, one.upper))
