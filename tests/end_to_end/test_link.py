"""Linking the invented town: what is written, and that it is always the same."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import (
    GOOD,
    TOWN,
    files_in,
    matcher,
    town_arguments,
    write,
)

RESULTS = {"crosswalk.csv", "links.csv", "register.csv", "rejects.csv", "summary.json"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without_costs(summary: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(summary)
    del data["stages"]
    return data


@pytest.fixture(scope="session")
def summary(linked_town: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((linked_town / "summary.json").read_bytes())
    return data


def test_linking_writes_five_files_and_nothing_else(linked_town: Path) -> None:
    assert {path.name for path in linked_town.iterdir()} == RESULTS


def test_linking_again_in_any_order_gives_the_same_bytes(linked_town: Path, tmp_path: Path) -> None:
    answer = matcher(tmp_path, "link", *reversed(town_arguments()), "--out", "again")
    assert answer.status == GOOD, answer.err
    first, again = files_in(linked_town), files_in(tmp_path / "again")
    for name in ("crosswalk.csv", "links.csv", "register.csv"):
        assert first[name] == again[name], name
    assert sorted(first["rejects.csv"].splitlines()) == sorted(again["rejects.csv"].splitlines())
    assert without_costs(first["summary.json"]) == without_costs(again["summary.json"])


def test_linking_again_into_the_same_folder_changes_nothing_but_costs(tmp_path: Path) -> None:
    call = ("link", "--out", "here", f"tribal={TOWN / 'tribal.csv'}", f"t234={TOWN / 't234.xlsx'}")
    assert matcher(tmp_path, *call).status == GOOD
    first = files_in(tmp_path / "here")
    assert matcher(tmp_path, *call).status == GOOD
    again = files_in(tmp_path / "here")
    assert without_costs(first.pop("summary.json")) == without_costs(again.pop("summary.json"))
    assert first == again


def test_every_row_ends_as_a_record_or_as_a_reject(
    linked_town: Path, summary: dict[str, Any]
) -> None:
    for name, source in summary["sources"].items():
        for file in source["files"]:
            assert file["rows"] == file["records"] + file["rejects"], file["file"]
        assert source["rows"] == sum(file["rows"] for file in source["files"]), name
        assert source["rejects"] == sum(file["rejects"] for file in source["files"]), name
        assert source["rejects"] == sum(source["rejects_by_code"].values()), name
    rejected = rows(linked_town / "rejects.csv")
    assert len(rejected) == sum(source["rejects"] for source in summary["sources"].values())


def test_every_record_of_a_child_has_one_child_of_the_register(
    linked_town: Path, summary: dict[str, Any]
) -> None:
    crosswalk = rows(linked_town / "crosswalk.csv")
    register = rows(linked_town / "register.csv")
    keys = {(row["source"], row["record_id"]) for row in crosswalk}
    assert len(keys) == len(crosswalk) == summary["records_of_children"]
    assert {row["child_id"] for row in crosswalk} == {row["child_id"] for row in register}
    assert len(register) == summary["children"]
    assert summary["records_of_children"] == sum(
        source["children"] for source in summary["sources"].values()
    )


def test_links_name_records_of_the_crosswalk_and_carry_a_reason(
    linked_town: Path, summary: dict[str, Any]
) -> None:
    child = {
        (row["source"], row["record_id"]): row["child_id"]
        for row in rows(linked_town / "crosswalk.csv")
    }
    links = rows(linked_town / "links.csv")
    for row in links:
        left = child[row["source_l"], row["record_id_l"]]
        right = child[row["source_r"], row["record_id_r"]]
        assert (left == right) == (row["designation"] == "link")
        assert row["reason"]
        assert 0 <= float(row["match_probability"]) <= 1
    designations = [row["designation"] for row in links]
    assert designations.count("link") == summary["links"]
    assert designations.count("possible") == summary["possible_links"]


def test_golden_values_name_a_source_that_holds_the_child(linked_town: Path) -> None:
    holders: dict[str, set[str]] = {}
    for row in rows(linked_town / "crosswalk.csv"):
        holders.setdefault(row["child_id"], set()).add(row["source"])
    for row in rows(linked_town / "register.csv"):
        for column, source in row.items():
            if column.endswith("_source"):
                assert bool(source) == bool(row[column.removesuffix("_source")])
                assert not source or source in holders[row["child_id"]]


def test_a_summary_says_what_it_cost_and_what_made_it(summary: dict[str, Any]) -> None:
    stages = {stage["stage"] for stage in summary["stages"]}
    assert {"read estart", "standardise", "block", "compare and weigh", "cluster"} <= stages
    assert all(stage["seconds"] >= 0 and stage["peak_mib"] > 0 for stage in summary["stages"])
    assert {"hash", "matching"} <= summary["rules"].keys()
    assert len(summary["model"]["hash"]) == 64
    assert {"python", "child-register", "recordlinkage", "pandas"} <= summary["versions"].keys()


def test_json_on_the_output_is_the_summary_and_nothing_else(tmp_path: Path) -> None:
    answer = matcher(tmp_path, "link", "--json", "--out", "out", f"tribal={TOWN / 'tribal.csv'}")
    assert answer.status == GOOD
    assert json.loads(answer.out) == json.loads((tmp_path / "out/summary.json").read_bytes())
    assert answer.err == ""


GENERIC = """\
record_id,role,forename,surname,date_of_birth,postcode
1,,Mariam,Okoro,2019-05-04,OL1 1AA
2,child,Tomasz,Nowak,2018-11-30,OL2 6AB
3,carer,Grace,Okoro,1990-02-11,OL1 1AA
"""
GENERIC_NAMES = """\
record_id,name,date_of_birth,postcode
A7,"OKORO, Mariam",04/05/2019,OL1 1AA
A8,Tomasz Nowak,30/11/2018,OL2 6AB
A9,Ana Silva,,
"""


def test_names_without_a_definition_are_read_as_generic(tmp_path: Path) -> None:
    write(tmp_path / "nursery.csv", GENERIC)
    write(tmp_path / "library.csv", GENERIC_NAMES)
    answer = matcher(tmp_path, "link", "nursery=nursery.csv", "library=library.csv", "--out", "out")
    assert answer.status == GOOD, answer.err
    child = {
        (row["source"], row["record_id"]): row["child_id"]
        for row in rows(tmp_path / "out/crosswalk.csv")
    }
    assert ("nursery", "3") not in child, "a carer is no child of the register"
    assert len(child) == 5
    assert child["nursery", "1"] == child["library", "A7"]
    assert child["nursery", "2"] == child["library", "A8"]
    assert len(set(child.values())) == 3


def test_the_demonstration_links_evaluates_and_measures(tmp_path: Path) -> None:
    answer = matcher(tmp_path, "demo")
    assert answer.status == GOOD, answer.err
    files = {path.name for path in (tmp_path / "demo").iterdir()}
    written = {"crosswalk.csv", "events.csv", "links.csv", "register.csv"}
    assert files == written | {"register.db", "truth.csv"}
    again = matcher(tmp_path, "demo")
    assert again.status == GOOD, again.err
    assert "Nothing changed" in again.out
    for part in ("Extracts read", "Linked", "Against the truth", "precision", "recall"):
        assert part in answer.out
    assert "free school meals" in answer.out
    assert "What to type next" in answer.out
