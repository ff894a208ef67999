"""Few records and many are worked on in two ways, which must come to the same."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, func, select, update

from api.db.engine import writing
from api.db.models import Record, RecordVersion, Run
from api.services.register import sides
from api.services.register.linker import Linker
from api.services.register.sides import Side, prepared_of, side_of, sides_around
from api.services.register.single import put_record
from matcher.progress import Silent
from tests.register_service.registers import NOW, shipped
from tests.register_service.towns import load_town, town_files


def linker_of(connection: Connection) -> Linker:
    run = connection.scalar(select(func.max(Run.id)))
    assert run is not None
    rules = shipped()
    return Linker.of(connection, run, rules.book.linkage, rules.model, Silent())


def told(side: Side) -> dict[str, Any]:
    """What is compared of each record, as text, and the keys that it shows."""
    coded = side.coded
    found: dict[str, Any] = {
        name: [None if code < 0 else column.values[code] for code in column.codes]  # noqa: PD011
        for name, column in coded.table.columns.items()
    }
    found["sources"] = [coded.sources[number] for number in coded.source]
    found["single"] = [bool(coded.single[number]) for number in coded.source]
    key, at = side.shown.all()
    found["keys"] = sorted(zip(key.tolist(), side.record[at].tolist(), strict=True))
    return found


@pytest.mark.parametrize("chosen", [slice(0, 9), slice(3, 90, 4), slice(None)])
def test_values_one_by_one_are_those_of_frames(
    engine: Engine, chosen: slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_town(engine, town_files())
    with writing(engine) as connection:
        records = np.array(sorted(connection.scalars(select(Record.id))), dtype=np.int64)[chosen]
        some = RecordVersion.record.in_(records[::4].tolist())
        connection.execute(
            update(RecordVersion).where(some).values(unplaced=True, unaccompanied=True)
        )
        ways = []
        for few in (0, len(records)):
            monkeypatch.setattr(sides, "FEW", few)
            linker = linker_of(connection)
            side, prepared = side_of(linker, records), prepared_of(linker, records)
            assert prepared is not None
            ways.append((side, prepared))
        (framed, by_frame), (alone, by_row) = ways
        assert alone.record.tolist() == framed.record.tolist()
        assert told(alone) == told(framed)
        for name in by_row.standardised.columns:
            texts = [p.standardised[name].astype(object) for p in (by_row, by_frame)]
            pd.testing.assert_series_equal(*texts)
        for name in by_row.records.columns:
            cells = [p.records[name].astype(object) for p in (by_row, by_frame)]
            pd.testing.assert_series_equal(*cells)


def test_before_and_after_a_change_are_told_apart_either_way(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_town(engine, town_files())
    with writing(engine) as connection:
        done = put_record(
            connection,
            shipped(),
            source="swift",
            record_id="new",
            values={"forename": "Zoe", "surname": "Quill", "date_of_birth": "2019-02-03"},
            as_of=None,
            by="clinic",
            now=NOW,
        )
        put_record(
            connection,
            shipped(),
            source="swift",
            record_id="new",
            values={"forename": "Zoe", "surname": "Quinn", "date_of_birth": "2019-02-03"},
            as_of=None,
            by="clinic",
            now=NOW,
        )
        assert done.created
        record = connection.scalar(select(Record.id).where(Record.record_id == "new"))
        changed = np.array([record], dtype=np.int64)
        ways = []
        for few in (0, 1):
            monkeypatch.setattr(sides, "FEW", few)
            ways.append([told(side) for side in sides_around(linker_of(connection), changed)])
        assert ways[0] == ways[1]
        assert [way["surname"] for way in ways[0]] == [["QUILL"], ["QUINN"]]
