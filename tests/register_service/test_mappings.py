"""What a person said of a source's columns holds for later extracts, and each keeps its own."""

import pytest

from api.services.extracts import read_kept
from api.services.extracts.mapping import ColumnMapping, extended, keep_mapping
from api.services.extracts.recognising import definitions_now, recognise
from api.services.extracts.validation import validate
from matcher.errors import ExtractRefused
from tests.register_service.extracts import DAY, NOW, Loader, rules

FIRST = ColumnMapping(
    "people", {"record_id": "Child No", "forename": "Given Name", "surname": "Family Name"}
)
SECOND = ColumnMapping("people", {**FIRST.columns, "forename": "Known As"})
LIST = "Child No,Given Name,Known As,Family Name\n1,Adelaide,Ada,Lees\n2,Benjamin,Ben,Lees\n"


def received(loader: Loader, content: str, mapping: ColumnMapping | None = None) -> int:
    """An extract of a source that is known by a plain list already."""
    loader.receive("record_id,surname\n9,Lees\n")
    extract = loader.receive(content, as_of=DAY).extract
    if mapping is not None:
        keep_mapping(loader.connection, extract, mapping, by="analyst", now=NOW)
    return extract


def forenames(loader: Loader, extract: int) -> list[str]:
    return list(read_kept(loader.connection, extract, rules()).records["forename"].astype(object))


def test_without_a_mapping_it_cannot_be_read(loader: Loader) -> None:
    with pytest.raises(ExtractRefused):
        forenames(loader, received(loader, LIST))


def test_an_extract_is_read_by_the_mapping_that_it_came_under_whatever_is_said_later(
    loader: Loader,
) -> None:
    one = received(loader, LIST, FIRST)
    assert forenames(loader, one) == ["Adelaide", "Benjamin"]
    other = received(loader, LIST + "3,Cyrus,Cy,Lees\n", SECOND)
    later = received(loader, LIST + "4,Dorothy,Dot,Lees\n")
    assert forenames(loader, one) == ["Adelaide", "Benjamin"]
    assert forenames(loader, other) == ["Ada", "Ben", "Cy"]
    assert forenames(loader, later) == ["Ada", "Ben", "Dot"]


def test_each_layout_is_read_by_what_was_said_of_it(loader: Loader) -> None:
    other = "Ref,First,Last\n5,Edith,Lees\n"
    other_columns = {"record_id": "Ref", "forename": "First", "surname": "Last"}
    received(loader, LIST, FIRST)
    received(loader, other, ColumnMapping("people", other_columns))
    assert forenames(loader, received(loader, LIST + "3,Cyrus,Cy,Lees\n"))[-1] == "Cyrus"
    assert forenames(loader, received(loader, other + "6,Fay,Lees\n")) == ["Edith", "Fay"]
    assert forenames(loader, received(loader, "record_id,forename,surname\n1,Zoe,Lees\n")) == [
        "Zoe"
    ]
    again = loader.write(LIST, "again.csv")
    known = definitions_now(loader.connection, rules(), "toddlers")
    assert recognise("toddlers", again, rules(), known).kind == "fits"


def test_it_reads_the_same_when_linked_and_is_undone_by_withdrawing(loader: Loader) -> None:
    loader.load("record_id,forename,surname\n1,Zoe,Lees\n")
    extract = received(loader, LIST, FIRST)
    loader.apply(extract)
    assert loader.names() == {"1": "Adelaide", "2": "Benjamin"}
    loader.take_back(extract)
    assert loader.names() == {"1": "Zoe"}


def test_the_first_extract_of_a_mapping_waits_for_a_person_and_later_ones_do_not(
    loader: Loader,
) -> None:
    def stops(extract: int) -> list[str]:
        found = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
        assert found.report is not None
        return [stop["code"] for stop in found.report["stops"]]

    one = received(loader, LIST, FIRST)
    assert stops(one) == ["new_columns"]
    loader.apply(one)
    assert "new_columns" not in stops(received(loader, LIST + "3,Cyrus,Cy,Lees\n"))


def test_a_mapped_header_comes_first_and_one_that_is_something_else_is_left_alone() -> None:
    definition = rules().definition("tribal")
    mapping = ColumnMapping("applications", {"surname": "Setting", "upn": None, "gone": "X"})
    table = extended(definition, mapping).table("applications")
    assert table.columns["surname"][:2] == ("Setting", "Surname")
    assert table.columns["upn"] == ()
    assert "Setting" not in table.never and "gone" not in table.columns
    assert extended(definition, None) is definition
