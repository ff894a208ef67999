"""Sources that other rule files name: defined, holding what is asked of them, and permitted.

Works on the plain values of files that may be wrong in any other way.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matcher.errors import RuleError, RuleProblem
from matcher.rules.document import Location, Mistake, load_document, placed
from matcher.rules.measure_names import sources_of_measure
from matcher.rules.sources import SourceDefinition

OUTCOMES = "outcomes"
"""The purpose that a source must permit before a measure may draw on it."""


def source_mistakes(
    directory: Path, definitions: Mapping[str, SourceDefinition]
) -> list[RuleProblem]:
    """Sources that rules name and that are not there, or do not serve.

    ``definitions`` are those that can be read; of the others only the name is known.
    """
    names = {path.stem for path in (directory / "sources").glob("*.yaml")}
    problems: list[RuleProblem] = []
    measures = sorted((directory / "measures").glob("*.yaml"))
    for path in (*(directory / name for name in _NAMED_IN), *measures):
        try:
            data, positions = load_document(path)
        except RuleError:
            continue
        of_measure = path.parent.name == "measures"
        found = _of_measure(data, definitions) if of_measure else ()
        named = sources_of_measure(data) if of_measure else _NAMED_IN[path.name](data)
        absent = [(at, _ABSENT.format(name)) for at, name, _ in named if name not in names]
        problems += placed(path, positions, [*absent, *found])
    return problems


_ABSENT = "no source {0!r}: sources/{0}.yaml is not there"


def _ranked(data: Any) -> Iterator[tuple[Location, str, None]]:
    """Every source that survivorship rules rank, and where."""
    if not isinstance(data, dict):
        return
    fields = data.get("fields")
    lists: list[tuple[Location, Any]] = [(("sources",), data.get("sources"))]
    lists += [
        (("fields", str(name), "sources"), rule.get("sources"))
        for name, rule in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(rule, dict)
    ]
    for at, items in lists:
        for number, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, str):
                yield (*at, number), item, None


def _expected(data: Any) -> Iterator[tuple[Location, str, None]]:
    """Every source in which groups expect children, and where."""
    items = data.get("expected") if isinstance(data, dict) else None
    for number, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict) and isinstance(item.get("source"), str):
            yield ("expected", number, "source"), item["source"], None


def _scheduled(data: Any) -> Iterator[tuple[Location, str, None]]:
    """Every source that has a schedule of its own, and where."""
    schedules = data.get("sources") if isinstance(data, dict) else None
    for name in schedules if isinstance(schedules, dict) else ():
        yield ("sources", str(name)), str(name), None


def _of_groups(data: Any) -> Iterator[tuple[Location, str, None]]:
    yield from _ranked(data)
    yield from _expected(data)


_NAMED_IN = {
    "survivorship.yaml": _ranked,
    "groups.yaml": _of_groups,
    "retention.yaml": _scheduled,
}


def _of_measure(data: Any, definitions: Mapping[str, SourceDefinition]) -> Iterator[Mistake]:
    for at, name, activity in sources_of_measure(data):
        definition = definitions.get(name)
        if definition is None or activity is None:
            continue
        if not any(activity in table.yields for table in definition.tables):
            yield at, f"source {name!r} yields no {activity}"
        if OUTCOMES not in definition.purposes:
            listed = ", ".join(definition.purposes)
            yield at, f"source {name!r} may not be used for {OUTCOMES}: its purposes are {listed}"


def purpose_mistakes(definitions: Mapping[str, SourceDefinition]) -> list[RuleProblem]:
    """Purposes of single fields that are the purpose of no source, and so never allow anything.

    ``definitions`` are all of the directory: one that is missing may be the one with the purpose.
    """
    known = {purpose for found in definitions.values() for purpose in found.purposes}
    problems: list[RuleProblem] = []
    for definition in definitions.values():
        _, positions = load_document(definition.file)
        mistakes: list[Mistake] = [
            (("field_purposes", field, number), f"no source has the purpose {purpose!r}")
            for field, purposes in definition.field_purposes.items()
            for number, purpose in enumerate(purposes)
            if purpose not in known
        ]
        problems += placed(definition.file, positions, mistakes)
    return problems
