"""The register as frames, without what would tell whose a lookalike of a shielded child is.

For those who may see some of it only, and for whoever reads the database, without a view: a file
goes further than the register does.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from api.services.access.policy import View
from api.services.register.golden_told import golden_without
from api.services.register.lookalikes import Key, lookalikes
from api.services.register.past_links import links_as_of
from api.services.register.reading import read_crosswalk, read_golden
from api.services.register.shields import LOCATION, shielded_children


def told_crosswalk(
    connection: Connection, as_of_run: int | None, view: View | None = None
) -> pd.DataFrame:
    """As `read_crosswalk`."""
    crosswalk = read_crosswalk(connection, as_of_run=as_of_run)
    return _without(crosswalk, lookalikes(connection, view).keys, "")


def told_links(
    connection: Connection, as_of_run: int | None, view: View | None = None
) -> pd.DataFrame:
    """As `links_as_of`."""
    untold = lookalikes(connection, view).keys
    links = links_as_of(connection, as_of_run, view)
    return _without(_without(links, untold, "_l"), untold, "_r")


def told_golden(
    connection: Connection,
    as_of_run: int | None,
    children: Collection[str],
    view: View | None = None,
) -> pd.DataFrame:
    """As `read_golden`, of these children; values that a lookalike counts for are made anew."""
    golden = read_golden(connection, as_of_run=as_of_run)
    golden = golden[golden["child_id"].isin(set(children))].reset_index(drop=True)
    if not lookalikes(connection, view).keys:
        return golden
    made = golden_without(connection, as_of_run=as_of_run)
    placeless = shielded_children(connection, made, at_any_time=True)
    return _replaced(golden, made, placeless)


def _replaced(
    golden: pd.DataFrame, made: Mapping[str, Mapping[str, Any]], placeless: Collection[str]
) -> pd.DataFrame:
    """Golden values, of some children others; those that are ``placeless`` get no place."""
    result = golden.astype(object)
    for at, child in zip(result.index, result["child_id"], strict=True):
        for name, value in made.get(child, {}).items():
            if child not in placeless or name not in LOCATION:
                result.loc[at, name] = value
    return result


def _without(frame: pd.DataFrame, keys: Collection[Key], side: str) -> pd.DataFrame:
    """Rows whose record, named by columns of a side, is none of these."""
    if not keys:
        return frame
    both = zip(frame[f"source{side}"], frame[f"record_id{side}"], strict=True)
    kept = np.array([key not in keys for key in both], dtype=bool)
    return frame[kept].reset_index(drop=True)
