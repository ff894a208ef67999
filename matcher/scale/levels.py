"""Comparison levels in Splink's terms: a condition in SQL, m and u.

Splink numbers a comparison's levels from the last one up, the core from the first one
down. Where a level's weight depends on a value's rarity and the value may be missing, it
becomes two of Splink's.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.rules.matching import Comparison, Level
from matcher.rules.model import LevelModel, Model
from matcher.scale.conditions import ConditionCompiler, Dialect
from matcher.table import MISSING, Levels
from matcher.weigh.weights import level_weight


@dataclass(frozen=True, slots=True)
class SplinkLevel:
    """A condition that makes pairs reach level ``number`` of a comparison, or `MISSING`.

    ``rarity`` names the column of the values whose frequency adjusts the weight.
    """

    number: int
    name: str
    sql: str
    m: float = 1.0
    u: float = 1.0
    rarity: str | None = None


@dataclass(frozen=True, slots=True)
class SplinkComparison:
    """A comparison and its levels, in the order in which they are asked."""

    rule: Comparison
    levels: Sequence[SplinkLevel]

    @property
    def name(self) -> str:
        """The comparison's name as part of a column's name."""
        return _identifier(self.rule.name)

    @property
    def level_column(self) -> str:
        """Splink's column of the level that a pair reached."""
        return f"gamma_{self.name}"

    @property
    def numbers(self) -> Levels:
        """The core's level number by Splink's, which is -1 where a value is missing."""
        reached = [level.number for level in self.levels if level.number != MISSING]
        return np.array([*reversed(reached), MISSING], dtype=np.int8)


def splink_comparisons(
    rules: Sequence[Comparison], model: Model, dialect: Dialect
) -> list[SplinkComparison]:
    """All comparisons compiled, each able to refer to the levels of those before it."""
    seen: dict[str, Comparison] = {}
    compiled = []
    for rule in rules:
        compiler = ConditionCompiler(dialect, dict(seen))
        levels = _levels(rule, model.comparisons.get(rule.name, {}), compiler)
        compiled.append(SplinkComparison(rule, list(levels)))
        seen[rule.name] = rule
    return compiled


def rarity_column(rule: Comparison, level: Level) -> str:
    """Column of the values, as codes, whose frequency adjusts the weight of a level."""
    return f"rarity_{_identifier(rule.name)}_{_identifier(level.name)}"


def _levels(
    rule: Comparison, model: dict[str, LevelModel], compiler: ConditionCompiler
) -> Iterator[SplinkLevel]:
    yield SplinkLevel(MISSING, "missing", compiler.lacks(rule.needs))
    for number, level in enumerate(rule.levels):
        sql = compiler.sql(level.when) if level.when else "ELSE"
        if not level.evidence:
            yield SplinkLevel(number, level.name, sql)
            continue
        m, u = _probabilities(model[level.name])
        if level.term_frequency is not None and model[level.name].u is not None:
            rarity = rarity_column(rule, level)
            if _has_value(rule, level, level.term_frequency):
                yield SplinkLevel(number, level.name, sql, m, u, rarity)
                continue
            present = f"{rarity}_l IS NOT NULL AND {rarity}_r IS NOT NULL"
            rare = f"({sql}) AND {present}" if level.when else present
            yield SplinkLevel(number, f"{level.name} (by rarity)", rare, m, u, rarity)
        yield SplinkLevel(number, level.name, sql, m, u)


def _has_value(rule: Comparison, level: Level, column: str) -> bool:
    """Whether both records of a pair on this level surely have a value in the column."""
    if level.when is None:
        return False
    return column in rule.needs or column in (level.when.same or [])


def _probabilities(known: LevelModel) -> tuple[float, float]:
    """m and u; for a level that has only a weight, two of that ratio."""
    if known.m is not None and known.u is not None:
        return known.m, known.u
    weight = level_weight(known)
    return min(2.0**weight, 1.0), min(2.0**-weight, 1.0)


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)
