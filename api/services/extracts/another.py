"""Ids that name another person than before: given anew, or read from another column."""

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.fetching import fetch_frame
from api.db.models import RecordVersion
from api.services.extracts.arrays import Flags, days
from api.services.extracts.changes import Changes

# By the first of these that both have, they are the same name or not: a surname changes with a
# marriage or an adoption, and siblings who stand beside one another in a list share it.
_NAMES = ("forename", "name", "surname")


def another_person(connection: Connection, changes: Changes) -> int:
    """Records of a changed row that had another name and another date of birth before.

    Only what stands on both sides is compared. Must see the state that ``changes`` are of.
    """
    written = changes.changed | changes.redated
    version = changes.closed[: int(written.sum())][changes.changed[written]]
    columns = (*_NAMES, "date_of_birth")
    query = select(RecordVersion.id, *(getattr(RecordVersion, name) for name in columns))
    before = fetch_frame(connection, query.where(among(RecordVersion.id, version)))
    before = before.set_index("id").loc[version]
    now = changes.records[changes.changed]
    born, born_before = days(now["date_of_birth"]), days(before["date_of_birth"])
    told = ~np.isnat(born) & ~np.isnat(born_before) & (born != born_before)
    return int(_named_otherwise(before[told], now[told]).sum())


def _named_otherwise(before: pd.DataFrame, now: pd.DataFrame) -> Flags:
    """Rows that have another name, however it is written."""
    other = np.zeros(len(now), dtype=np.bool_)
    compared = other.copy()
    for column in _NAMES:
        one, two = _folded(before[column]), _folded(now[column])
        both = ~compared & (one != "") & (two != "")
        other |= both & (one != two)
        compared |= both
    return other


def _folded(column: pd.Series) -> Any:
    """Names without what differs by the way of writing only."""
    texts, codes = column.array.categories, column.array.codes
    folded = ["".join(filter(str.isalnum, text)).casefold() for text in texts]
    return np.array([*folded, ""], dtype=object)[codes]
