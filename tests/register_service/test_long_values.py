"""Long values are rejects or are kept, on either database; none stops a run."""

import csv
import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, String, select

from api.db.engine import reading
from api.db.models import ExtractState, Record, RecordVersion, Reject, Table
from api.rest.record_schemas import RecordBody
from api.services.ingesting import Ingested, ingest
from api.services.register.searching import search_records
from matcher.frames import LONGEST, RECORD_TEXT_COLUMNS
from matcher.progress import Silent
from tests.register_service.registers import shipped

LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Four bytes each, and a pair of them takes no fewer.
FOUR_BYTES = [chr(code) for code in range(0x20000, 0x2A000)]
GIVEN = ("record_id", "forename", "surname", "family_id", "date_of_birth")


def letters(count: int, of: str | list[str] = LATIN) -> str:
    """Text that no database makes shorter."""
    chosen = random.Random(count)
    return "".join(chosen.choice(of) for _ in range(count))


def brought(engine: Engine, folder: Path, rows: list[Mapping[str, str]]) -> Ingested:
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, GIVEN, restval="")
        writer.writeheader()
        writer.writerows({"surname": "Lees", "date_of_birth": "2019-05-04", **row} for row in rows)
    return ingest(
        engine,
        shipped(),
        source="toddlers",
        path=path,
        as_of=date(2024, 9, 1),
        mode="snapshot",
        by="analyst",
        observer=Silent(),
    )


@pytest.mark.parametrize(
    ("column", "count"), [("record_id", 4_000), ("forename", 9_000), ("family_id", 9_000)]
)
def test_a_row_with_a_value_that_is_too_long_is_a_reject_and_the_others_are_linked(
    engine: Engine, tmp_path: Path, column: str, count: int
) -> None:
    good = [{"record_id": str(number), "forename": f"Amy{number}"} for number in range(60)]
    long = {"record_id": "long", "forename": "Ben", column: letters(count)}
    found = brought(engine, tmp_path, [*good, long])
    assert found.state == ExtractState.CURRENT
    with reading(engine) as connection:
        rejects = connection.execute(select(Reject.row, Reject.column, Reject.code)).all()
        held = set(connection.scalars(select(Record.record_id)))
    assert [tuple(reject) for reject in rejects] == [(62, column, "cell_too_long")]
    assert held == {one["record_id"] for one in good}


@pytest.mark.parametrize("of", [LATIN, FOUR_BYTES], ids=["one byte", "four bytes"])
def test_values_as_long_as_they_may_be_are_linked_and_found(
    engine: Engine, tmp_path: Path, of: str | list[str]
) -> None:
    said = {name: letters(LONGEST[name], of) for name in GIVEN if name in LONGEST}
    said["surname"] = said["surname"][::-1]
    assert brought(engine, tmp_path, [said]).state == ExtractState.CURRENT
    looked_for = {name: said[name] for name in ("forename", "surname")}
    with reading(engine) as connection:
        kept = connection.execute(
            select(RecordVersion.forename, RecordVersion.surname, RecordVersion.family_id)
        ).one()
        page = search_records(connection, looked_for, [])
    assert tuple(kept) == (said["forename"], said["surname"], said["family_id"])
    assert [one.record_id for one in page.records] == [said["record_id"]]


def test_no_index_of_values_that_extracts_bring_has_a_column_without_a_limit() -> None:
    indexed = {
        (table.name, column.name)
        for table in Table.metadata.sorted_tables
        for part in (*table.indexes, *table.constraints)
        for column in part.columns
        if isinstance(column.type, String) and not column.type.length
    }
    assert indexed - {("person", "issuer"), ("person", "subject")} == {
        ("record", "record_id"),  # at most 200 characters
        ("record_version", "family_id"),  # at most 500
        # Standardised: 300 each of names, and the others have a form of a few characters.
        *(("search_entry", name) for name in ("forename", "surname", "date_of_birth", "held")),
        *(("search_entry", name) for name in ("postcode", "address_5", "nhs_number", "upn")),
        ("search_entry", "name_prefix"),
    }
    assert LONGEST.keys() == {"record_id", *RECORD_TEXT_COLUMNS}
    assert all(4 * longest < 2_704 for longest in LONGEST.values())


def test_a_body_may_say_as_much_as_a_row_of_an_extract() -> None:
    told = RecordBody.model_json_schema()["properties"]
    lengths = {
        name: one["maxLength"]
        for name, field in told.items()
        for one in field.get("anyOf", [field])
        if "maxLength" in one
    }
    assert lengths == {name: LONGEST[name] for name in lengths}
    assert {"forename", "family_id", "address", "upn"} < lengths.keys()
