"""Advice on thresholds: what each pair of them would cost on given extracts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from api.services.linking import Extract, read_extracts
from api.services.observe import Recorder
from api.services.rules import RuleBook
from matcher.pipeline import score
from matcher.rules.model import Model
from matcher.thresholds import Consequence, Costs, cheapest, consequences

# Bits around which services usually choose; the rules' own thresholds are added.
_LOWERS = (-6.0, -3.0, 0.0, 3.0)
_UPPERS = (3.0, 5.0, 7.0, 9.0, 12.0)


@dataclass(frozen=True)
class Advice:
    """Consequences of every pair of thresholds, the current one and the cheapest."""

    consequences: list[Consequence]
    current: Consequence
    suggested: Consequence
    costs: Costs

    def as_dict(self) -> dict[str, Any]:
        """Plain values, with the cost of each."""

        def plain(found: Consequence) -> dict[str, Any]:
            return {**asdict(found), "cost": round(found.cost(self.costs), 3)}

        return {
            "costs": asdict(self.costs),
            "thresholds": [plain(found) for found in self.consequences],
            "current": plain(self.current),
            "suggested": plain(self.suggested),
        }


def advise(
    extracts: Sequence[Extract], book: RuleBook, model: Model, costs: Costs, recorder: Recorder
) -> Advice:
    """Read and weigh extracts once, then see what thresholds would do."""
    rules = book.linkage.matching.thresholds
    lowers = sorted({*_LOWERS, rules.lower})
    uppers = sorted({*_UPPERS, rules.upper})
    material = read_extracts(extracts, book, recorder)
    scored = score(
        material.records,
        book.linkage,
        model,
        single_sources=material.single_sources,
        lower=lowers[0],
        observer=recorder,
    )
    with recorder.stage("thresholds"):
        found = consequences(scored, lowers, uppers, rules.rival_margin)
    current = next(x for x in found if (x.lower, x.upper) == (rules.lower, rules.upper))
    return Advice(found, current, cheapest(found, costs), costs)
