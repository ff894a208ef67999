"""YAML rule files that remember where each value stands.

Structure is checked by pydantic models; this module turns what pydantic finds, and
what YAML itself would pass over (a key given twice), into problems with file and line.
"""

import re
from collections.abc import Hashable, Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from matcher.errors import RuleError, RuleProblem

Location = tuple[str | int, ...]


Mistake = tuple[Location, str]

_DEEPEST = 100
_TOO_DEEP = "nested too deeply"
# Texts whose values are kept: more than a folder of rules has files.
_KEPT = 256


class Rule(BaseModel):
    """Base of every rule: frozen, unknown keys are mistakes, and numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def disagreements(cls, data: Any) -> Iterable[Mistake]:  # noqa: ARG003 - for models to use
        """Parts of a whole file that do not fit one another.

        They are looked for in the file's plain values, which need not be right otherwise, so
        that a value of the wrong kind in one part does not hide what is wrong between others.
        """
        return ()


RuleT = TypeVar("RuleT", bound=Rule)


class Positions:
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
    loader: yaml.CSafeLoader, node: yaml.Node, at: Location, positions: Positions
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


class _UnreadableError(Exception):
    """What is wrong with a text, and its line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def _check_depth(text: str) -> None:
    """Values within values beyond any use raise _UnreadableError: the parser would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST and event.start_mark is not None:
            raise _UnreadableError(event.start_mark.line + 1, _TOO_DEEP)


def load_document(path: Path) -> tuple[Any, Positions]:
    """Plain values of a YAML file, and the line of each. Others have the same: change neither.

    Of a key that is given twice, the last value counts here; `parse_rules` refuses it.
    Raises RuleError if the file cannot be read or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows add a mark
        return _load_text(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise RuleError([RuleProblem(path, 1, f"cannot be read: {reason}")]) from error
    except _UnreadableError as error:
        raise RuleError([RuleProblem(path, error.line, error.message)]) from error


# Each file of a folder of rules is asked for several times: as a rule, and for the lines of its
# mistakes and names.
@lru_cache(maxsize=_KEPT)
def _load_text(text: str) -> tuple[Any, Positions]:
    positions = Positions()
    try:
        _check_depth(text)
        loader = yaml.CSafeLoader(text)
        try:
            node = loader.get_single_node()
            data = None if node is None else _construct(loader, node, (), positions)
        except RecursionError as error:
            # An alias of what it stands in.
            line = positions.lines[max(positions.lines, key=len)]
            raise _UnreadableError(line, _TOO_DEEP) from error
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = getattr(error, "problem", None) or "not YAML"
        raise _UnreadableError(mark.line + 1 if mark else 1, message) from error
    except ValueError as error:
        # The value that YAML could not make is the one whose place was noted last.
        line = next(reversed(positions.lines.values()), 1)
        message = "this value is no date or number that exists; put it in quotes if it is text"
        raise _UnreadableError(line, message) from error
    return data, positions


def parse_rules(model: type[RuleT], path: Path) -> RuleT:
    """One rule file as its model. Raises RuleError with every problem in the file."""
    data, positions = load_document(path)
    problems = [RuleProblem(path, line, text) for line, text in positions.duplicates]
    problems += placed(path, positions, model.disagreements(data))
    try:
        rules = model.model_validate(data, strict=False)
    except ValidationError as error:
        problems += placed(path, positions, _mistakes(error, data))
        raise RuleError(problems) from error
    if problems:
        raise RuleError(problems)
    return rules


def placed(path: Path, positions: Positions, mistakes: Iterable[Mistake]) -> list[RuleProblem]:
    """Mistakes of a file, each with its line and where in the file it stands."""
    problems = []
    for location, message in mistakes:
        where = ".".join(str(part) for part in location)
        text = f"{where}: {message}" if where else message
        problems.append(RuleProblem(path, positions.line_of(location), text))
    return problems


def _mistakes(error: ValidationError, data: Any) -> list[Mistake]:
    """Every mistake at its place in the file, in plain words."""
    details = error.errors()
    places = [_place(tuple(found["loc"]), data) for found in details]
    told = [
        _in_plain_words(place, found)
        for place, found in zip(places, details, strict=True)
        if not _only_counts_without_the_wrong(found)
    ]
    return _alternatives_joined(told)


def _place(location: Location, data: Any) -> Location:
    """The location without the names of types that pydantic puts between the keys."""
    place: list[str | int] = []
    for number, part in enumerate(location):
        if isinstance(data, dict):
            keys = {str(key): key for key in data}
            if str(part) in keys:
                place.append(str(part))
                data = data[keys[str(part)]]
            elif number == len(location) - 1:
                place.append(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            place.append(part)
            data = data[part]
        elif part == "[key]" or isinstance(part, int):
            place.append(part)
    return tuple(place)


def _only_counts_without_the_wrong(found: ErrorDetails) -> bool:
    """Whether a list is too short only because pydantic left out items that it told before."""
    given = found["input"]
    if found["type"] != "too_short" or not isinstance(given, list | dict):
        return False
    return len(given) >= int(found["ctx"]["min_length"])


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a group of keys",
    "model_type": "must be a group of keys",
    "model_attributes_type": "must be a group of keys",
}
_PYDANTIC_SUBJECT = re.compile(r"^(?:Input|String|List|Tuple|Set|Dictionary|Value) should ")


def _in_plain_words(place: Location, found: ErrorDetails) -> Mistake:
    kind, context, given = found["type"], found.get("ctx", {}), found["input"]
    if kind in _WORDS:
        words = _WORDS[kind]
        if not place and words.startswith("must "):
            return place, f"the file {words}"
        if kind == "string_type" and isinstance(given, int | float | date):
            words += " (put it in quotes)"
        if place and place[-1] == "[key]":
            return place[:-1], f"the key {words}"
        return place, words
    if kind in {"literal_error", "enum"}:
        return place, _one_of(context["expected"])
    if kind == "union_tag_not_found":
        return (*place, context["discriminator"].strip("'")), "is missing"
    if kind == "union_tag_invalid":
        words = f"{_one_of(context['expected_tags'])}, not {context['tag']!r}"
        return (*place, context["discriminator"].strip("'")), words
    if kind in {"too_short", "too_long"}:
        bound, number = ("least", "min_length") if kind == "too_short" else ("most", "max_length")
        items = "item" if context[number] == 1 else "items"
        count = f", not {len(given)}" if isinstance(given, list | dict) else ""
        return place, f"must have at {bound} {context[number]} {items}{count}"
    message = found["msg"].removeprefix("Value error, ")
    return place, _PYDANTIC_SUBJECT.sub("must ", message)


def _one_of(expected: str) -> str:
    several = " or " in expected or ", " in expected
    return f"must be one of {expected}" if several else f"must be {expected}"


def _alternatives_joined(told: list[Mistake]) -> list[Mistake]:
    """One sentence for a value that may be of several kinds and is of none."""
    joined: dict[tuple[Location, bool], list[str]] = {}
    for place, message in told:
        messages = joined.setdefault((place, message.startswith("must be ")), [])
        if message not in messages:
            messages.append(message)
    sentences: list[Mistake] = []
    for (place, alternative), messages in joined.items():
        if alternative:
            first, *others = messages
            rest = "".join(f" or {other.removeprefix('must be ')}" for other in others)
            sentences.append((place, first + rest))
        else:
            sentences += ((place, message) for message in messages)
    return sentences
