"""What files of measures name: conditions of their own, definitions and sources of others.

All of it works on the plain values of files that may be wrong in any other way, so that
every name is looked at, whatever else is to be mended.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from matcher.errors import RuleError, RuleProblem
from matcher.rules.document import Location, Mistake, load_document

# What each kind of condition, and the cohort, needs its sources to hold.
COHORT_ACTIVITY = "eyfsp_results"
CONDITION_ACTIVITY = {"free_school_meals": "fsm_periods", "sustained_contact": "contacts"}


def condition_mistakes(data: Any) -> Iterator[Mistake]:
    """Conditions that are used but not there, there but not used, or used twice."""
    known = _group(data, "conditions")
    used: list[tuple[Location, str]] = []
    for part in ("denominator", "numerator"):
        used += _texts(_group(data).get(part), (part,))
    if isinstance(compare := _group(data).get("compare"), str):
        used.append((("compare",), compare))
    seen: set[str] = set()
    for at, name in used:
        if name not in known:
            yield at, f"no condition is called {name}"
        if name in seen:
            yield at, f"condition {name} stands twice in denominator, numerator and compare"
        seen.add(name)
    for name in known:
        if name not in seen:
            yield ("conditions", str(name)), f"condition {name} is not used"


def definition_mistakes(paths: Iterable[Path]) -> list[RuleProblem]:
    """Definitions that measures name and that no file, or one of another kind, gives.

    A definition that is absent while some file does not tell its name is not reported: it may
    be that file's, whose own problems are.
    """
    kinds: dict[str, str] = {}
    measures: list[tuple[Path, Any, Any]] = []
    complete = True
    for path in paths:
        try:
            data, positions = load_document(path)
        except RuleError:
            complete = False
            continue
        name, kind = _group(data).get("name"), _group(data).get("kind")
        if isinstance(name, str) and isinstance(kind, str):
            kinds[name] = kind
        else:
            complete = False
        if kind == "measure":
            measures.append((path, data, positions))
    problems = []
    for path, data, positions in measures:
        for name, condition in _group(data, "conditions").items():
            wanted, kind = _group(condition).get("definition"), _group(condition).get("kind")
            if not isinstance(wanted, str) or not isinstance(kind, str):
                continue
            line = positions.line_of(("conditions", str(name), "definition"))
            if wanted in kinds and kinds[wanted] != kind:
                problems.append(RuleProblem(path, line, f"{wanted!r} does not define {kind}"))
            elif wanted not in kinds and complete:
                problems.append(RuleProblem(path, line, f"no definition {wanted!r}"))
    return problems


def sources_of_measure(data: Any) -> Iterator[tuple[Location, str, str | None]]:
    """Every source that a measure names, where, and the kind of activity that it needs of it."""
    if isinstance(source := _group(data, "cohort").get("source"), str):
        yield ("cohort", "source"), source, COHORT_ACTIVITY
    for name, condition in _group(data, "conditions").items():
        activity = CONDITION_ACTIVITY.get(str(_group(condition).get("kind")))
        where = ("conditions", str(name), "sources")
        for place, source in _texts(_group(condition).get("sources"), where):
            yield place, source, activity
    for at, example in _items(_group(data).get("examples"), ("examples",)):
        for below, child in _items(_group(example).get("children"), (*at, "children")):
            for place, source in _texts(_group(child).get("linked_to"), (*below, "linked_to")):
                yield place, source, None


def _group(data: Any, key: str | None = None) -> dict[Any, Any]:
    """A group of keys, or the one below a key; empty if there is none."""
    if not isinstance(data, dict):
        return {}
    return data if key is None else _group(data.get(key))


def _items(data: Any, at: Location) -> list[tuple[Location, Any]]:
    """The items of a list, and where each stands."""
    items = data if isinstance(data, list) else []
    return [((*at, number), item) for number, item in enumerate(items)]


def _texts(data: Any, at: Location) -> list[tuple[Location, str]]:
    """The texts of a list, and where each stands."""
    return [(place, item) for place, item in _items(data, at) if isinstance(item, str)]
