"""Run the worked examples that the rule files of measures carry."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from matcher.errors import RuleError, RuleProblem
from matcher.outcomes.compute import measure
from matcher.outcomes.contact import sustained
from matcher.outcomes.development import good_level
from matcher.outcomes.example_frames import example_inputs, scores
from matcher.outcomes.result import MeasureResult
from matcher.outcomes.verdicts import NO, YES
from matcher.rules.document import load_document
from matcher.rules.measure_examples import (
    ContactExample,
    GoodLevelExample,
    MeasureExample,
)
from matcher.rules.measures import (
    Definition,
    GoodLevel,
    Measure,
    SustainedContact,
    load_measure_rules,
)


def check_measures(directory: Path) -> list[RuleProblem]:
    """Every problem of every rule file in the directory, its worked examples included.

    Examples run only if all files can be read, since measures share definitions.
    """
    try:
        rules = load_measure_rules(directory)
    except RuleError as error:
        return error.problems
    problems: list[RuleProblem] = []
    for name, path in rules.files.items():
        problems += run_examples(rules.measures.get(name) or rules.definitions[name], path)
    return sorted(problems)


def run_examples(rule: Measure | Definition, path: Path) -> list[RuleProblem]:
    """The examples of one rule that do not come out as they say, with their lines in its file."""
    outcomes: Iterator[list[str]]
    if isinstance(rule, Measure):
        outcomes = (_of_measure(rule, example) for example in rule.spec.examples)
        titles = [example.title for example in rule.spec.examples]
    elif isinstance(rule, GoodLevel):
        outcomes = (_of_good_level(rule, example) for example in rule.examples)
        titles = [example.title for example in rule.examples]
    else:
        outcomes = (_of_contact(rule, example) for example in rule.examples)
        titles = [example.title for example in rule.examples]
    _, positions = load_document(path)
    return [
        RuleProblem(path, positions.line_of(("examples", at)), f"example {titles[at]!r}: {message}")
        for at, messages in enumerate(outcomes)
        for message in messages
    ]


def _of_measure(rule: Measure, example: MeasureExample) -> list[str]:
    result = measure(rule, example_inputs(rule, example))
    if not result.computed:
        return [f"not computed: {result.why_not}"]
    given = _comparable(result)
    expected = example.expect.model_dump(exclude_none=True)
    return [
        f"expected {name} {value}, got {given[name]}"
        for name, value in expected.items()
        if given[name] != value
    ]


def _comparable(result: MeasureResult) -> dict[str, object]:
    rounded = result.rounded()
    return {
        "numerator": result.numerator,
        "denominator": result.denominator,
        "value": None if rounded is None else float(rounded),
        "unlinked": result.unlinked,
        "excluded": {found.code: found.count for found in result.excluded},
    }


def _of_good_level(rule: GoodLevel, example: GoodLevelExample) -> list[str]:
    framework = rule.framework_of(example.reception_year)
    if framework is None:
        return [f"no framework holds in {example.reception_year}"]
    rows = pd.DataFrame(scores(framework, example.scores, example.but), columns=["goal", "score"])
    status = good_level(rows.assign(member=0), 1, framework, rule).status[0]
    given = {YES: "reached", NO: "not_reached"}.get(int(status), "unknown")
    return [] if given == example.expect else [f"expected {example.expect}, got {given}"]


def _of_contact(rule: SustainedContact, example: ContactExample) -> list[str]:
    counting = [
        contact for contact in example.contacts if rule.attended_by in ("family", contact.by)
    ]
    rows = pd.DataFrame(
        {
            "member": [0] * len(counting),
            "date": pd.to_datetime([contact.day for contact in counting]),
            "activity": [contact.activity for contact in counting],
            "attended": [contact.attended for contact in counting],
        }
    )
    days = [np.array([day], dtype="datetime64[D]") for day in (example.born, example.before)]
    given = bool(sustained(rows, days[0], days[1], rule)[0])
    return [] if given == example.expect else [f"expected {example.expect}, got {given}"]
