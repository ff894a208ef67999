"""The register as frames: crosswalk, golden values and links.

The columns and the order of rows are those of the files of `matcher link`, so that a
register and a run over the same extracts say the same.
"""

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, or_, select

from api.db.among import among
from api.db.fetching import fetch_frame
from api.db.models import Golden, Membership, Pair, Record, Run, Source
from api.services.extracts.current import held
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import MATCH, decisions_in_force
from api.services.register.shields import LOCATION, shielded_children
from api.services.register.standing import ReadRules
from api.services.register.sundered import (
    hidden_records,
    latest_children,
    severed_children,
    unclaimed,
)
from matcher.errors import DataError
from matcher.links import ReportedLinks
from matcher.patterns import unpacked
from matcher.register.golden import GOLDEN_COLUMNS


def last_run(connection: Connection) -> int:
    """The number of the last run; 0 if there was none."""
    return connection.scalar(select(func.max(Run.id))) or 0


def check_run(connection: Connection, run: int) -> None:
    """Raises DataError if there was no such run."""
    if connection.scalar(select(Run.id).where(Run.id == run)) is None:
        latest = last_run(connection)
        known = f"the last one is {latest}" if latest else "the register is empty"
        # Numbers of runs that did not come to their end are left out, on PostgreSQL.
        before = connection.scalar(select(func.max(Run.id)).where(Run.id < run))
        after = connection.scalar(select(func.min(Run.id)).where(Run.id > run))
        if before and after:
            known = f"the nearest are {before} and {after}, {known}"
        raise DataError(f"there is no run {run}; {known}")


def read_crosswalk(connection: Connection, *, as_of_run: int | None = None) -> pd.DataFrame:
    """source, record_id, child_id of every record of a child, in order of key.

    As of now, or as it was after a run, without what adoption has severed since. Raises
    DataError if there was no such run.
    """
    return _members(connection, as_of_run)[["source", "record_id", "child_id"]]


def read_golden(connection: Connection, *, as_of_run: int | None = None) -> pd.DataFrame:
    """child_id and GOLDEN_COLUMNS (see `matcher.register.golden`), in order of first record.

    Where a child lives is left out if it is shielded by now, whichever run is asked for. Of a
    child from which adoption has severed records since, no values are told: they may be of
    the other identity. Raises DataError if there was no such run.
    """
    members, parted = _members_then(connection, as_of_run)
    query = select(
        Golden.child.label("child_id"), *(getattr(Golden, name) for name in GOLDEN_COLUMNS)
    ).where(held(Golden, as_of_run))
    found = fetch_frame(connection, query, plain=("child_id",))
    order = pd.Index(found["child_id"]).get_indexer(pd.Index(members["child_id"].unique()))
    golden: pd.DataFrame = found.iloc[order[order >= 0]].reset_index(drop=True)
    shielded = shielded_children(connection, golden["child_id"].tolist(), at_any_time=True)
    hidden = golden["child_id"].isin(list(shielded)).to_numpy()
    for name in set(LOCATION) & set(golden.columns):
        golden[name] = golden[name].mask(hidden)
    severed = golden["child_id"].isin(list(parted)).to_numpy()
    for name in GOLDEN_COLUMNS if severed.any() else ():
        golden[name] = golden[name].mask(severed)
    return golden


def read_reported(connection: Connection, read: ReadRules) -> tuple[pd.DataFrame, ReportedLinks]:
    """Links as of the last run, and the members whose positions they have, ``id`` is record.id."""
    members = _members(connection, None)
    query = select(Pair.l, Pair.r, Pair.pattern, Pair.weight, Pair.company,
                   Pair.waiting, Pair.rival, Pair.apart).where(REPORTED)  # fmt: skip
    left, right, pattern, weight, company, waiting, rival, apart = columns(connection, query)
    place = pd.Index(members["id"])
    l, r = place.get_indexer(pd.Index(left)), place.get_indexer(pd.Index(right))
    order = np.lexsort((r, l))
    said = _said_to_match(connection, left, right)
    agrees = read.agreeing(unpacked(read.matching.comparisons, pattern))
    fits = (weight >= read.matching.thresholds.upper) & (rival == 0) & (apart == 0) & agrees
    found = ReportedLinks(
        l=l[order],
        r=r[order],
        pattern=pattern[order],
        weight=weight[order],
        possible=waiting[order] == 1,
        rival=rival[order] == 1,
        refused=((waiting == 1) & (said | fits))[order],
        alone=company[order] > 0,
        said=said[order],
        common=~agrees[order],
    )
    return members, found


def read_possible_links(connection: Connection) -> pd.DataFrame:
    """Keys and designation, of LINK_COLUMNS, of the pairs that wait for a person."""
    query = select(Pair.l, Pair.r).where(Pair.waiting == 1)
    l, r = columns(connection, query)
    return possible_links(_members(connection, None), l, r)


def possible_links(records: pd.DataFrame, l: Numbers, r: Numbers) -> pd.DataFrame:
    """The same, of pairs by record.id, which ``records`` has as ``id``; in order."""
    return link_keys(records, l, r).assign(designation="possible")


def link_keys(records: pd.DataFrame, l: Numbers, r: Numbers) -> pd.DataFrame:
    """source_l, record_id_l, source_r, record_id_r of pairs of records by record.id."""
    place = pd.Index(records["id"])
    sides = {}
    for side, ids in (("l", l), ("r", r)):
        at = place.get_indexer(pd.Index(ids))
        sides[f"source_{side}"] = records["source"].astype(object).to_numpy()[at]
        sides[f"record_id_{side}"] = records["record_id"].to_numpy()[at]
    frame = pd.DataFrame(sides)
    return frame.sort_values(list(frame.columns), ignore_index=True)


# Pairs that are links, or that wait for a person.
REPORTED = or_(Pair.link == 1, Pair.waiting == 1)


def _members(connection: Connection, as_of_run: int | None) -> pd.DataFrame:
    """record.id as ``id``, source, record_id and child_id of every member, in order of key."""
    return _members_then(connection, as_of_run)[0]


def _members_then(connection: Connection, as_of_run: int | None) -> tuple[pd.DataFrame, set[str]]:
    """The same, and children from which some were left out, since they are severed by now."""
    if as_of_run is not None:
        check_run(connection, as_of_run)
    wanted: list[Any] = [
        Membership.record.label("id"),
        Source.name.label("source"),
        Record.record_id,
        Membership.child.label("child_id"),
    ]
    query = (
        select(*wanted)
        .join(Record, Record.id == Membership.record)
        .join(Source, Source.number == Record.source)
        .where(held(Membership, as_of_run))
    )
    found = fetch_frame(connection, query, plain=("record_id", "child_id"))
    found["source"] = found["source"].cat.reorder_categories(sorted(found["source"].cat.categories))
    found = found.iloc[_in_key_order(found)].reset_index(drop=True)
    if as_of_run is None:
        return found, set()
    left_out = found["id"].isin(_hidden_since(connection, found))
    shown = found[~left_out].reset_index(drop=True)
    return shown, set(found.loc[left_out, "child_id"])


def severed_since(connection: Connection, run: int) -> Numbers:
    """Records that must not be shown by now with the child that they were of after a run."""
    query = select(Membership.record, Membership.child).where(held(Membership, run))
    record, child = columns(connection, query)
    hidden = _hidden_since(connection, pd.DataFrame({"id": record, "child_id": child}))
    return np.array(hidden, dtype=np.int64)


def _hidden_since(connection: Connection, then: pd.DataFrame) -> list[int]:
    """The same, of members as of a run: record.id as ``id``, and child_id."""
    severed = severed_children(connection)
    if not severed:
        return []
    lost = unclaimed(connection)
    query = select(Membership.record).where(among(Membership.child, sorted(set().union(*severed))))
    now = latest_children(connection, np.unique(columns(connection, query)[0]))
    hidden: set[int] = set()
    for child, records in then.loc[then["id"].isin(list(now)), "id"].groupby(then["child_id"]):
        hidden |= hidden_records(severed, str(child), {r: now[r] for r in records.tolist()})
        hidden |= lost.get(str(child), set()) & set(records.tolist())
    return sorted(hidden)


def _in_key_order(found: pd.DataFrame) -> Numbers:
    """Sorted here, since databases differ in how they order text."""
    keys = found["record_id"].tolist()
    number = found["source"].cat.codes.to_numpy()
    order: list[int] = []
    for one in range(len(found["source"].cat.categories)):
        order += sorted(np.flatnonzero(number == one).tolist(), key=keys.__getitem__)
    return np.array(order, dtype=np.int64)


def _said_to_match(connection: Connection, l: Numbers, r: Numbers) -> "np.ndarray[Any, Any]":
    """Which pairs a person had said are one child when the last run was made."""
    found = decisions_in_force(connection, as_of_run=last_run(connection))
    found = found[found["kind"] == MATCH]
    said = pd.MultiIndex.from_arrays([found["l"], found["r"]])
    return pd.MultiIndex.from_arrays([np.minimum(l, r), np.maximum(l, r)]).isin(said)
