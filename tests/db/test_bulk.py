"""What goes in by column comes out the same by row and by frame, on both databases."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from api.db import bulk
from api.db.append_only import append_only_tables, unprotect
from api.db.engine import open_database, reading, writing
from api.db.fetching import fetch_frame
from api.db.models import Source
from api.db.models import Table as Base
from api.db.tables import Number
from tests.databases import Databases
from tests.db.rows import AWKWARD, content, fill

NOW = dt.datetime(2024, 2, 29, 12, 30, 1, 123456, tzinfo=dt.UTC)

# Tables of every kind of column, so that the register's own may change.
TABLES = MetaData()
MEASURED = Table(
    "measured",
    TABLES,
    Column("l", BigInteger, primary_key=True, autoincrement=False),
    Column("r", BigInteger, primary_key=True, autoincrement=False),
    Column("whole", BigInteger, nullable=False),
    Column("small", Integer, nullable=False),
    Column("real", Float, nullable=False),
    Column("sure", Boolean, nullable=False),
    Column("ends", BigInteger),
    sqlite_with_rowid=False,
)
TOLD = Table(
    "told",
    TABLES,
    Column("id", Number, primary_key=True),
    Column("name", String(64), unique=True),
    Column("note", Text),
    Column("whole", Number),
    Column("narrow", SmallInteger),
    Column("real", Float),
    Column("sure", Boolean),
    Column("day", Date),
    Column("at", DateTime(timezone=True)),
    Column("detail", JSON),
)


@pytest.fixture
def made(databases: Databases) -> Iterator[Engine]:
    engine = open_database(databases.empty())
    with writing(engine) as connection:
        TABLES.create_all(connection)
    yield engine
    engine.dispose()


def measured(rows: int) -> dict[str, Any]:
    number = np.arange(rows)
    return {
        "l": number,
        "r": number + 1,
        "whole": number * 2**35 - 2**50,
        "small": np.int8(-3),
        "real": np.float32(0.5) * number,
        "sure": number % 2 == 0,
    }


def told(engine: Engine, columns: dict[str, Any], **options: Any) -> pd.DataFrame:
    """Store three rows and fetch what was stored."""
    with writing(engine) as connection:
        assert bulk.insert(connection, TOLD, {"id": [1, 2, 3], **columns}) == 3
    with reading(engine) as connection:
        return fetch_frame(connection, select(TOLD).order_by(TOLD.c.id), **options)


@pytest.mark.parametrize("rows", [0, 1, 332, 333, 334, bulk.CHUNK + 1])
def test_numbers_come_back_as_they_were(made: Engine, rows: int) -> None:
    given = measured(rows)
    with writing(made) as connection:
        assert bulk.insert(connection, MEASURED, given) == rows
        assert connection.scalar(select(func.count()).select_from(MEASURED)) == rows
        chosen = select(*[MEASURED.c[name] for name in given]).order_by("l")
        found = fetch_frame(connection, chosen)
        assert connection.scalar(select(func.count(MEASURED.c.ends))) == 0
    assert [kind.kind for kind in found.dtypes] == list("iiiifb")
    expected = pd.DataFrame(given, index=range(rows)).astype(found.dtypes.to_dict())
    pd.testing.assert_frame_equal(found, expected)


def test_one_value_stands_for_all_rows_and_alone_for_one(made: Engine) -> None:
    common = {"whole": 5, "small": 6, "real": 0.5, "sure": True}
    with writing(made) as connection:
        bulk.insert(connection, MEASURED, {"l": [1, 2], "r": 7, "ends": None, **common})
        bulk.insert(connection, MEASURED, {"l": 3, "r": 7, "ends": 8, **common})
        assert [row[:2] + row[6:] for row in content(connection, MEASURED)] == [
            (1, 7, None),
            (2, 7, None),
            (3, 7, 8),
        ]


@pytest.mark.parametrize("text", AWKWARD)
def test_text_comes_back_as_it_was_whatever_it_means_to_a_format(made: Engine, text: str) -> None:
    found = told(made, {"name": [text, None, "x"], "note": text}, plain=["name"])
    assert found["name"].tolist() == [text, None, "x"]
    assert found["note"].tolist() == [text] * 3
    assert found["note"].dtype == "category"


MISSING: dict[str, tuple[str, Any]] = {
    "text as None": ("note", ["a", None, "b"]),
    "text as NaN": ("note", np.array(["a", np.nan, "b"], dtype=object)),
    "text as NA": ("note", pd.Series(["a", pd.NA, "b"], dtype="string")),
    "a category": ("note", pd.Series(["a", None, "b"], dtype="category")),
    "a whole number as NaN": ("whole", np.array([2, np.nan, 3])),
    "a whole number as NA": ("whole", pd.Series([2, None, 3], dtype="Int64")),
    "a whole number as None": ("whole", [2, None, 2**62 + 1]),
    "a number as NaN": ("real", np.array([0.1, np.nan, 3])),
    "yes or no as None": ("sure", [True, None, False]),
    "yes or no as NA": ("sure", pd.Series([True, None, False], dtype="boolean")),
    "a day as NaT": ("day", pd.Series(pd.to_datetime(["2019-05-04", None, "2020-02-29"]))),
    "a day as None": ("day", [dt.date(2019, 5, 4), None, dt.date(2020, 2, 29)]),
    "a detail": ("detail", [{"n": [1, None]}, None, {}]),
    "all of them": ("whole", [None, None, None]),
    "one for all": ("note", None),
}


@pytest.mark.parametrize("column, values", MISSING.values(), ids=MISSING.keys())
def test_whatever_is_missing_becomes_null(made: Engine, column: str, values: Any) -> None:
    found = told(made, {column: values})
    given = [None] * 3 if values is None else list(values)
    missing = [bool(pd.isna(value)) for value in given]
    assert found[column].isna().tolist() == missing
    with reading(made) as connection:
        there = connection.scalar(select(func.count(TOLD.c[column])))
    assert there == missing.count(False)
    for value, back in zip(given, found[column].tolist(), strict=True):
        if not pd.isna(value):
            assert back == (pd.Timestamp(value) if column == "day" else value)


def test_days_of_any_kind_are_stored_as_days(made: Engine) -> None:
    day = dt.date(2019, 5, 4)
    days = [day, dt.datetime(2019, 5, 4, 23, 59), pd.Timestamp("2019-05-04")]
    for given in (days, np.datetime64("2019-05-04"), pd.DatetimeIndex(["2019-05-04"] * 3)):
        with writing(made) as connection:
            connection.execute(TOLD.delete())
        found = told(made, {"day": given})
        assert found["day"].tolist() == [pd.Timestamp(day)] * 3
        assert found["day"].dtype == "datetime64[ns]"
        with reading(made) as connection:
            assert set(connection.scalars(select(TOLD.c.day))) == {day}


def test_moments_and_details_come_back_as_they_were(made: Engine) -> None:
    local = NOW.astimezone(dt.timezone(dt.timedelta(hours=5)))
    detail = {"text": AWKWARD[4], "n": [1, 2.5, None]}
    columns = {"at": [NOW, local, pd.Timestamp(NOW)], "detail": [detail, {}, detail]}
    found = told(made, columns)
    assert found["detail"].tolist() == [detail, {}, detail]
    assert found["at"].tolist() == [pd.Timestamp(NOW)] * 3
    assert found["at"].dtype == "datetime64[ns, UTC]"
    with reading(made) as connection:
        by_row = connection.execute(select(TOLD.c.at, TOLD.c.detail).order_by(TOLD.c.id)).all()
    assert [row.at.replace(tzinfo=dt.UTC) for row in by_row] == [NOW] * 3
    assert by_row[0].detail == detail


def test_every_table_can_be_fetched_and_put_back(engine: Engine) -> None:
    with writing(engine) as connection:
        fill(connection, rows=7)
        tables = Base.metadata.sorted_tables
        before = {table.name: content(connection, table) for table in tables}
        frames = {table.name: fetch_frame(connection, select(table)) for table in tables}
        for name in append_only_tables(Base.metadata):
            unprotect(connection, name)
        for table in reversed(tables):
            connection.execute(table.delete())
        for table in tables:
            frame = frames[table.name]
            bulk.insert(connection, table, {name: frame[name] for name in frame})
        assert {table.name: content(connection, table) for table in tables} == before


def test_rows_are_undone_with_the_transaction(made: Engine) -> None:
    counted = select(func.count()).select_from(MEASURED)
    with pytest.raises(RuntimeError), writing(made) as connection:
        bulk.insert(connection, MEASURED, measured(10))
        raise RuntimeError
    with made.connect() as connection:
        bulk.insert(connection, MEASURED, measured(10))  # begins by itself, like any statement
        connection.rollback()
        assert connection.scalar(counted) == 0
        connection.rollback()
        bulk.insert(connection, MEASURED, measured(10))
        connection.commit()
    with reading(made) as connection:
        assert connection.scalar(counted) == 10


def test_rows_are_put_in_the_order_of_their_keys_with_all_their_values(made: Engine) -> None:
    rows = bulk.CHUNK + 1
    mixed = np.random.default_rng(0).permutation(rows)
    with writing(made) as connection:
        bulk.insert(connection, MEASURED, {**measured(rows), "l": mixed, "whole": mixed * 2})
        found = fetch_frame(connection, select(MEASURED.c.l, MEASURED.c.r, MEASURED.c.whole))
    assert found["l"].tolist() == list(range(rows))
    assert (found["whole"] == found["l"] * 2).all()
    assert (mixed[found["r"] - 1] == found["l"]).all()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a fraction": ({"whole": [1.5]}, "altered"),
    "a number for yes or no": ({"sure": [2]}, "altered"),
    "too large": ({"whole": np.array([2**63], np.uint64)}, "altered"),
    "too large in a list": ({"whole": [2**63, None]}, "too large"),
    "too large for a narrow column": ({"narrow": [2**15]}, "too large"),
    "too small for a narrow column": ({"narrow": [None, -(2**15) - 1]}, "too large"),
    "of other length": ({"id": [1], "whole": [1, 2]}, "differ in length"),
}


@pytest.mark.parametrize("columns, why", REFUSED.values(), ids=REFUSED.keys())
def test_what_a_column_cannot_hold_as_it_is_is_refused(
    made: Engine, columns: dict[str, Any], why: str
) -> None:
    with writing(made) as connection:
        with pytest.raises((ValueError, OverflowError), match=why):
            bulk.insert(connection, TOLD, columns)
        assert connection.scalar(select(func.count()).select_from(TOLD)) == 0


def test_a_row_twice_is_refused_without_its_values(made: Engine) -> None:
    with pytest.raises(IntegrityError) as caught, writing(made) as connection:
        bulk.insert(connection, TOLD, {"name": ["Quillfeather", "Quillfeather"]})
    assert "told" in str(caught.value)
    told_of = f"{caught.value!r}{caught.value}{caught.value.orig!r}{caught.value.orig}"
    assert "Quillfeather" not in told_of


def test_text_that_the_database_cannot_keep_is_refused_without_it(made: Engine) -> None:
    if made.dialect.name == "sqlite":
        found = told(made, {"note": "Quill\0feather"})
        assert found["note"].tolist() == ["Quill\0feather"] * 3
        return
    with pytest.raises(DBAPIError) as caught:
        told(made, {"note": "Quill\0feather"})
    assert "feather" not in f"{caught.value!r}{caught.value}"


def test_new_ids_are_given_to_nobody_else(made: Engine) -> None:
    with writing(made) as connection:
        bulk.insert(connection, TOLD, {"name": "a"})
        ids = bulk.new_ids(connection, TOLD, 3)
        assert (np.diff(ids) > 0).all()
        bulk.insert(connection, TOLD, {"id": ids, "name": ["b", "c", "d"]})
        bulk.insert(connection, TOLD, {"name": "e"})
        found = dict(connection.execute(select(TOLD.c.name, TOLD.c.id)).all())
    assert len(set(found.values())) == 5
    assert [found["b"], found["c"], found["d"]] == ids.tolist()


def test_a_table_may_be_named_by_its_class(engine: Engine) -> None:
    with writing(engine) as connection:
        ids = bulk.new_ids(connection, Source, 2)
        columns = {"name": ["a", "b"], "title": "A source", "one_record_per_child": False}
        bulk.insert(connection, Source, {"number": ids, **columns})
        assert list(connection.scalars(select(Source.number))) == [1, 2]


def test_temporary_keys_are_joined_with_and_gone_afterwards(made: Engine) -> None:
    with writing(made) as connection:
        bulk.insert(connection, MEASURED, measured(1000))
    for turn in (1, 2):  # the second time on the same connection
        with reading(made) as connection:
            keys = bulk.temporary_keys(connection, "some", [5, 7, 5, 5000][: turn * 2])
            joined = select(MEASURED.c.l).join(keys, keys.c.key == MEASURED.c.l)
            assert sorted(connection.scalars(joined)) == [5, 7]


def test_a_temporary_table_holds_numbers_and_text_beside_its_key(made: Engine) -> None:
    columns = {
        "record": np.array([2, 1, 2]),
        "place": np.array([1, 1, 2]),
        "weight": np.array([0.5, 1.5, np.nan]),
        "what": pd.Series(["b", "a", None], dtype="category"),
    }
    with writing(made) as connection:
        table = bulk.temporary_table(connection, "weights", columns, key=("record", "place"))
        found = connection.execute(select(table).order_by(table.c.record, table.c.place)).all()
    assert found == [(1, 1, 1.5, "a"), (2, 1, 0.5, "b"), (2, 2, None, None)]


def test_a_query_may_hold_values_and_lists_of_them(made: Engine) -> None:
    chosen = select(MEASURED.c.l, (MEASURED.c.r * 2).label("twice")).where(
        MEASURED.c.l.in_([3, 50, 7]), MEASURED.c.real < 5.0
    )
    with writing(made) as connection:
        bulk.insert(connection, MEASURED, measured(100))
        found = fetch_frame(connection, chosen.order_by(MEASURED.c.l.desc()))
    assert found.to_dict("list") == {"l": [7, 3], "twice": [16, 8]}
