"""What becomes of clusters when possible links are accepted.

Used to bound a measure (all accepted) and to evaluate a perfect reviewer (the true ones
accepted). Bounds only: constraints such as "one record per child" are not applied here.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array  # type: ignore[import-untyped,unused-ignore]
from scipy.sparse.csgraph import (  # type: ignore[import-untyped,unused-ignore]
    connected_components,
)

from matcher.errors import DataError

Codes = npt.NDArray[np.int64]

LINK_KEY_COLUMNS = ("source_l", "record_id_l", "source_r", "record_id_r")


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    """Raise DataError, naming all of them, if the frame lacks any of the columns."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise DataError(f"{name}: missing column {', '.join(missing)}")


def require_filled(frame: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    """Raise DataError if any of the columns has a missing or empty cell."""
    for column in columns:
        empty = int((frame[column].isna() | (frame[column].astype(str) == "")).sum())
        if empty:
            raise DataError(f"{name}: column {column} is empty in {empty} rows; each needs a value")


def record_keys(frame: pd.DataFrame, name: str, side: str = "") -> pd.Index:
    """One text key per row from ``source{side}`` and ``record_id{side}``.

    Raises DataError where either is missing or empty.
    """
    columns = (f"source{side}", f"record_id{side}")
    require_filled(frame, columns, name)
    source, record_id = (frame[column].astype(str).astype(object) for column in columns)
    return pd.Index(source + "\x1f" + record_id, dtype=object)


def unique_record_keys(frame: pd.DataFrame, name: str) -> pd.Index:
    """As :func:`record_keys`; raises DataError if a source has a record_id twice."""
    keys = record_keys(frame, name)
    repeated = int(keys.duplicated().sum())
    if repeated:
        rows = "row repeats" if repeated == 1 else "rows repeat"
        raise DataError(
            f"{name}: {repeated} {rows} a source and record_id that stand above; "
            "each record may stand once"
        )
    return keys


def join_codes(count: int, left: Codes, right: Codes) -> Codes:
    """Component number of each of ``count`` nodes, given edges between their numbers."""
    edges = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(count, count))
    _, labels = connected_components(edges, directed=False)
    return np.asarray(labels, dtype=np.int64)


def accept_possible_links(crosswalk: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """The crosswalk as it would be if every possible link were accepted.

    crosswalk has source, record_id, child_id; links has the columns of links.csv, of which
    only rows whose designation is ``possible`` count. A merged cluster takes the smallest of
    its child_ids, so that the result does not depend on the order of rows. Possible links of
    records that the crosswalk does not hold are passed over.
    """
    require_columns(crosswalk, ("source", "record_id", "child_id"), "crosswalk")
    require_columns(links, (*LINK_KEY_COLUMNS, "designation"), "links")
    require_filled(crosswalk, ("child_id",), "crosswalk")
    keys = unique_record_keys(crosswalk, "crosswalk")
    possible = links[links["designation"].astype(str) == "possible"]
    left = keys.get_indexer(record_keys(possible, "links", "_l"))
    right = keys.get_indexer(record_keys(possible, "links", "_r"))
    known = (left >= 0) & (right >= 0)
    codes, children = pd.factorize(crosswalk["child_id"].astype(str), sort=True)
    joined = join_codes(len(children), codes[left[known]], codes[right[known]])
    first = np.full(joined.max(initial=-1) + 1, len(children), dtype=np.int64)
    np.minimum.at(first, joined, np.arange(len(children)))
    return crosswalk.assign(child_id=np.asarray(children)[first[joined[codes]]])
