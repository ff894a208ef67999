"""What the rules become in Splink's settings."""

from math import log2

import pytest
import sqlglot

from matcher.rules.matching import BlockingRule, Comparison, Condition
from matcher.rules.model import Model
from matcher.scale import score_on_splink, splink_settings
from matcher.scale.conditions import DUCKDB, SPARK, ConditionCompiler, Dialect
from tests.scale.strategies import matching, prepared
from tests.scale.test_engines_agree import assert_same, on_the_core
from tests.spec import shipped

NAME = Comparison.model_validate(
    {
        "name": "name",
        "title": "Name",
        "needs": ["forename"],
        "levels": [
            {
                "name": "same",
                "when": {"same": ["forename"]},
                "reason": "same",
                "term_frequency": "forename",
            },
            {"name": "swapped", "when": {"swapped": ["forename", "surname"]}, "reason": "swapped"},
            {"name": "different", "reason": "different"},
        ],
    }
)


def sql(condition: dict, *comparisons: Comparison, dialect: Dialect = DUCKDB) -> str:
    compiler = ConditionCompiler(dialect, {rule.name: rule for rule in comparisons})
    return compiler.sql(Condition.model_validate(condition))


def test_a_level_of_another_comparison_is_a_case_of_its_conditions() -> None:
    assert sql({"levels": {"name": ["swapped", "different"]}}, NAME) == (
        "(CASE WHEN ((forename_l IS NULL OR forename_r IS NULL) OR forename_l = forename_r) "
        "THEN FALSE ELSE TRUE END)"
    )


def test_only_not_says_what_a_missing_value_means() -> None:
    assert sql({"same": ["forename"]}) == "forename_l = forename_r"
    assert sql({"not": {"same": ["forename"]}}) == "NOT coalesce(forename_l = forename_r, FALSE)"


def test_a_rule_held_against_other_columns_is_asked_both_ways() -> None:
    rule = BlockingRule(name="swapped", key=["forename"], against=["surname"])
    settings = splink_settings(matching([rule], [NAME]), model(u=0.1), probability=0.01)
    assert settings["blocking_rules_to_generate_predictions"] == [
        {"blocking_rule": "l.block_0 = r.block_0_against", "sql_dialect": "duckdb"},
        {"blocking_rule": "l.block_0_against = r.block_0", "sql_dialect": "duckdb"},
    ]


@pytest.mark.parametrize("dialect", [DUCKDB, SPARK])
def test_the_shipped_rules_compile_for_every_dialect(dialect: Dialect) -> None:
    settings = splink_settings(
        shipped.rules().matching, shipped.model(), probability=0.01, dialect=dialect
    )
    conditions = [
        level["sql_condition"]
        for comparison in settings["comparisons"]
        for level in comparison["comparison_levels"]
        if level["sql_condition"] != "ELSE"
    ]
    parsed = [sqlglot.parse_one(condition, read=dialect.name) for condition in conditions]
    assert len(parsed) > len(shipped.rules().matching.comparisons)
    assert all(isinstance(found, sqlglot.exp.Condition) for found in parsed)


@pytest.mark.parametrize("u", [1.0, 1e-7], ids=["a rare value", "a common value"])
def test_no_value_is_so_rare_or_common_that_it_adds_or_takes_more_than_ten_bits(u: float) -> None:
    rows = [
        {"forename": f"NAME {number // 2}", "surname": str(number // 2)} for number in range(6000)
    ]
    rows += [{"forename": "ANNA", "surname": "x"}] * 2
    rest = {"other": None, "date_of_birth": None, "postcode": None}
    records = prepared([{**row, **rest} for row in rows])
    rules = matching([BlockingRule(name="surname", key=["surname"])], [NAME])
    found = score_on_splink(records, rules, model(u))
    assert_same(found, on_the_core(records, rules, model(u)))
    assert found["evidence"].iloc[0] == pytest.approx(log2(0.9 / u) + (10 if u == 1.0 else -10))


def model(u: float) -> Model:
    levels = {"same": {"m": 0.9, "u": u}, "swapped": {"m": 0.1, "u": 0.1}}
    return Model.model_validate(
        {
            "version": 1,
            "trained_on": "nothing",
            "matches_per_record": 1,
            "comparisons": {"name": {**levels, "different": {"m": 0.1, "u": 0.9}}},
        }
    )
