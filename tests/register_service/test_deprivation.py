"""The lookup of deprivation by postcode: taken whole, refused where it is none."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from api.db.engine import reading, writing
from api.db.models import Audit, PostcodeDeprivation
from api.services.deprivation import Loaded, load_lookup
from matcher.errors import DataError
from tests.register_service.registers import NOW, shipped

HEADER = "Postcode,Postcode Status,LSOA code,Index of Multiple Deprivation Decile\n"


def load(engine: Engine, folder: Path, text: str) -> Loaded:
    path = folder / "lookup.csv"
    path.write_text(text, encoding="utf-8")
    with writing(engine) as connection:
        values = shipped().book.linkage.values
        return load_lookup(connection, path, values, by="steward", now=NOW)


def known(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        query = select(PostcodeDeprivation.postcode, PostcodeDeprivation.decile)
        return {row.postcode: row.decile for row in connection.execute(query)}


def test_a_lookup_takes_the_place_of_the_one_before(engine: Engine, tmp_path: Path) -> None:
    rows = "\ufeff" + HEADER + "OL1 1AA,Live,E01,1\nol41pp,Terminated,E02,10\n"
    assert load(engine, tmp_path, rows) == Loaded(rows=2, postcodes=2, left_out=0, repeated=0)
    assert known(engine) == {"OL1 1AA": 1, "OL4 1PP": 10}
    rows = (
        HEADER + "OL9 5BB,Live,E01,3\nOL9 5BB,Live,E01,3\nnowhere,Not found,,\nOL2 2BB,Live,,11\n"
    )
    assert load(engine, tmp_path, rows) == Loaded(rows=4, postcodes=1, left_out=2, repeated=1)
    assert known(engine) == {"OL9 5BB": 3}
    with reading(engine) as connection:
        (_, act) = connection.execute(select(Audit.action, Audit.detail).order_by(Audit.id)).all()
    assert tuple(act) == ("deprivation_loaded", {"rows": 4, "postcodes": 1, "left_out": 2})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Name,IMD Decile\nx,1\n", "no column for the postcode; it must be called 'Postcode'"),
        ("pcds,rank\nOL1 1AA,1\n", "no column for the decile"),
        (HEADER + "OL1 1AA,Live,E01,none\n", "no row with a postcode and a decile"),
        (HEADER + "OL1 1AA,Live,,1\nOL11AA,Live,,2\n", "2 rows give a postcode two deciles"),
        ("", "cannot be read as CSV"),
    ],
)
def test_what_is_no_lookup_is_refused_and_leaves_the_one_before(
    engine: Engine, tmp_path: Path, text: str, message: str
) -> None:
    load(engine, tmp_path, HEADER + "OL1 1AA,Live,E01,1\n")
    with pytest.raises(DataError, match=message) as refused:
        load(engine, tmp_path, text)
    assert "OL1" not in str(refused.value)
    assert known(engine) == {"OL1 1AA": 1}
