"""``matcher rules check``: every mistake of every file at once, each with file and line."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.command import DATA_PROBLEM, GOOD, RULES, matcher, write


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the shipped rules, to be spoilt."""
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def spoil(path: Path, old: str, new: str) -> int:
    """Replace the first occurrence; the line on which it stands, counted from 1."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    write(path, text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_the_shipped_rules_are_good(tmp_path: Path) -> None:
    answer = matcher(tmp_path, "rules", "check")
    assert answer.status == GOOD, answer.out
    assert answer.out.endswith("all good.\n")


def test_mistakes_in_several_files_are_told_together_with_their_lines(rules: Path) -> None:
    lines = {
        "matching.yaml": spoil(rules / "matching.yaml", "key: [nhs_number]", "keys: [nhs_number]"),
        "sources/tribal.yaml": spoil(rules / "sources/tribal.yaml", "title: ", "titel: "),
        "sources/swift.yaml": spoil(
            rules / "sources/swift.yaml", "one_record_per_child: ", "one_record_per_child: perhaps "
        ),
        "measures/sustained_contact.yaml": spoil(
            rules / "measures/sustained_contact.yaml", "minimum_contacts: 3", "minimum_contacts: -1"
        ),
        "survivorship.yaml": spoil(rules / "survivorship.yaml", "[recency, ", "[freshness, "),
    }
    answer = matcher(rules.parent, "rules", "check", "rules")
    assert answer.status == DATA_PROBLEM
    found = re.findall(r"^rules/([^:]+):(\d+): \S", answer.out, flags=re.MULTILINE)
    for file, line in lines.items():
        assert (file, str(line)) in found
    assert re.search(rf"{len(found)} problems\.$", answer.out)


def test_an_example_that_does_not_come_out_is_told_with_its_line(rules: Path) -> None:
    line = spoil(rules / "values.yaml", 'postcode_district: "OL1"', 'postcode_district: "OL2"')
    answer = matcher(rules.parent, "rules", "check", "rules")
    assert answer.status == DATA_PROBLEM
    numbers = [int(n) for n in re.findall(r"^rules/values.yaml:(\d+): ", answer.out, re.MULTILINE)]
    assert numbers
    assert abs(numbers[0] - line) <= 2


def test_text_that_is_no_yaml_and_a_key_given_twice_are_told(rules: Path) -> None:
    spoil(rules / "names.yaml", "version: 1", "version: [")
    tribal = rules / "sources/tribal.yaml"
    write(tribal, tribal.read_text(encoding="utf-8") + "\nname: tribal\n")
    answer = matcher(rules.parent, "rules", "check", "rules", "--json")
    assert answer.status == DATA_PROBLEM
    problems = json.loads(answer.out)["problems"]
    files = {Path(problem["file"]).name for problem in problems}
    assert {"names.yaml", "tribal.yaml"} <= files
    assert all(problem["line"] >= 1 and problem["message"] for problem in problems)


def test_linking_with_broken_rules_is_refused_with_the_same_words(rules: Path) -> None:
    spoil(rules / "matching.yaml", "upper: ", "uper: ")
    write(rules.parent / "people.csv", "record_id,surname\n1,Okoro\n")
    checked = matcher(rules.parent, "rules", "check", "rules")
    linked = matcher(rules.parent, "link", "--rules", "rules", "nursery=people.csv", "--out", "out")
    assert linked.status == DATA_PROBLEM
    first = checked.out.splitlines()[0]
    assert first in linked.err
    assert not (rules.parent / "out").exists()
