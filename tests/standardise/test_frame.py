"""The STANDARDISED frame as a whole."""

import pandas as pd
import pytest

from matcher.frames import RECORD_COLUMNS, records_from
from matcher.standardise import STANDARDISED_COLUMNS, standardise
from tests.spec import shipped
from tests.spec.background import town


def standardised(records: pd.DataFrame) -> pd.DataFrame:
    rules = shipped.rules()
    return standardise(records, rules.names, rules.values)


def test_every_column_is_there_and_categorical_however_little_is_known() -> None:
    frame = standardised(records_from([{"surname": "Khan"}]))
    assert tuple(frame.columns) == STANDARDISED_COLUMNS
    assert {str(dtype) for dtype in frame.dtypes} == {"category"}


def test_no_record_standardises_to_no_row() -> None:
    frame = standardised(records_from([]))
    assert tuple(frame.columns) == STANDARDISED_COLUMNS
    assert frame.empty


def test_a_record_standardises_alike_whoever_stands_beside_it() -> None:
    records = town()
    whole = standardised(records).astype(object)
    alone = standardised(records.iloc[[17]]).astype(object)
    pd.testing.assert_frame_equal(alone, whole.iloc[[17]])


def test_the_records_are_left_as_they_were() -> None:
    records = town().copy()
    before = records.copy(deep=True)
    standardised(records)
    pd.testing.assert_frame_equal(records, before)


@pytest.mark.parametrize(
    "column", sorted(set(RECORD_COLUMNS) - {"source", "record_id", "role", "as_of", "name_order"})
)
def test_an_empty_column_changes_only_what_comes_of_it(column: str) -> None:
    row = {
        "forename": "Aisha",
        "surname": "Khan",
        "date_of_birth": "2014-05-03",
        "postcode": "OL1 1AA",
        "address": "12 Mill Lane",
        "nhs_number": "9434765919",
        "upn": "P207000016049",
        "sex": "F",
        "family_id": "XX000123",
    }
    full = standardised(records_from([row])).astype(object).iloc[0]
    less = standardised(records_from([{**row, column: ""}])).astype(object).iloc[0]
    changed = {name for name in STANDARDISED_COLUMNS if _text(full[name]) != _text(less[name])}
    assert all(not _text(less[name]) for name in changed)
    assert bool(changed) == (column in row)


def test_family_ids_of_different_systems_are_different_families() -> None:
    records = records_from(
        [{"source": source, "family_id": "1", "record_id": source} for source in ("a", "b")]
    )
    assert standardised(records)["family"].nunique() == 2


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
