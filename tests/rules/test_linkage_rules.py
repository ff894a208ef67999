"""The rules that ship are right, and what is wrong with others is told at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from matcher.check import check_linkage_rules
from matcher.rules.library import load_linkage_rules
from matcher.rules.matching import MatchingRules
from matcher.standardise import STANDARDISED_COLUMNS
from tests.spec import shipped

Spoil = Callable[[str, str, str], int]
Problems = Callable[[], list[tuple[str, int, str]]]


def test_the_rules_that_ship_are_right_and_so_are_their_worked_examples() -> None:
    assert check_linkage_rules(shipped.rules(), shipped.RULES) == []
    rules = shipped.rules()
    for part in (rules.names, rules.values, rules.survivorship, rules.matching):
        assert part.examples


def test_every_level_that_ships_has_a_sentence_of_its_own() -> None:
    for comparison in shipped.rules().matching.comparisons:
        sentences = [level.reason for level in comparison.levels]
        assert all(sentences)
        assert len(set(sentences)) == len(sentences)


def test_mistakes_in_several_files_are_told_together(spoil: Spoil, problems: Problems) -> None:
    names = spoil("names.yaml", "\nhonorifics:", "\nhonorific:")
    values = spoil("values.yaml", "earliest_birth_year: 1905", "earliest_birth_year: long ago")
    matching = spoil("matching.yaml", "\nthresholds:", "\ntresholds:")
    survivorship = spoil(
        "survivorship.yaml", "  sex: {order: [agreement,", "  sex: {order: [agrees,"
    )
    found = problems()
    assert ("names.yaml", names + 1, "honorific: unknown key") in found
    assert ("matching.yaml", matching + 1, "tresholds: unknown key") in found
    assert ("values.yaml", values) in {(file, line) for file, line, _ in found}
    assert ("survivorship.yaml", survivorship) in {(file, line) for file, line, _ in found}
    assert found == sorted(found)


def test_a_missing_file_does_not_hide_mistakes_in_the_others(
    directory: Path, spoil: Spoil, problems: Problems
) -> None:
    (directory / "names.yaml").unlink()
    spoil("values.yaml", "\nuncertain_days:", "\nuncertain_day:")
    assert {file for file, _, _ in problems()} == {"names.yaml", "values.yaml"}


def test_every_level_that_refers_to_what_is_not_there_is_told(
    directory: Path, problems: Problems
) -> None:
    path = directory / "matching.yaml"
    path.write_text(
        """\
version: 1
blocking:
  - {name: one, key: [forename]}
  - {name: one, key: [surname]}
comparisons:
  - name: forename
    title: Forename
    levels:
      - {name: same, when: {same: [forename]}, reason: same}
      - {name: later, when: {levels: {both: [same]}}, reason: later}
      - {name: different, reason: different}
  - name: both
    title: Both
    levels:
      - {name: same, when: {levels: {forename: [sane]}}, reason: same}
      - {name: unknown, when: {levels: {forename: [missing]}}, reason: fine}
      - {name: different, reason: different}
  - name: both
    title: Again
    levels:
      - {name: same, when: {same: [surname]}, reason: same}
      - {name: different, reason: different}
thresholds: {lower: -1, upper: 5, rival_margin: 1}
""",
        encoding="utf-8",
    )
    assert problems() == [
        ("matching.yaml", 4, "blocking.1: two blocking rules are called 'one'"),
        (
            "matching.yaml",
            10,
            "comparisons.0.levels.1: no earlier comparison 'both' with level same",
        ),
        (
            "matching.yaml",
            15,
            "comparisons.1.levels.0: no earlier comparison 'forename' with level sane",
        ),
        ("matching.yaml", 18, "comparisons.2: two comparisons are called 'both'"),
    ]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (["{name: a, reason: a}", "{name: b, reason: b}"], "only the last level"),
        (
            ["{name: a, reason: a, when: {same: [x]}}", "{name: b, reason: b, when: {same: [x]}}"],
            "the last level takes every other pair",
        ),
        (["{name: a, reason: a, when: {same: [x]}}", "{name: a, reason: b}"], "the same name"),
        (["{name: a, reason: a}"], "at least 2"),
        (["{name: a, reason: a, when: {}}", "{name: b, reason: b}"], "exactly one key, found none"),
        (
            ["{name: a, reason: a, when: {same: [x], either: x}}", "{name: b, reason: b}"],
            "found same and either",
        ),
        (
            [
                "{name: a, reason: a, when: {not: {same: [x]}, either: x}}",
                "{name: b, reason: b}",
            ],
            "found either and not",
        ),
        (
            ["{name: a, reason: a, when: {swapped: [x]}}", "{name: b, reason: b}"],
            "at least 2 items",
        ),
        (
            [
                "{name: a, reason: a, when: {jaro_winkler: {column: x, at_least: 1.2}}}",
                "{name: b, reason: b}",
            ],
            "less than 1",
        ),
        (["{name: a, when: {same: [x]}}", "{name: b, reason: b}"], "is missing"),
    ],
)
def test_levels_that_make_no_sense_are_refused_at_their_line(
    directory: Path, problems: Problems, levels: list[str], message: str
) -> None:
    text = f"""\
version: 1
blocking: [{{name: one, key: [x]}}]
comparisons:
  - name: it
    title: It
    levels: [{", ".join(levels)}]
thresholds: {{lower: -1, upper: 5, rival_margin: 1}}
"""
    (directory / "matching.yaml").write_text(text, encoding="utf-8")
    ((file, line, found),) = problems()
    assert file == "matching.yaml"
    assert line in {4, 6}
    assert message in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lower: -1", "lower: 6", "lower threshold is above"),
        ("rival_margin: 1", "rival_margin: -1", "greater than or equal to 0"),
        ("key: [x]", "key: []", "at least 1 item"),
        ("key: [x]", "key: [x], against: [x, y]", "as many columns"),
        ("key: [x]", "key: [x], largest_block: 1", "greater than or equal to 2"),
    ],
)
def test_thresholds_and_blocking_that_make_no_sense_are_refused(
    directory: Path, problems: Problems, old: str, new: str, message: str
) -> None:
    text = """\
version: 1
blocking: [{name: one, key: [x]}]
comparisons:
  - name: it
    title: It
    levels: [{name: a, reason: a, when: {same: [x]}}, {name: b, reason: b}]
thresholds: {lower: -1, upper: 5, rival_margin: 1}
"""
    assert text.count(old) == 1
    (directory / "matching.yaml").write_text(text.replace(old, new), encoding="utf-8")
    ((_, line, found),) = problems()
    assert line in {2, 7}
    assert message in found


def test_a_golden_field_without_a_rule_and_one_that_does_not_exist_are_refused(
    spoil: Spoil, problems: Problems
) -> None:
    line = spoil("survivorship.yaml", "\n  upn: {", "\n  unp: {") + 1
    fields = spoil("survivorship.yaml", "\nfields:", "\nfields:") + 1
    assert problems() == [
        ("survivorship.yaml", fields, "fields: no rule for upn"),
        ("survivorship.yaml", line, "fields.unp: no such golden field"),
    ]


def test_a_worked_example_that_does_not_come_out_is_told_at_its_line(
    directory: Path, spoil: Spoil
) -> None:
    line = spoil("values.yaml", 'expect: {postcode: "OL1 1AA"', 'expect: {postcode: "OL1 1AB"')
    names = spoil(
        "names.yaml",
        'expect: {surname: KHAN, placeholder_name: "1"}\n  - given: {name: "O\'B',
        "expect: {surname: KAHN}\n  - given: {name: \"O'B",
    )
    found = check_linkage_rules(load_linkage_rules(directory), directory)
    assert [(problem.file.name, problem.line) for problem in found] == [
        ("names.yaml", names - 1),
        ("values.yaml", line - 1),
    ]
    assert found[1].message == "postcode is 'OL1 1AA', expected 'OL1 1AB'"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("matching.yaml", "left: {forename: Niamh", "left: {forname: Niamh", "forname"),
        ("matching.yaml", 'birth: "2016-03-09"', 'birth: "2016-13-09"', "calendar"),
        ("matching.yaml", "levels: {forename: same", "levels: {forname: same", "no 'forname'"),
        ("survivorship.yaml", "forename: Bob", "forname: Bob", "forname"),
        ("survivorship.yaml", 'as_of: "2023-01-01"', 'as_of: "1 January"', "calendar"),
    ],
)
def test_a_worked_example_that_no_extract_could_give_is_told_at_its_line(
    directory: Path, file: str, old: str, new: str, message: str
) -> None:
    path = directory / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    found = [
        problem
        for problem in check_linkage_rules(load_linkage_rules(directory), directory)
        if message in problem.message
    ]
    assert [problem.file for problem in found] == [path]
    assert 0 <= line - found[0].line <= 3


def test_a_rule_about_a_column_that_does_not_exist_is_told(directory: Path, spoil: Spoil) -> None:
    spoil("matching.yaml", "    key: [nhs_number]", "    key: [nhs_numbre]")
    found = check_linkage_rules(load_linkage_rules(directory), directory)
    assert "there is no column 'nhs_numbre'" in {problem.message for problem in found}


def test_the_rules_that_ship_use_only_columns_that_there_are() -> None:
    assert shipped.rules().matching.columns <= set(STANDARDISED_COLUMNS)


def test_the_hash_is_of_what_decides_and_not_of_its_wording(directory: Path, spoil: Spoil) -> None:
    before = shipped.rules().matching
    spoil("matching.yaml", "reason: UPN is the same", "reason: the UPNs are one")
    assert load_linkage_rules(directory).matching.content_hash == before.content_hash
    moved = before.thresholds.model_copy(update={"upper": before.thresholds.upper + 1})
    changed: MatchingRules = before.model_copy(update={"thresholds": moved})
    assert changed.content_hash != before.content_hash
