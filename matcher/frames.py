"""The frames that stages hand to one another: their columns and what they mean.

Text columns are pandas categoricals, so that work is done once per distinct value
instead of once per row. A missing value is a code of -1, never an empty string.

RECORDS: one row per record, in the order read. No text is longer than ``LONGEST`` says.

| column | dtype | meaning |
|---|---|---|
| source | category | the system that the extract came from |
| record_id | object (str) | unique within its source |
| role | category | ``child`` or ``carer`` |
| forename, middle_names, surname, former_surname | category | as written, white space trimmed |
| known_as | category | preferred or also-known-as name, where a source holds one |
| name | category | the whole name, from systems that have one field for it |
| name_order | category | of ``name``: ``forename_first``, ``surname_first`` or missing |
| date_of_birth | datetime64[ns] | NaT if missing |
| sex | category | ``F`` or ``M`` |
| nhs_number, upn, former_upn | category | without spaces, not validated |
| address | category | one line, parts separated by ", " |
| postcode | category | as written |
| family_id | category | as written, qualified by its source when compared |
| as_of | datetime64[ns] | date on which the source held these values |

ACTIVITY frames: what else an extract yields. Each has ``source`` and ``record_id`` first
(the record that it is about) and the columns in ``ACTIVITY_COLUMNS``.

REJECTS: one row per input row that could not become a record (or an activity).
``row`` counts from 1 and is the line of the file or the row of the sheet.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

RECORD_TEXT_COLUMNS = (
    "role",
    "forename",
    "middle_names",
    "surname",
    "former_surname",
    "known_as",
    "name",
    "name_order",
    "sex",
    "nhs_number",
    "upn",
    "former_upn",
    "address",
    "postcode",
    "family_id",
)
RECORD_DATE_COLUMNS = ("date_of_birth", "as_of")
RECORD_COLUMNS = ("source", "record_id", *RECORD_TEXT_COLUMNS, *RECORD_DATE_COLUMNS)

# Characters that a value may have. Databases look records up by some of them, and PostgreSQL
# finds no value by an index that takes more than 2,704 bytes, at up to four a character.
LONGEST = {
    "record_id": 200,
    **dict.fromkeys(RECORD_TEXT_COLUMNS, 500),
    **dict.fromkeys(("nhs_number", "upn", "former_upn"), 64),
}

# record_id is empty where the row has none that can be read
REJECT_COLUMNS = ("source", "file", "row", "record_id", "column", "code", "message")

ACTIVITY_COLUMNS: dict[str, tuple[str, ...]] = {
    # date (datetime64[ns]), centre, activity (category), attended (bool)
    "contacts": ("source", "record_id", "date", "centre", "activity", "attended"),
    # date, visit (category: what kind of health visit)
    "visits": ("source", "record_id", "date", "visit"),
    # start, end (NaT while open)
    "fsm_periods": ("source", "record_id", "start", "end"),
    # goal (category, for example E01), score (category, as coded)
    "eyfsp_results": ("source", "record_id", "goal", "score"),
    # episode_id, start, end, start_reason, end_reason, organisation
    "caf_episodes": (
        "source",
        "record_id",
        "episode_id",
        "start",
        "end",
        "start_reason",
        "end_reason",
        "organisation",
    ),
    # start, end, setting, hours (float64)
    "funded_places": ("source", "record_id", "start", "end", "setting", "hours"),
    # ethnicity (category, as coded): kept beside a record to tell of linkage by group, and
    # for that reason no column of RECORDS, so that nothing that links ever sees it
    "ethnicities": ("source", "record_id", "ethnicity"),
}


def records_from(rows: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """RECORDS from plain rows; dates as YYYY-MM-DD, absent or empty values are missing.

    ``source`` defaults to "example", ``record_id`` to the row's number, ``role`` to child.
    """
    filled = [
        {"source": "example", "record_id": str(number), "role": "child", **row}
        for number, row in enumerate(rows, start=1)
    ]
    unknown = {key for row in filled for key in row} - set(RECORD_COLUMNS)
    if unknown:
        raise KeyError(f"no such column: {', '.join(sorted(unknown))}")
    columns: dict[str, Any] = {}
    for name in RECORD_COLUMNS:
        values = [row.get(name) or None for row in filled]
        if name == "record_id":
            columns[name] = np.array(values, dtype=object)
        elif name in RECORD_DATE_COLUMNS:
            dates = pd.to_datetime(pd.Series(values, dtype=object), format="%Y-%m-%d")
            columns[name] = dates.astype("datetime64[ns]").array
        else:
            columns[name] = _category(values)
    return pd.DataFrame(columns)


def _category(values: Sequence[str | None]) -> pd.Categorical:
    known = sorted({value for value in values if value is not None})
    numbers: dict[str | None, int] = {value: number for number, value in enumerate(known)}
    codes = [numbers.get(value, -1) for value in values]
    return pd.Categorical.from_codes(codes, pd.Index(known, dtype=object))


def join_records(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """RECORDS of several extracts as one frame, columns still categorical."""
    joined: dict[str, Any] = {}
    for name in RECORD_COLUMNS:
        parts = [frame[name] for frame in frames]
        if isinstance(parts[0].dtype, pd.CategoricalDtype):
            joined[name] = pd.api.types.union_categoricals(parts)
        else:
            joined[name] = pd.concat(parts, ignore_index=True).array
    return pd.DataFrame(joined)


def join_activity(parts: Sequence[Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """ACTIVITY frames of several extracts, joined by kind."""
    found: dict[str, list[pd.DataFrame]] = {}
    for part in parts:
        for kind, frame in part.items():
            if len(frame) or kind not in found:
                found.setdefault(kind, []).append(frame)
    return {kind: pd.concat(frames, ignore_index=True) for kind, frames in found.items()}
