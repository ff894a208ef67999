"""Matching rules and model as settings of Splink.

The table that they are for is that of `matcher.scale.records`.
"""

from typing import Any

from matcher.rules.matching import MatchingRules
from matcher.rules.model import Model
from matcher.scale.conditions import DUCKDB, Dialect
from matcher.scale.levels import SplinkComparison, SplinkLevel, splink_comparisons
from matcher.scale.records import POSITION, SINGLE_SOURCE, key_columns
from matcher.table import MISSING
from matcher.weigh.weights import LARGEST_ADJUSTMENT


def splink_settings(
    rules: MatchingRules,
    model: Model,
    *,
    probability: float,
    single_sources: bool = False,
    dialect: Dialect = DUCKDB,
) -> dict[str, Any]:
    """What ``splink.Linker`` takes as its settings.

    ``probability`` is that of two random records being one child. With ``single_sources``
    no two records of a source that holds each child once are proposed.
    """
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": POSITION,
        "probability_two_random_records_match": probability,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": condition, "sql_dialect": dialect.name}
            for condition in _blocking(rules, single_sources)
        ],
        "comparisons": [
            _comparison(compiled)
            for compiled in splink_comparisons(rules.comparisons, model, dialect)
        ],
        # Without these two Splink keeps neither levels nor partial weights.
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
    }


def _blocking(rules: MatchingRules, single_sources: bool) -> list[str]:
    """Joins on equal keys. A rule that holds one key against another is asked both ways."""
    joins: list[str] = []
    for first, second in key_columns(rules):
        joins += dict.fromkeys([f"l.{first} = r.{second}", f"l.{second} = r.{first}"])
    if not single_sources:
        return joins
    allowed = f"coalesce(l.{SINGLE_SOURCE} <> r.{SINGLE_SOURCE}, TRUE)"
    return [f"{join} AND {allowed}" for join in joins]


def _comparison(compiled: SplinkComparison) -> dict[str, Any]:
    return {
        "output_column_name": compiled.name,
        "comparison_description": compiled.rule.title,
        "comparison_levels": [_level(level) for level in compiled.levels],
    }


def _level(level: SplinkLevel) -> dict[str, Any]:
    said: dict[str, Any] = {"sql_condition": level.sql, "label_for_charts": level.name}
    if level.number == MISSING:
        return {**said, "is_null_level": True}
    said |= {"m_probability": level.m, "u_probability": level.u}
    said |= {"fix_m_probability": True, "fix_u_probability": True}
    if level.rarity is not None:
        said |= {
            "tf_adjustment_column": level.rarity,
            "tf_minimum_u_value": level.u * 2.0**-LARGEST_ADJUSTMENT,
            "disable_tf_exact_match_detection": True,
        }
    return said
