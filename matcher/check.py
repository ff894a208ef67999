"""The worked examples of names, values, survivorship and matching rules, run.

Every example goes through the code that real records go through.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from matcher.block import candidate_pairs, effective_key
from matcher.compare import LevelComparison, reached_levels
from matcher.errors import RuleProblem
from matcher.frames import records_from
from matcher.register import golden_values
from matcher.rules.document import load_document
from matcher.rules.library import LinkageRules
from matcher.rules.matching import PairExample
from matcher.standardise import STANDARDISED_COLUMNS, standardise
from matcher.table import MISSING, Mask, Sides, Table

Failure = tuple[int, str]


def check_linkage_rules(rules: LinkageRules, directory: Path) -> list[RuleProblem]:
    """What is wrong in the rules of a directory that only running them shows."""
    return [
        *_located(directory / "names.yaml", _standardised(rules, rules.names.examples)),
        *_located(directory / "values.yaml", _standardised(rules, rules.values.examples)),
        *_located(directory / "survivorship.yaml", _survived(rules)),
        *unknown_columns(rules, directory / "matching.yaml"),
        *_located(directory / "matching.yaml", _graded(rules)),
    ]


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


def _standardised(rules: LinkageRules, examples: Iterable[Any]) -> Iterable[Failure]:
    for number, example in enumerate(examples):
        try:
            records = records_from([example.given])
        except KeyError as error:
            yield number, str(error.args[0])
            continue
        got = standardise(records, rules.names, rules.values).iloc[0].to_dict()
        for difference in _differences(example.expect, got):
            yield number, difference


def _survived(rules: LinkageRules) -> Iterable[Failure]:
    for number, example in enumerate(rules.survivorship.examples):
        records = records_from(example.records)
        standardised = standardise(records, rules.names, rules.values)
        one_child = np.zeros(len(records), dtype=np.int64)
        golden = golden_values(records, standardised, one_child, rules.survivorship)
        for difference in _differences(example.expect, golden.iloc[0].to_dict()):
            yield number, f"{example.title}: {difference}"


def unknown_columns(rules: LinkageRules, path: Path) -> list[RuleProblem]:
    """Columns of ``matching.yaml`` that no record has, each where it is first named."""
    unknown = rules.matching.columns - set(STANDARDISED_COLUMNS)
    if not unknown:
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    problems = []
    for name in sorted(unknown):
        named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        found = (number for number, line in enumerate(lines, start=1) if named.search(line))
        problems.append(RuleProblem(path, next(found, 1), f"there is no column {name!r}"))
    return problems


def _graded(rules: LinkageRules) -> Iterable[Failure]:
    if rules.matching.columns - set(STANDARDISED_COLUMNS):
        return
    for number, example in enumerate(rules.matching.examples):
        got, proposed = grade_pair(rules, example)
        for difference in _differences(example.levels, got):
            yield number, f"{example.title}: {difference}"
        if proposed != example.proposed:
            state = "proposed" if proposed else "not proposed"
            yield number, f"{example.title}: the pair is {state} by the blocking rules"


def grade_pair(rules: LinkageRules, example: PairExample) -> tuple[dict[str, str], bool]:
    """Level names of an example by comparison, and whether any blocking rule proposes it."""
    records = records_from([{"source": "left"} | example.left, {"source": "right"} | example.right])
    frame = standardise(records, rules.names, rules.values)
    table = Table.of(frame, rules.matching.columns, rules.matching.crossings)
    sides = Sides(table, table, np.array([0], np.int32), np.array([1], np.int32))
    reached: dict[str, dict[str, Mask]] = {}
    names: dict[str, str] = {}
    for rule in rules.matching.comparisons:
        levels = LevelComparison(rule).levels(sides, reached)
        reached[rule.name] = reached_levels(rule, levels)
        level = int(levels[0])
        names[rule.name] = "missing" if level == MISSING else rule.levels[level].name
    keys = [effective_key(rule, table) for rule in rules.matching.blocking]
    return names, any(len(l) for l, _ in candidate_pairs(keys))
