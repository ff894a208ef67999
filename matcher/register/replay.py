"""The crosswalk that a feed of events comes to."""

import numpy as np
import pandas as pd

from matcher.errors import DataError
from matcher.table import Mask

LINKED, UNLINKED = "record_linked", "record_unlinked"


def replay(events: pd.DataFrame) -> pd.DataFrame:
    """Who is which child after these events: source, record_id, child_id, in order of key.

    ``events`` are all from the first one on, in their order, with the columns kind, child_id,
    source and record_id; up to the last of a run, they give the crosswalk after that run.
    Raises DataError where an event cannot follow those before it: then some are missing, or
    they are in another order.
    """
    moves = events[events["kind"].isin([LINKED, UNLINKED]).to_numpy()]
    names = ["source", "record_id", "child_id"]
    frame = moves[names].astype(object).reset_index(drop=True)
    frame["linked"] = (moves["kind"] == LINKED).to_numpy()
    frame = frame.sort_values(["source", "record_id"], kind="stable", ignore_index=True)
    same = _same_as_above(frame, ["source", "record_id"])
    above = frame["linked"].shift(fill_value=False).to_numpy(dtype=bool) & same
    follows = above != frame["linked"].to_numpy()
    follows &= frame["linked"].to_numpy() | _same_as_above(frame, ["child_id"])
    if not follows.all():
        raise DataError(
            f"{int((~follows).sum())} events cannot follow those before them; "
            "replay all events from the first one on, in order of id"
        )
    last = ~np.append(same[1:], False)
    return frame.loc[last & frame["linked"].to_numpy(), names].reset_index(drop=True)


def _same_as_above(frame: pd.DataFrame, names: list[str]) -> Mask:
    same = np.ones(len(frame), dtype=bool)
    for name in names:
        values = frame[name].to_numpy()
        same[1:] &= np.asarray(values[1:] == values[:-1], dtype=bool)
    same[:1] = False
    return same
