"""Loading rules say which extracts a person must look at, and prove it by their examples."""

from collections.abc import Callable
from pathlib import Path

import pytest

from api.services.rules import check_rules
from matcher.errors import RuleError
from matcher.rules.document import parse_rules
from matcher.rules.loading import Found, LoadingRules, failing_examples
from tests.spec.shipped import RULES

Spoil = Callable[[str, str, str], int]


@pytest.fixture(scope="module")
def rules() -> LoadingRules:
    return parse_rules(LoadingRules, RULES / "loading.yaml")


def met(rules: LoadingRules, **found: object) -> list[str]:
    counts = {"rows": 1000, "rejects": 0, "records": 1000, "current": 1000, **found}
    return [stop.code for stop in rules.judge(Found.model_validate(counts))]


def test_the_shipped_examples_hold(rules: LoadingRules) -> None:
    assert list(failing_examples(rules)) == []


def test_a_share_at_its_bound_is_still_plausible(rules: LoadingRules) -> None:
    assert met(rules, gone=400) == []
    assert met(rules, gone=401) == ["gone"]


def test_a_delta_is_not_judged_by_how_many_records_it_lists(rules: LoadingRules) -> None:
    assert met(rules, rows=3, records=3, delta=True) == []
    assert met(rules, rows=0, records=0, delta=True) == []


def test_of_few_records_no_share_is_judged(rules: LoadingRules) -> None:
    assert met(rules, rows=9, rejects=9, records=9, current=9, gone=4, changed=9) == []


def test_that_most_of_few_records_are_gone_is_told(rules: LoadingRules) -> None:
    assert met(rules, rows=1, records=1, current=49, gone=48) == ["gone"]
    assert met(rules, rows=8, records=8, current=13, gone=5) == []
    assert met(rules, rows=7, records=7, current=12, gone=5) == ["gone"]


def test_a_stop_tells_what_was_found_and_the_bound(rules: LoadingRules) -> None:
    (stop,) = rules.judge(Found(rows=1000, rejects=0, records=1000, completeness={"upn": 0.41}))
    assert (stop.code, stop.field, stop.found, stop.bound) == ("completeness", "upn", 0.41, 0.3)


def test_an_example_that_fails_is_told_at_its_line(directory: Path, spoil: Spoil) -> None:
    line = spoil("loading.yaml", "expect: [same_date]", "expect: []")
    problems, _ = check_rules(directory)
    told = [(found.line, found.message) for found in problems if found.file.name == "loading.yaml"]
    message = "the same date once more: the stops met are same_date, expected none"
    assert told == [(line - 2, message)]


def test_a_bound_that_is_no_share_is_told_at_its_line(directory: Path, spoil: Spoil) -> None:
    line = spoil("loading.yaml", "gone: 0.4\n", "gone: 40\n")
    with pytest.raises(RuleError) as error:
        parse_rules(LoadingRules, directory / "loading.yaml")
    assert [problem.line for problem in error.value.problems] == [line]


def test_rules_that_a_register_keeps_from_before_ids_were_judged_can_still_be_read(
    tmp_path: Path,
) -> None:
    lines = (RULES / "loading.yaml").read_text(encoding="utf-8").splitlines()
    before = lines[: lines.index("examples:")]
    kept = [line for line in before if "another_person:" not in line]
    assert len(kept) == len(before) - 2
    (tmp_path / "loading.yaml").write_text("\n".join(kept), encoding="utf-8")
    read = parse_rules(LoadingRules, tmp_path / "loading.yaml")
    assert met(read, listed_before=1000, another_person=51) == ["another_person"]
    assert met(read, listed_before=1000, another_person=50) == []
