"""What a measure is computed from: records, crosswalk and activity, joined into people."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from matcher.crosswalks import (
    Codes,
    record_keys,
    require_columns,
    require_filled,
    unique_record_keys,
)
from matcher.frames import ACTIVITY_COLUMNS

NEEDED_RECORD_COLUMNS = ("source", "record_id", "role", "date_of_birth", "family_id")


@dataclass(frozen=True)
class MeasureInputs:
    """Frames as ``matcher.frames`` describes them.

    records: RECORDS, children and carers. crosswalk: source, record_id, child_id, of children
    only. activities: ACTIVITY frames by name; one may be absent. ``reception_year`` overrides
    the rule's choice of year: the year in which that school year ends.
    """

    records: pd.DataFrame
    crosswalk: pd.DataFrame
    activities: Mapping[str, pd.DataFrame]
    reception_year: int | None = None

    def with_crosswalk(self, crosswalk: pd.DataFrame) -> "MeasureInputs":
        """The same records linked otherwise."""
        return replace(self, crosswalk=crosswalk)


@dataclass(frozen=True)
class People:
    """Every record with the person and the family that it belongs to.

    One entry per record in ``keys``, ``source``, ``born``, ``child`` (a code; -1 for carers),
    ``family`` (a code for source and family_id together; -1 if missing).
    """

    keys: pd.Index
    source: "pd.Series[str]"
    born: "pd.Series[pd.Timestamp]"
    child: Codes
    family: Codes

    def from_sources(self, sources: tuple[str, ...]) -> Codes:
        """Positions of the records that come from any of the sources."""
        return np.flatnonzero(self.source.isin(sources).to_numpy())

    def children_in(self, sources: tuple[str, ...]) -> Codes:
        """Codes of the children that have a record in any of the sources."""
        codes = np.unique(self.child[self.from_sources(sources)])
        return codes[codes >= 0]


def join_people(inputs: MeasureInputs) -> People:
    """Records with the codes of their child and family.

    A child's record that the crosswalk lacks is a child of its own. Raises DataError when a
    column is missing, a key is empty, or a record stands twice.
    """
    records, crosswalk = inputs.records, inputs.crosswalk
    require_columns(records, NEEDED_RECORD_COLUMNS, "records")
    require_columns(crosswalk, ("source", "record_id", "child_id"), "crosswalk")
    require_filled(crosswalk, ("child_id",), "crosswalk")
    keys = unique_record_keys(records, "records")
    at = unique_record_keys(crosswalk, "crosswalk").get_indexer(keys)
    codes, children = pd.factorize(crosswalk["child_id"].astype(str), sort=True)
    alone = len(children) + np.arange(len(keys))
    child = np.where(at < 0, alone, codes[at] if len(codes) else 0)
    child[(records["role"].astype(object) == "carer").to_numpy()] = -1
    source = records["source"].astype(str).reset_index(drop=True)
    return People(
        keys=keys,
        source=source,
        born=records["date_of_birth"].reset_index(drop=True),
        child=child.astype(np.int64),
        family=_families(source, records["family_id"].reset_index(drop=True)),
    )


def activity(
    inputs: MeasureInputs, people: People, name: str, sources: tuple[str, ...]
) -> pd.DataFrame:
    """Rows of an activity frame that come from the sources, with ``record``: a position in people.

    An absent frame gives no rows; rows about a record that is not there are left out. Raises
    DataError if the frame lacks a column.
    """
    frame = inputs.activities.get(name)
    columns = ACTIVITY_COLUMNS[name]
    if frame is None:
        return pd.DataFrame({column: [] for column in (*columns, "record")})
    require_columns(frame, columns, name)
    rows = frame[frame["source"].isin(sources)].reset_index(drop=True)
    rows = rows.assign(record=people.keys.get_indexer(record_keys(rows, name)))
    return rows[rows["record"] >= 0].reset_index(drop=True)


def _families(source: "pd.Series[str]", family_id: pd.Series) -> Codes:
    given = family_id.notna() & (family_id.astype(object) != "")
    names = (source + "\x1f" + family_id.astype(str)).where(given)
    return np.asarray(pd.factorize(names)[0], dtype=np.int64)
