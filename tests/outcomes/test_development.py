"""Good level of development: the cases beyond the rule file's own examples."""

from pathlib import Path

import pandas as pd
import pytest

from matcher.outcomes.development import good_level
from matcher.outcomes.verdicts import NO, UNKNOWN, YES, Verdicts
from matcher.rules.document import parse_rules
from matcher.rules.measures import GoodLevel

RULES = Path(__file__).parents[2] / "linkage_rules" / "measures"
RULE = parse_rules(GoodLevel, RULES / "good_level_of_development.yaml")


def verdicts(year: int, *children: dict[str, object]) -> Verdicts:
    rows = [
        (member, goal, score)
        for member, scores in enumerate(children)
        for goal, score in scores.items()
    ]
    framework = RULE.framework_of(year)
    assert framework is not None
    frame = pd.DataFrame(rows, columns=["member", "goal", "score"]).astype(
        {"goal": "category", "score": "category"}
    )
    return good_level(frame, len(children), framework, RULE)


def expected(prefix: str, count: int = 12) -> dict[str, object]:
    return {f"{prefix}{number:02}": "2" for number in range(1, count + 1)}


@pytest.mark.parametrize("goal", [f"G{number:02}" for number in range(1, 13)])
def test_each_of_the_twelve_goals_can_fail_it(goal: str) -> None:
    found = verdicts(2018, expected("G"), expected("G") | {goal: "1"})
    assert list(found.status) == [YES, NO]


def test_goals_are_known_with_the_extracts_prefixes() -> None:
    prefixed = {f"COM_{goal}": score for goal, score in expected("E").items()}
    full = {f"fsp_lit_{goal.lower()}": f" {score} " for goal, score in expected("E").items()}
    assert list(verdicts(2024, prefixed, full).status) == [YES, YES]


def test_scores_may_be_numbers() -> None:
    assert list(verdicts(2024, dict.fromkeys(expected("E"), 2)).status) == [YES]


def test_the_same_score_twice_is_one_and_another_score_contradicts_it() -> None:
    same = expected("E") | {"COM_E01": "2"}
    other = expected("E") | {"COM_E01": "1"}
    found = verdicts(2024, same, other)
    assert list(found.status) == [YES, UNKNOWN]
    assert found.reasons(found.is_(UNKNOWN)) == {"results_disagree": 1}


def test_a_code_that_is_no_score_is_no_result() -> None:
    found = verdicts(2024, expected("E") | {"E01": "N"}, expected("E") | {"E01": None})
    assert found.reasons(found.is_(UNKNOWN)) == {"results_incomplete": 2}


def test_results_of_another_framework_say_nothing_of_this_one() -> None:
    found = verdicts(2021, expected("E"), {}, expected("G", 3) | expected("E"))
    assert found.reasons(found.is_(UNKNOWN)) == {
        "results_of_other_framework": 1,
        "results_incomplete": 2,
    }


def test_no_results_at_all_are_unknown() -> None:
    assert list(verdicts(2024, {}).status) == [UNKNOWN]


@pytest.mark.parametrize(
    ("year", "name"),
    [
        (2007, None),
        (2008, "2008-12"),
        (2012, "2008-12"),
        (2013, "2013-21"),
        (2021, "2013-21"),
        (2022, "2022 on"),
        (2030, "2022 on"),
    ],
)
def test_each_year_has_its_framework(year: int, name: str | None) -> None:
    found = RULE.framework_of(year)
    assert (found and found.name) == name
