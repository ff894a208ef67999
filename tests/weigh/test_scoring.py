"""Which pairs are kept: those that reach the floor, and those whose levels keep them apart."""

import itertools

import numpy as np
import pytest

from matcher.rules.matching import Comparison
from matcher.rules.model import LevelModel, Model
from matcher.scoring import Scorer
from matcher.table import Table
from matcher.weigh import Weights
from tests.spec.drawn import coded

# Spelling is compared only where names differ, the names that may lose most first.
NAMES = ("forename", "surname", "other")


def _name(column: str) -> Comparison:
    near = {"edits": {"column": column, "at_most": 1}}
    return Comparison.model_validate(
        {
            "name": column,
            "title": column,
            "needs": [column],
            "levels": [
                {"name": "same", "when": {"same": [column]}, "reason": "same"},
                {"name": "near", "when": near, "reason": "near"},
                {"name": "different", "reason": "different"},
            ],
        }
    )


def _family(*needs: dict[str, list[str]], keeps_apart: bool = True) -> Comparison:
    levels = [
        {
            "name": f"{number}",
            "when": {"all": [{"levels": own}, {"not": {"levels": {"other": ["same"]}}}]},
            "reason": "family",
            "keeps_apart": keeps_apart,
        }
        for number, own in enumerate(needs)
    ]
    none = {"name": "none", "reason": "none", "evidence": False}
    return Comparison.model_validate(
        {"name": "family", "title": "family", "levels": [*levels, none]}
    )


def kept(family: Comparison, left: list[str], right: list[str], floor: float = 50.0) -> set[str]:
    """Of pairs of three names each, 'anna khan x', those that are kept."""
    rules = [*map(_name, NAMES), family]
    near = LevelModel(m=0.1, u=0.1)
    known = {
        name: {"same": LevelModel(m=0.9, u=0.1), "near": near, "different": LevelModel(m=0.1, u=u)}
        for name, u in zip(NAMES, (0.9, 0.8, 0.7), strict=True)
    }
    told = {level.name: LevelModel(weight=-4.0) for level in family.levels if level.evidence}
    model = Model(
        version=1,
        trained_on="nothing",
        matches_per_record=1.0,
        comparisons=known | {"family": told},
    )
    lines = ["|".join(NAMES), *("|".join(text.split()) for text in [*left, *right])]
    table = Table.of(coded("\n".join(lines)), NAMES)
    positions = np.arange(len(left), dtype=np.int32)
    scored = Scorer(rules, Weights(rules, model, {})).score(
        table, (positions, positions + np.int32(len(left))), floor
    )
    return {f"{left[at]} | {right[at]}" for at in scored.l}


@pytest.mark.parametrize("wanted", list(itertools.product(("same", "near", "different"), repeat=3)))
def test_a_pair_is_kept_apart_however_far_below_the_floor_it_is(wanted: tuple[str, ...]) -> None:
    first = ("anna", "khan", "rosa")
    other = {
        "same": first,
        "near": ("anne", "khal", "rose"),
        "different": ("zoe", "booth", "ivy"),
    }
    of_each = itertools.product(("same", "near", "different"), repeat=3)
    right = [" ".join(other[level][at] for at, level in enumerate(own)) for own in of_each]
    family = _family(
        {name: [level] for name, level in zip(NAMES, wanted, strict=True)},
        {"forename": ["missing"], "surname": ["same"]},
    )
    found = kept(family, [" ".join(first)] * len(right), right)
    this = " ".join(other[level][at] for at, level in enumerate(wanted))
    # Where the third name is the same, the level does not hold.
    assert found == (set() if wanted[2] == "same" else {f"{' '.join(first)} | {this}"})


def test_more_levels_that_keep_apart_than_bits_to_mark_them_by() -> None:
    nothing = {"forename": ["missing"]}
    family = _family(*[nothing] * 40, {"forename": ["near"], "surname": ["different"]})
    left, right = ["anna khan x", "anna khan x"], ["anne booth y", "zoe booth y"]
    assert kept(family, left, right) == {"anna khan x | anne booth y"}


def test_a_level_that_does_not_keep_apart_keeps_nothing_below_the_floor() -> None:
    family = _family({"surname": ["different"]}, keeps_apart=False)
    left, right = ["anna khan x", "anna khan x"], ["anne booth y", "anna khan x"]
    assert kept(family, left, right) == set()
    assert kept(family, left, right, floor=9.0) == {"anna khan x | anna khan x"}
