"""YAML rule files that remember where each value stands.

Structure is checked by pydantic models; this module turns what pydantic finds, and
what YAML itself would pass over (a key given twice), into problems with file and line.
"""

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from matcher.errors import RuleError, RuleProblem

Location = tuple[str | int, ...]


class Rule(BaseModel):
    """Base of every rule: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PlacedError(ValueError):
    """Several mistakes found together, each with its location below what is being validated."""

    def __init__(self, found: list[tuple[Location, str]]) -> None:
        self.found = found
        super().__init__("; ".join(message for _, message in found))


RuleT = TypeVar("RuleT", bound=Rule)


class _Positions:
    """The line of each value of one document, by its location."""

    def __init__(self) -> None:
        self.lines: dict[Location, int] = {}
        self.duplicates: list[tuple[int, str]] = []

    def line_of(self, location: Location) -> int:
        """Line of the value at this location, or of its nearest ancestor."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)


def _construct(
    loader: yaml.SafeLoader, node: yaml.Node, at: Location, positions: _Positions
) -> Any:
    positions.lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        result: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                positions.duplicates.append((line, "a key must be a plain value"))
                continue
            if key in result:
                positions.duplicates.append((line, f"key {str(key)!r} is given twice"))
            result[key] = _construct(loader, value_node, (*at, str(key)), positions)
            positions.lines[(*at, str(key))] = line
        return result
    if isinstance(node, yaml.SequenceNode):
        return [
            _construct(loader, child, (*at, index), positions)
            for index, child in enumerate(node.value)
        ]
    return loader.construct_object(node, deep=True)


def load_document(path: Path) -> tuple[Any, _Positions]:
    """Plain values of a YAML file, and the line of each.

    Raises RuleError if the file cannot be read, is not YAML or gives a key twice.
    """
    data, positions = _read(path)
    if positions.duplicates:
        raise RuleError(_duplicates(path, positions))
    return data, positions


def _duplicates(path: Path, positions: _Positions) -> list[RuleProblem]:
    return [RuleProblem(path, line, text) for line, text in positions.duplicates]


def _read(path: Path) -> tuple[Any, _Positions]:
    positions = _Positions()
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows add a mark
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            data = None if node is None else _construct(loader, node, (), positions)
        except RecursionError as error:
            deepest = max(positions.lines, key=len, default=None)
            line = loader.line + 1 if deepest is None else positions.lines[deepest]
            raise RuleError([RuleProblem(path, line, "nested too deeply")]) from error
        finally:
            loader.dispose()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise RuleError([RuleProblem(path, 1, f"cannot be read: {reason}")]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        message = getattr(error, "problem", None) or "not YAML"
        raise RuleError([RuleProblem(path, line, message)]) from error
    return data, positions


def parse_rules(model: type[RuleT], path: Path) -> RuleT:
    """One rule file as its model. Raises RuleError with every problem in the file."""
    data, positions = _read(path)
    problems = _duplicates(path, positions)
    try:
        rules = model.model_validate(data, strict=False)
    except ValidationError as error:
        for location, message in _mistakes(error):
            where = ".".join(str(part) for part in location)
            text = f"{where}: {message}" if where else message
            problems.append(RuleProblem(path, positions.line_of(location), text))
        raise RuleError(problems) from error
    if problems:
        raise RuleError(problems)
    return rules


def _mistakes(error: ValidationError) -> Iterator[tuple[Location, str]]:
    for found in error.errors():
        location: Location = tuple(found["loc"])
        cause = found.get("ctx", {}).get("error")
        if isinstance(cause, PlacedError):
            yield from ((location + below, message) for below, message in cause.found)
        elif found["type"] == "extra_forbidden":
            yield location, "unknown key"
        else:
            yield location, found["msg"].removeprefix("Value error, ")
