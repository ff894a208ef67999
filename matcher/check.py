"""The worked examples of names, values, survivorship and matching rules, run.

Every example goes through the code that real records go through.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from matcher.block import candidate_pairs, effective_key
from matcher.compare import LevelComparison, ReachedLevels, reached_levels
from matcher.errors import RuleError, RuleProblem
from matcher.frames import records_from
from matcher.register import golden_values
from matcher.rules.document import load_document
from matcher.rules.library import LinkageRules, ReadableRules
from matcher.rules.matching import MatchingRules, PairExample
from matcher.rules.matching_names import named_columns
from matcher.rules.names import Example, NameRules
from matcher.rules.survivorship import SurvivorshipRules
from matcher.rules.values import ValueRules
from matcher.standardise import STANDARDISED_COLUMNS, standardise
from matcher.table import MISSING, Sides, Table

Failure = tuple[int, str]


def check_linkage_rules(rules: LinkageRules | ReadableRules, directory: Path) -> list[RuleProblem]:
    """What is wrong in the rules of a directory that only running them shows.

    Examples run as far as the rules that they need can be read.
    """
    problems = unknown_columns(directory / "matching.yaml")
    names, values = rules.names, rules.values  # noqa: PD011 - not those of a frame
    if names is None or values is None:
        return problems
    standard = _Standard(names, values)
    failures = {
        "names.yaml": _standardised(standard, names.examples),
        "values.yaml": _standardised(standard, values.examples),
    }
    if rules.survivorship is not None:
        failures["survivorship.yaml"] = _survived(standard, rules.survivorship)
    if rules.matching is not None:
        failures["matching.yaml"] = _graded(standard, rules.matching)
    for name, found in failures.items():
        problems += _located(directory / name, found)
    return problems


class _WrongExampleError(ValueError):
    """An example that no extract could give."""


@dataclass(frozen=True, slots=True)
class _Standard:
    """What standardising needs."""

    names: NameRules
    values: ValueRules

    def records(self, rows: Iterable[Mapping[str, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """RECORDS of the rows of an example, and the same standardised."""
        try:
            records = records_from(rows)
        except KeyError as error:
            raise _WrongExampleError(str(error.args[0])) from error
        except ValueError as error:
            raise _WrongExampleError("a date is not one of the calendar, YYYY-MM-DD") from error
        return records, standardise(records, self.names, self.values)


def _located(path: Path, failures: Iterable[Failure]) -> list[RuleProblem]:
    found = list(failures)
    if not found:
        return []
    _, positions = load_document(path)
    return [
        RuleProblem(path, positions.line_of(("examples", number)), message)
        for number, message in found
    ]


def _differences(expected: Mapping[str, str], got: Mapping[Any, Any]) -> Iterable[str]:
    for name, value in expected.items():
        if name not in got:
            yield f"there is no {name!r}"
            continue
        found = got[name] if isinstance(got[name], str) else ""
        if found != value:
            yield f"{name} is {found!r}, expected {value!r}"


def _standardised(standard: _Standard, examples: Iterable[Example]) -> Iterable[Failure]:
    for number, example in enumerate(examples):
        try:
            _, standardised = standard.records([example.given])
        except _WrongExampleError as error:
            yield number, str(error)
            continue
        for difference in _differences(example.expect, standardised.iloc[0].to_dict()):
            yield number, difference


def _survived(standard: _Standard, rules: SurvivorshipRules) -> Iterable[Failure]:
    for number, example in enumerate(rules.examples):
        try:
            records, standardised = standard.records(example.records)
        except _WrongExampleError as error:
            yield number, f"{example.title}: {error}"
            continue
        one_child = np.zeros(len(records), dtype=np.int64)
        golden = golden_values(records, standardised, one_child, rules)
        for difference in _differences(example.expect, golden.iloc[0].to_dict()):
            yield number, f"{example.title}: {difference}"


def unknown_columns(path: Path) -> list[RuleProblem]:
    """Columns of matching rules that no record has, wherever the file names them.

    The file need not be right otherwise; one that cannot be read at all names none.
    """
    try:
        data, positions = load_document(path)
    except RuleError:
        return []
    unknown = {
        (positions.line_of(at), name)
        for at, name in named_columns(data)
        if name not in STANDARDISED_COLUMNS
    }
    return [
        RuleProblem(path, line, f"there is no column {name!r}") for line, name in sorted(unknown)
    ]


def _graded(standard: _Standard, rules: MatchingRules) -> Iterable[Failure]:
    if rules.columns - set(STANDARDISED_COLUMNS):
        return
    for number, example in enumerate(rules.examples):
        try:
            got, proposed = _grade(standard, rules, example)
        except _WrongExampleError as error:
            yield number, f"{example.title}: {error}"
            continue
        for difference in _differences(example.levels, got):
            yield number, f"{example.title}: {difference}"
        if proposed != example.proposed:
            state = "proposed" if proposed else "not proposed"
            yield number, f"{example.title}: the pair is {state} by the blocking rules"


def grade_pair(rules: LinkageRules, example: PairExample) -> tuple[dict[str, str], bool]:
    """Level names of an example by comparison, and whether any blocking rule proposes it."""
    return _grade(_Standard(rules.names, rules.values), rules.matching, example)


def _grade(
    standard: _Standard, rules: MatchingRules, example: PairExample
) -> tuple[dict[str, str], bool]:
    _, frame = standard.records(
        [{"source": "left"} | example.left, {"source": "right"} | example.right]
    )
    table = Table.of(frame, rules.columns, rules.crossings)
    sides = Sides(table, table, np.array([0], np.int32), np.array([1], np.int32))
    reached: dict[str, ReachedLevels] = {}
    names: dict[str, str] = {}
    for rule in rules.comparisons:
        levels = LevelComparison(rule).levels(sides, reached)
        reached[rule.name] = reached_levels(rule, levels)
        level = int(levels[0])
        names[rule.name] = "missing" if level == MISSING else rule.levels[level].name
    keys = [effective_key(rule, table) for rule in rules.blocking]
    return names, any(len(l) for l, _ in candidate_pairs(keys))
