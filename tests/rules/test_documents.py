"""Rule files: every mistake at once, each with its file and its line."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from matcher.errors import RuleError
from matcher.rules.document import Rule, load_document, parse_rules


class Inner(Rule):
    name: str
    size: Annotated[int, Field(ge=1)] = 1


class Outer(Rule):
    version: int
    parts: list[Inner]


def mistakes(tmp_path: Path, text: str | bytes) -> list[tuple[int, str]]:
    path = tmp_path / "rules.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RuleError) as error:
        parse_rules(Outer, path)
    assert {problem.file for problem in error.value.problems} == {path}
    return [(problem.line, problem.message) for problem in error.value.problems]


def test_every_mistake_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """\
version: one
parts:
  - name: first
    sise: 3
  - size: 0
  - name: 7
    size: 2
colour: red
""",
    )
    assert [(line, text.split(":")[0]) for line, text in found] == [
        (1, "version"),
        (4, "parts.0.sise"),
        (5, "parts.1.name"),
        (5, "parts.1.size"),
        (6, "parts.2.name"),
        (8, "colour"),
    ]


def test_an_unknown_key_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "version: 1\nparts: []\nextra: 1\n") == [(3, "extra: unknown key")]


def test_a_key_given_twice_is_a_mistake_beside_all_others(tmp_path: Path) -> None:
    text = "version: 1\nversion: 2\nparts:\n  - name: a\n    name: b\n    sise: 1\n"
    assert mistakes(tmp_path, text) == [
        (2, "key 'version' is given twice"),
        (5, "key 'name' is given twice"),
        (6, "parts.0.sise: unknown key"),
    ]


def test_a_missing_key_is_told_where_it_should_stand(tmp_path: Path) -> None:
    ((line, message),) = mistakes(tmp_path, "version: 1\nparts:\n  - name: a\n  - size: 2\n")
    assert (line, message.split(":")[0]) == (4, "parts.1.name")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("version: 1\nparts: [\n", 3),
        ("version: 1\n\tparts: []\n", 2),
        ("version: 'unclosed\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
    ],
)
def test_what_is_not_yaml_is_refused_at_its_line(tmp_path: Path, text: str, line: int) -> None:
    ((found, message),) = mistakes(tmp_path, text)
    assert found == line
    assert message


@pytest.mark.parametrize("parts", ["[" * 5_000, "[" * 5_000 + "]" * 5_000, "&all [*all]"])
def test_what_is_nested_too_deeply_is_refused_at_its_line(tmp_path: Path, parts: str) -> None:
    found = mistakes(tmp_path, f"version: 1\nparts: {parts}\n")
    assert found == [(2, "nested too deeply")]


def test_an_empty_file_and_one_that_is_not_text_are_refused(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "")
    assert mistakes(tmp_path, b"\xff\xfe\x00") == [(1, "cannot be read: not UTF-8 text")]


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\nparts: []\n")
    assert parse_rules(Outer, path) == Outer(version=1, parts=[])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"absent\.yaml:1: cannot be read"):
        parse_rules(Outer, tmp_path / "absent.yaml")


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    ((line, _),) = mistakes(tmp_path, "version: !!python/object/apply:os.getcwd []\nparts: []\n")
    assert line == 1


def test_plain_values_come_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("a: 1\nb:\n  - x\n  - y: 2\n")
    data, positions = load_document(path)
    assert data == {"a": 1, "b": ["x", {"y": 2}]}
    assert positions.line_of(("b", 1, "y")) == 4
    assert positions.line_of(("b", 1, "y", "deeper", 3)) == 4
    assert positions.line_of(("unheard of",)) == 1


def test_a_file_that_was_changed_is_read_as_it_is_now(tmp_path: Path) -> None:
    path, copy = tmp_path / "rules.yaml", tmp_path / "copy.yaml"
    path.write_text("version: 1\nparts: []\n", encoding="utf-8")
    copy.write_text("version: 1\nparts: []\n", encoding="utf-8")
    assert load_document(path)[0] == load_document(copy)[0] == {"version": 1, "parts": []}
    path.write_text("version: [\n", encoding="utf-8")
    copy.write_text("version: [\n", encoding="utf-8")
    for file in (path, copy, path):
        with pytest.raises(RuleError) as raised:
            load_document(file)
        assert [problem.file for problem in raised.value.problems] == [file]


def test_rules_cannot_be_changed_once_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("version: 1\nparts: []\n")
    with pytest.raises(ValueError, match="frozen"):
        parse_rules(Outer, path).version = 2


class Circle(Rule):
    kind: Literal["circle"]
    radius: float


class Square(Rule):
    kind: Literal["square"]
    side: float


class Kinds(Rule):
    whole: int = 1
    number: float = 1
    truth: bool = True
    text: str = ""
    items: tuple[str, ...] = ()
    pair: Annotated[tuple[int, ...], Field(min_length=2, max_length=3)] = (1, 2)
    keys: dict[str, str] = Field(default_factory=dict)
    inner: Inner | None = None
    order: Literal["day", "month", "year"] = "day"
    only: Literal["this"] = "this"
    cell: str | bool | int = ""
    share: Annotated[float, Field(ge=0, le=1)] = 0
    shape: Annotated[Circle | Square | None, Field(discriminator="kind")] = None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("whole: one", ["whole: must be a whole number"]),
        ("whole: 1.5", ["whole: must be a whole number"]),
        ("whole: [1]", ["whole: must be a whole number"]),
        ("number: much", ["number: must be a number"]),
        ("truth: perhaps", ["truth: must be true or false"]),
        ("text: [a]", ["text: must be text"]),
        ("text: 7", ["text: must be text (put it in quotes)"]),
        ("text: 2014-09-01", ["text: must be text (put it in quotes)"]),
        ("items: a", ["items: must be a list"]),
        ("keys: a", ["keys: must be a group of keys"]),
        ("keys: {7: a}", ["keys.7: the key must be text (put it in quotes)"]),
        ("inner: a", ["inner: must be a group of keys"]),
        ("inner: {size: 1}", ["inner.name: is missing"]),
        ("order: hour", ["order: must be one of 'day', 'month' or 'year'"]),
        ("only: that", ["only: must be 'this'"]),
        ("cell: [a]", ["cell: must be text or true or false or a whole number"]),
        ("share: 2", ["share: must be less than or equal to 1"]),
        ("pair: [1]", ["pair: must have at least 2 items, not 1"]),
        ("pair: [1, 2, 3, 4]", ["pair: must have at most 3 items, not 4"]),
        ("pair: [1, two]", ["pair.1: must be a whole number"]),
        ("shape: {radius: 1}", ["shape.kind: is missing"]),
        ("shape: {kind: oval}", ["shape.kind: must be one of 'circle', 'square', not 'oval'"]),
        ("shape: {kind: square}", ["shape.side: is missing"]),
        ("shape: {kind: square, side: a}", ["shape.side: must be a number"]),
        ("- a", ["the file must be a group of keys"]),
    ],
)
def test_mistakes_are_told_in_plain_words(tmp_path: Path, text: str, told: list[str]) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(RuleError) as error:
        parse_rules(Kinds, path)
    assert [problem.message for problem in error.value.problems] == told


def test_a_mistake_in_one_of_several_kinds_is_told_at_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("shape:\n  kind: circle\n  radius: wide\n")
    with pytest.raises(RuleError) as error:
        parse_rules(Kinds, path)
    assert [problem.line for problem in error.value.problems] == [3]


def test_a_date_that_the_calendar_lacks_is_told_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text("name: a\nends: 2014-13-45\n", encoding="utf-8")
    with pytest.raises(RuleError) as found:
        load_document(file)
    assert [problem.line for problem in found.value.problems] == [2]
