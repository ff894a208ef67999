"""The published lookup of deprivation by postcode, as a council loads it.

It is the file that the government's deprivation postcode lookup gives, or any CSV with a
column for the postcode and one for the decile of the Index of Multiple Deprivation.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete

from api.db.bulk import insert
from api.db.models import PostcodeDeprivation
from api.services.access.audit import note_act
from matcher.errors import DataError
from matcher.rules.tables import normalise_header
from matcher.rules.values import ValueRules
from matcher.standardise.values import standardise_postcode

POSTCODE = ("Postcode", "pcds", "pcd")
DECILE = (
    "Index of Multiple Deprivation Decile",
    "Index of Multiple Deprivation (IMD) Decile",
    "IMD Decile",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows of the file, postcodes that are now known, rows without either, and told twice."""

    rows: int
    postcodes: int
    left_out: int
    repeated: int


def load_lookup(
    connection: Connection, path: Path, rules: ValueRules, *, by: str, now: datetime
) -> Loaded:
    """Take a lookup in place of the one before. Raises DataError if it is none.

    A row without a postcode, or without a decile from 1 to 10, is left out and counted: the
    lookup lists postcodes that it does not know, too.
    """
    frame = _read(path)
    texts: list[str] = frame["postcode"].unique().tolist()
    postcode = frame["postcode"].map({text: standardise_postcode(text, rules) for text in texts})
    decile = pd.to_numeric(frame["decile"], errors="coerce")
    sound = ((postcode != "") & decile.isin(range(1, 11))).to_numpy(dtype=np.bool_)
    if not sound.any():
        raise DataError(f"{path.name} has no row with a postcode and a decile from 1 to 10")
    kept = pd.DataFrame({"postcode": postcode[sound], "decile": decile[sound].astype(np.int64)})
    each = kept.drop_duplicates()
    if each["postcode"].duplicated().any():
        count = int(each["postcode"].duplicated(keep=False).sum())
        raise DataError(f"{path.name} contradicts itself: {count} rows give a postcode two deciles")
    connection.execute(delete(PostcodeDeprivation))
    columns = {"postcode": each["postcode"].to_numpy(), "decile": each["decile"].to_numpy()}
    insert(connection, PostcodeDeprivation, columns)
    loaded = Loaded(len(frame), len(each), int((~sound).sum()), len(kept) - len(each))
    detail = {"rows": loaded.rows, "postcodes": loaded.postcodes, "left_out": loaded.left_out}
    note_act(connection, "deprivation_loaded", "lookup", by=by, now=now, detail=detail)
    return loaded


def _read(path: Path) -> pd.DataFrame:
    """Columns postcode and decile, as text."""
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        raise DataError(f"{path.name} cannot be read as CSV") from error
    places = {normalise_header(header): at for at, header in reversed([*enumerate(found.columns)])}
    columns = {}
    for name, headers in (("postcode", POSTCODE), ("decile", DECILE)):
        known = [places[key] for key in map(normalise_header, headers) if key in places]
        if not known:
            raise DataError(
                f"{path.name} has no column for the {name}; it must be called "
                + " or ".join(f"{header!r}" for header in headers)
            )
        columns[name] = found.iloc[:, known[0]].str.strip()
    return pd.DataFrame(columns)
