"""Match weights in bits, by worked examples."""

import numpy as np
import pytest

from matcher.rules.matching import Comparison
from matcher.rules.model import LevelModel, Model
from matcher.table import MISSING, OPEN, Sides, Table
from matcher.weigh import Weights
from matcher.weigh.weights import LARGEST_ADJUSTMENT, level_weight
from tests.spec.drawn import coded


@pytest.mark.parametrize(
    ("m", "u", "bits"), [(0.8, 0.1, 3.0), (0.1, 0.8, -3.0), (0.5, 0.5, 0.0), (1.0, 1 / 1024, 10.0)]
)
def test_a_level_weighs_log2_of_m_over_u(m: float, u: float, bits: float) -> None:
    assert level_weight(LevelModel(m=m, u=u)) == pytest.approx(bits)


def test_an_interaction_weighs_what_it_says() -> None:
    assert level_weight(LevelModel(weight=-7.5)) == -7.5


FORENAME = Comparison.model_validate(
    {
        "name": "forename",
        "title": "Forename",
        "needs": ["forename"],
        "levels": [
            {
                "name": "same",
                "when": {"same": ["forename"]},
                "reason": "same",
                "term_frequency": "forename",
            },
            {
                "name": "near",
                "when": {"edits": {"column": "forename", "at_most": 1}},
                "reason": "near",
            },
            {"name": "silent", "when": {"either": "forename"}, "reason": "?", "evidence": False},
            {"name": "different", "reason": "different"},
        ],
    }
)
MODEL = Model(
    version=1,
    trained_on="nothing",
    matches_per_record=1.0,
    comparisons={
        "forename": {
            "same": LevelModel(m=0.8, u=0.1),
            "near": LevelModel(m=0.1, u=0.2),
            "different": LevelModel(m=0.1, u=0.8),
        }
    },
)


def weighed(shares: dict[str, float], left: list[str], right: list[str]) -> tuple:
    """Weights over a population with these shares of forenames, and pairs of forenames."""
    table = Table.of(coded("\n".join(["forename", *shares, *left, *right])), ["forename"])
    values = table.columns["forename"].values
    frequencies = {"forename": np.array([shares[value] for value in values])}
    first = np.arange(len(left), dtype=np.int32) + np.int32(len(shares))
    sides = Sides(table, table, first, first + np.int32(len(left)))
    return Weights([FORENAME], MODEL, frequencies).by_comparison[0], sides


SAME = np.array([0], dtype=np.int8)


def partial_of_agreement_on(name: str, shares: dict[str, float]) -> float:
    weights, sides = weighed(shares, [name], [name])
    return float(weights.partial(SAME, sides)[0])


def test_agreement_on_a_value_weighs_log2_of_m_over_its_share() -> None:
    shares = {"ZOE": 0.0125, "ALI": 0.1, "MOHAMMED": 0.4}
    assert partial_of_agreement_on("ZOE", shares) == pytest.approx(6.0)
    assert partial_of_agreement_on("ALI", shares) == pytest.approx(3.0)
    assert partial_of_agreement_on("MOHAMMED", shares) == pytest.approx(1.0)


def test_a_single_rare_value_is_never_worth_more_than_the_largest_adjustment() -> None:
    shares = {"ZOE": 1e-9, "ALI": 0.5}
    assert partial_of_agreement_on("ZOE", shares) == pytest.approx(3.0 + LARGEST_ADJUSTMENT)


def test_other_levels_weigh_the_same_whatever_the_values() -> None:
    weights, sides = weighed({"ZOE": 0.01, "ALI": 0.4}, ["ZOE", "ALI"], ["ALI", "ALI"])
    levels = np.array([3, 1], dtype=np.int8)
    assert weights.partial(levels, sides) == pytest.approx([-3.0, -1.0])


def test_missing_values_and_levels_without_evidence_weigh_nothing() -> None:
    weights, sides = weighed({"ZOE": 0.01}, ["ZOE", "ZOE"], ["ZOE", "ZOE"])
    assert weights.partial(np.array([MISSING, 2], dtype=np.int8), sides).tolist() == [0.0, 0.0]


def test_an_open_pair_may_still_reach_the_best_level_that_strings_could_show() -> None:
    weights, sides = weighed({"ZOE": 0.0125, "ALI": 0.4}, ["ZOE"] * 3, ["ALI"] * 3)
    levels = np.array([OPEN, MISSING, 3], dtype=np.int8)
    assert weights.best(levels, sides, first_costly=1) == pytest.approx([0.0, 0.0, -3.0])


def test_what_is_settled_may_come_to_no_more_than_it_weighs() -> None:
    weights, sides = weighed({"ZOE": 0.0125, "ALI": 0.4}, ["ZOE", "ALI"], ["ZOE", "ALI"])
    levels = np.repeat(SAME, 2)
    found = weights.best(levels, sides, first_costly=1)
    assert found.tolist() == weights.partial(levels, sides).tolist()
    assert found == pytest.approx([6.0, 1.0])


def test_an_open_level_whose_rarity_counts_may_be_of_the_rarest_value() -> None:
    weights, sides = weighed({"ZOE": 0.0125, "ALI": 0.4}, ["ALI"], ["ALI"])
    open_ = np.array([OPEN], dtype=np.int8)
    assert weights.best(open_, sides, first_costly=0) == pytest.approx([6.0])
