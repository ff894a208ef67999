"""Matching rules and model as settings of Splink.

Columns that the settings expect, beside those of the rules, are those of
`matcher.scale.records`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.rules.matching import Comparison, Level, MatchingRules
from matcher.rules.model import LevelModel, Model
from matcher.scale.conditions import DUCKDB, ConditionCompiler, Dialect, absent
from matcher.table import MISSING
from matcher.weigh.weights import LARGEST_ADJUSTMENT, level_weight

POSITION = "record_position"
"""Column of a record's position, by which pairs are named."""
SINGLE_SOURCE = "single_source"
"""Column of the source's number where it holds each child once; missing elsewhere."""


def splink_settings(
    rules: MatchingRules,
    model: Model,
    *,
    probability: float,
    single_sources: bool = False,
    dialect: Dialect = DUCKDB,
) -> dict[str, Any]:
    """Settings for ``splink.Linker`` over one table of records.

    ``probability`` is that of two random records being one child. With ``single_sources``
    no two records of a source that holds each child once are proposed.
    """
    seen: dict[str, Comparison] = {}
    comparisons = []
    for rule in rules.comparisons:
        graded = graded_levels(rule, model, ConditionCompiler(dialect, dict(seen)))
        comparisons.append(_comparison(rule, graded))
        seen[rule.name] = rule
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": POSITION,
        "probability_two_random_records_match": probability,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": condition, "sql_dialect": dialect.name}
            for condition in _blocking(rules, single_sources)
        ],
        "comparisons": comparisons,
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
    }


def key_columns(rules: MatchingRules) -> list[tuple[str, str]]:
    """Names of each blocking rule's columns: its key, and the key of the other side."""
    return [
        (f"block_{number}", f"block_{number}_against" if rule.against else f"block_{number}")
        for number, rule in enumerate(rules.blocking)
    ]


def _blocking(rules: MatchingRules, single_sources: bool) -> list[str]:
    """Conditions, each a join on equal keys: one that reads across sides makes two."""
    conditions = []
    for first, second in key_columns(rules):
        conditions.append(f"l.{first} = r.{second}")
        if first != second:
            conditions.append(f"l.{second} = r.{first}")
    if not single_sources:
        return conditions
    allowed = f"coalesce(l.{SINGLE_SOURCE} <> r.{SINGLE_SOURCE}, TRUE)"
    return [f"{condition} AND {allowed}" for condition in conditions]


@dataclass(frozen=True, slots=True)
class GradedLevel:
    """A level in Splink's terms. ``number`` is that of the rule's level, or `MISSING`.

    ``rarity`` names the column of values whose frequency adjusts the weight.
    """

    number: int
    name: str
    sql: str
    m: float = 1.0
    u: float = 1.0
    rarity: str | None = None


def graded_levels(
    rule: Comparison, model: Model, compiler: ConditionCompiler
) -> list[GradedLevel]:
    """The levels of one comparison, in order, missing values first."""
    graded = []
    missing = absent(rule)
    if missing is not None:
        graded.append(GradedLevel(MISSING, "missing", missing))
    for number, level in enumerate(rule.levels):
        sql = compiler.sql(level.when) if level.when else "ELSE"
        if not level.evidence:
            graded.append(GradedLevel(number, level.name, sql))
            continue
        known = model.comparisons[rule.name][level.name]
        m, u = _probabilities(known)
        if level.term_frequency is not None and known.u is not None:
            rarity = rarity_column(rule, level)
            if _always_present(rule, level):
                graded.append(GradedLevel(number, level.name, sql, m, u, rarity))
                continue
            # Without a value on both sides there is no rarity, so that is a level of its own.
            both = f"{rarity}_l IS NOT NULL AND {rarity}_r IS NOT NULL"
            rare = both if level.when is None else f"({sql}) AND {both}"
            graded.append(GradedLevel(number, f"{level.name} (rarity)", rare, m, u, rarity))
        graded.append(GradedLevel(number, level.name, sql, m, u))
    return graded


def _always_present(rule: Comparison, level: Level) -> bool:
    same = level.when.same if level.when and level.when.same else []
    return level.term_frequency in {*rule.needs, *same} and level.when is not None


def rarity_column(rule: Comparison, level: Level) -> str:
    """Column of the codes whose frequency adjusts a level's weight."""
    return f"rarity_{_identifier(rule.name)}_{_identifier(level.name)}"


def largest_frequency(known: LevelModel) -> float:
    """The frequency from which on a value's commonness takes no more from the weight."""
    return float((known.u or 1.0) * 2.0**LARGEST_ADJUSTMENT)


def _probabilities(known: LevelModel) -> tuple[float, float]:
    """m and u; for a level that has only a weight, two of the same ratio."""
    if known.m is not None and known.u is not None:
        return known.m, known.u
    weight = level_weight(known)
    return min(2.0**weight, 1.0), min(2.0**-weight, 1.0)


def _comparison(rule: Comparison, graded: Sequence[GradedLevel]) -> dict[str, Any]:
    return {
        "output_column_name": _identifier(rule.name),
        "comparison_description": rule.title,
        "comparison_levels": [_level(level) for level in graded],
    }


def _level(level: GradedLevel) -> dict[str, Any]:
    own: dict[str, Any] = {"sql_condition": level.sql, "label_for_charts": level.name}
    if level.number == MISSING:
        return {**own, "is_null_level": True}
    own |= {"m_probability": level.m, "u_probability": level.u}
    own |= {"fix_m_probability": True, "fix_u_probability": True}
    if level.rarity is not None:
        own |= {
            "tf_adjustment_column": level.rarity,
            "tf_minimum_u_value": level.u * 2.0**-LARGEST_ADJUSTMENT,
            "disable_tf_exact_match_detection": True,
        }
    return own


def level_column(rule: Comparison) -> str:
    """Splink's column of a comparison's level."""
    return f"gamma_{_identifier(rule.name)}"


def level_numbers(rule: Comparison, model: Model, compiler: ConditionCompiler) -> npt.NDArray[np.int8]:
    """The rule's level number by Splink's, which counts from the last level up; the last is -1."""
    graded = [x.number for x in graded_levels(rule, model, compiler) if x.number != MISSING]
    return np.array([*reversed(graded), MISSING], dtype=np.int8)


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)
