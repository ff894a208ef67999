"""The data-quality report: counts that add up, and what stops an implausible extract."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.db.models import ExtractState, Reject
from api.services.extracts.stops import stop_says
from api.services.extracts.validation import validate
from tests.end_to_end.command import TOWN, TOWN_EXTRACTS
from tests.register_service.extracts import DAY, NOW, Loader, people, rules

HEADER = "record_id,role,forename,surname,date_of_birth,nhs_number,upn,postcode"


def report(loader: Loader, content: Any, **how: Any) -> dict[str, Any]:
    extract = loader.receive(content, **how).extract
    found = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    assert found.report is not None
    return found.report


def many(size: int, first: int = 0, postcode: str = "OL1 1AA") -> str:
    rows = [f"{n},,Amy,Lees,2019-05-04,,,{postcode}" for n in range(first, first + size)]
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.mark.parametrize("source", sorted(TOWN_EXTRACTS))
def test_every_row_is_a_record_or_a_reject(loader: Loader, source: str) -> None:
    found = report(loader, TOWN / TOWN_EXTRACTS[source], source=source)
    assert found["rows"] == sum(file["records"] + file["rejects"] for file in found["files"])
    assert found["rejects"] == sum(file["rejects"] for file in found["files"])
    assert found["rejects"] == sum(found["rejects_by_code"].values())
    kept = loader.connection.scalar(select(func.count()).select_from(Reject))
    assert kept == found["rejects"]
    assert found["change"] == {
        "current": 0,
        "new": found["records"],
        "changed": 0,
        "gone": 0,
        "unchanged": 0,
        "another_person": 0,
        "activity": {
            kind: {"current": 0, "new": rows, "gone": 0, "gone_with_record": 0, "unchanged": 0}
            for kind, rows in found["activity"].items()
            if rows
        },
    }


def test_completeness_and_validity_are_counted_over_children(loader: Loader) -> None:
    rows = [
        "1,child,Amy,Lees,2019-05-04,9434765919,B801200005001,OL1 1AA",
        "2,child,Baby,Lees,1900-01-01,9434765918,B207000016049,OL1 1AC",
        "3,child,Cal,Lees,,,,ZZ99 3VZ",
        "4,carer,Dan,Lees,1990-01-01,,,OL1 1AA",
    ]
    fields = report(loader, "\n".join([HEADER, *rows]) + "\n")["fields"]
    assert fields["forename"] == {"present": 3, "valid": 2}
    assert fields["surname"] == {"present": 3, "valid": 3}
    assert fields["date_of_birth"] == {"present": 2, "valid": 1}
    assert fields["nhs_number"] == {"present": 2, "valid": 1}
    assert fields["upn"] == {"present": 2, "valid": 1}
    assert fields["postcode"] == {"present": 3, "valid": 1}
    assert fields["sex"] == {"present": 0}


def test_duplicates_are_counted(loader: Loader) -> None:
    rows = [
        "1,,Amy,Lees,2019-05-04,9434765919,,OL1 1AA",
        "2,,Amy,Lees,2019-05-04,9434765919,,OL1 1AA",
        "3,,Amy,Lees,2019-05-04,,,OL1 1AA",
        "4,,Amy,Lees,,,,OL1 1AA",
        "5,,Ben,Lees,2019-05-04,,,OL1 1AA",
    ]
    found = report(loader, "\n".join([HEADER, *rows]) + "\n")
    assert found["duplicates"] == {"same_content": 1, "same_person": 2}


def test_change_is_counted_against_what_is_current(loader: Loader) -> None:
    loader.load(many(100))
    changed = many(30, postcode="OL2 2BB") + many(60, 30).partition("\n")[2]
    found = report(loader, changed + many(5, 200).partition("\n")[2], as_of=DAY + timedelta(7))
    assert found["change"] == {
        "current": 100,
        "new": 5,
        "changed": 30,
        "gone": 10,
        "unchanged": 60,
        "another_person": 0,
        "activity": {},
    }
    assert found["stops"] == []


def stops(found: dict[str, Any]) -> list[str]:
    return [stop["code"] for stop in found["stops"]]


def test_an_implausible_extract_waits_for_a_person(loader: Loader) -> None:
    loader.apply(loader.receive(many(100)).extract)
    extract = loader.receive(many(45), as_of=DAY + timedelta(7)).extract
    found = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    assert found.state == ExtractState.VALIDATED
    assert found.report is not None
    assert stops(found.report) == ["gone", "fewest"]
    gone = found.report["stops"][0]
    assert (gone["found"], gone["bound"]) == (0.55, rules().loading.stops.gone)


def numbered(size: int, shift: int = 0, **of_all: str) -> list[dict[str, str]]:
    """People of two names and a birthday each, whose ids may be those of others."""
    return [
        {
            "record_id": str(n),
            "forename": f"Amy{(n + shift) % size}",
            "date_of_birth": str(date(2015, 1, 1) + timedelta((n + shift) % size)),
            **of_all,
        }
        for n in range(size)
    ]


@pytest.mark.parametrize("mode", ["snapshot", "delta"])
def test_ids_that_name_other_people_than_before_stop(loader: Loader, mode: Any) -> None:
    loader.load(people(numbered(40)))
    extract = loader.receive(
        people(numbered(40, shift=1)[:20] + numbered(40)[20:]),
        mode=mode,
        as_of=DAY + timedelta(7),
    ).extract
    found = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    assert found.report is not None
    assert found.report["change"]["another_person"] == 20
    assert found.state == ExtractState.VALIDATED
    assert stops(found.report) == ["another_person"]
    assert "other people" in stop_says(found.report["stops"][0])


def test_a_correction_of_name_and_birthday_at_once_does_not_stop(loader: Loader) -> None:
    loader.load(people(numbered(40)))
    some = numbered(40, shift=1)[:4] + numbered(40)[4:]
    found = report(loader, people(some), as_of=DAY + timedelta(7))
    assert (found["change"]["another_person"], stops(found)) == (4, [])


@pytest.mark.parametrize(
    "same", [{"forename": "Amy"}, {"date_of_birth": "2015-01-01"}, {"forename": ""}]
)
def test_who_has_the_name_or_the_birthday_as_before_is_no_other_person(
    loader: Loader, same: dict[str, str]
) -> None:
    loader.load(people(numbered(40, **same)))
    anew = people(numbered(40, shift=1, **same))
    assert report(loader, anew, as_of=DAY + timedelta(7))["change"]["another_person"] == 0


def test_another_way_of_writing_a_name_makes_no_other_person(loader: Loader) -> None:
    loader.load(people(numbered(40)))
    other = [
        {**one, "forename": one["forename"].upper() + " ", "date_of_birth": "2016-02-03"}
        for one in numbered(40)
    ]
    found = report(loader, people(other), as_of=DAY + timedelta(7))
    assert (found["change"]["changed"], found["change"]["another_person"]) == (40, 0)


def test_a_date_that_does_not_move_stops(loader: Loader) -> None:
    loader.load(many(100))
    assert stops(report(loader, many(101))) == ["same_date"]


def test_a_field_that_is_no_longer_filled_stops(loader: Loader) -> None:
    extract = loader.receive(many(100)).extract
    validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    loader.apply(extract)
    found = report(loader, many(60) + many(40, 60, "").partition("\n")[2], as_of=DAY + timedelta(7))
    assert [(stop["code"], stop["field"]) for stop in found["stops"]] == [
        ("completeness", "postcode")
    ]


@pytest.mark.parametrize("mode", ["snapshot", "delta"])
def test_a_list_without_a_row_is_refused(loader: Loader, mode: Any) -> None:
    loader.load(many(100))
    extract = loader.receive(people([]), mode=mode, as_of=DAY + timedelta(7)).extract
    found = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    assert found.state == ExtractState.REFUSED
    assert found.refusal is not None and "no row below them" in found.refusal


def test_a_record_that_another_row_lists_is_not_told_as_removed(loader: Loader) -> None:
    loader.load(people([{"record_id": "1", "forename": "Amy"}]))
    both = people([{"record_id": "1", "forename": "Amy"}, {"record_id": "1", "change": "D"}])
    found = report(loader, both, mode="delta")
    assert found["removed"] == found["change"]["gone"] == 0
    assert found["rejects_by_code"] == {"superseded": 1}


def test_rejects_stop_but_rows_that_say_removed_do_not(loader: Loader) -> None:
    bad = "\n".join(f"{n},,Amy,Lees,x,,,OL1 1AA" for n in range(200, 240)) + "\n"
    assert stops(report(loader, many(60) + bad)) == ["rejects"]
    removed = "record_id,surname,change\n" + "\n".join(f"{n},,D" for n in range(60)) + "\n"
    found = report(loader, removed, mode="delta")
    assert (stops(found), found["removed"]) == ([], 60)


def test_a_report_holds_no_value_of_a_child(loader: Loader) -> None:
    row = "1,,Quillfeather,Quillfeather,2019-05-04,9434765919,,OL1 1AA"
    found = report(loader, f"{HEADER}\n{row}\n2,,Quillfeather,Q,x,,,\n")
    for value in ("Quillfeather", "9434765919", "OL1", "2019"):
        assert value not in str(found)


def estart(
    loader: Loader, contacts: dict[int, int], *, size: int = 60, centre: str = "Royton"
) -> Path:
    """Members numbered from 0, and how many contacts each of some has."""
    folder = loader.folder / f"estart-{len(list(loader.folder.iterdir()))}"
    folder.mkdir()
    members = [f"{n},Child,Amy{n} Lees,04/05/2019" for n in range(size)]
    rows = [
        f"{n},{day:02}/08/2024,{centre},Play,Y"
        for n, count in contacts.items()
        for day in range(1, count + 1)
    ]
    for name, header, lines in (
        ("members", "Member ID,Type,Name,DOB", members),
        ("contacts", "Member ID,Date,Centre,Activity,Attended", rows),
    ):
        (folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


WEEKLY = dict.fromkeys(range(60), 2)
LATER = {"source": "estart", "as_of": DAY + timedelta(7)}


def test_an_extract_without_the_activity_that_was_there_waits_for_a_person(
    loader: Loader,
) -> None:
    loader.load(estart(loader, WEEKLY), source="estart")
    extract = loader.receive(estart(loader, {}), **LATER).extract
    found = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    assert found.state == ExtractState.VALIDATED
    assert found.report is not None
    assert found.report["change"]["activity"] == {
        "contacts": {
            "current": 120,
            "new": 0,
            "gone": 120,
            "gone_with_record": 0,
            "unchanged": 0,
        }
    }
    (stop,) = found.report["stops"]
    assert (stop["code"], stop["field"], stop["found"]) == ("activity_gone", "contacts", 1)
    assert stop_says(stop) == (
        "contacts: it holds 100% fewer than the source has now of the records that it lists "
        "(the rules allow 40%)"
    )


def test_activity_is_compared_kind_by_kind_with_what_is_in_force(loader: Loader) -> None:
    loader.load(estart(loader, WEEKLY), source="estart")
    some = estart(loader, dict.fromkeys(range(10, 60), 3) | {99: 1}, size=58)
    found = report(loader, some, **LATER)
    assert found["change"]["activity"]["contacts"] == {
        "current": 120,
        "new": 48,
        "gone": 24,
        "gone_with_record": 4,
        "unchanged": 96,
    }
    assert stops(found) == []


def test_activity_that_says_something_else_is_not_lost(loader: Loader) -> None:
    loader.load(estart(loader, WEEKLY), source="estart")
    found = report(loader, estart(loader, WEEKLY, centre="Shaw"), **LATER)
    counts = found["change"]["activity"]["contacts"]
    assert (counts["new"], counts["gone"], stops(found)) == (120, 120, [])


def test_a_delta_is_judged_by_the_activity_of_the_records_that_it_lists(loader: Loader) -> None:
    loader.load(estart(loader, WEEKLY), source="estart")
    few = report(loader, estart(loader, {0: 2, 1: 1}, size=3), **LATER, mode="delta")
    assert few["change"]["activity"]["contacts"]["current"] == 6
    assert few["change"]["activity"]["contacts"]["gone"] == 3
    assert stops(few) == []
    many = report(loader, estart(loader, {}, size=6), **LATER, mode="delta")
    assert [(stop["code"], stop["found"]) for stop in many["stops"]] == [("activity_gone", 1)]


def test_activity_of_records_that_are_gone_is_judged_with_them(loader: Loader) -> None:
    loader.load(estart(loader, dict.fromkeys(range(40, 60), 2)), source="estart")
    found = report(loader, estart(loader, {}, size=40), **LATER)
    counts = found["change"]["activity"]["contacts"]
    assert (counts["gone"], counts["gone_with_record"], stops(found)) == (40, 40, [])
