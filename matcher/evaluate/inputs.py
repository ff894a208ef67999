"""Truth and crosswalk, checked and turned into whole numbers that can be counted."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.crosswalks import Codes, require_columns, require_filled, unique_record_keys
from matcher.errors import DataError

TRUTH_COLUMNS = ("source", "record_id", "person_id")
CROSSWALK_COLUMNS = ("source", "record_id", "child_id")

MOST_GROUP_VALUES = 50
"""A column with more values than this is an identifier or a date, not a group."""

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Column:
    """A column of the truth by which figures are broken down.

    A flag marks single records (for example "the surname was misspelt here"): only 0 and 1. A
    group (for example an ethnic group) belongs to the person. ``codes`` holds one number per
    record: its place in ``labels``.
    """

    name: str
    is_flag: bool
    labels: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True)
class LabelledRecords:
    """The children's records of the truth, in its order.

    person, cluster and source hold one code from 0 up per record; ``keys`` is its text key.
    """

    keys: pd.Index
    person: Codes
    cluster: Codes
    source: Codes
    carers_left_out: int
    not_in_crosswalk: int
    not_in_truth: int

    @property
    def children(self) -> int:
        """Number of people in the truth."""
        return int(self.person.max(initial=-1)) + 1


def label_records(
    truth: pd.DataFrame, crosswalk: pd.DataFrame
) -> tuple[LabelledRecords, pd.DataFrame]:
    """Codes of person, cluster and source, and the truth's rows that they belong to.

    A record that the crosswalk lacks is a cluster of its own. Raises DataError for missing
    columns, empty keys, records that stand twice, a truth without any child, and a truth none
    of whose records is in a crosswalk that has any.
    """
    require_columns(truth, TRUTH_COLUMNS, "truth")
    require_columns(crosswalk, CROSSWALK_COLUMNS, "crosswalk")
    carer = _carers(truth)
    children = truth[~carer].reset_index(drop=True)
    if children.empty:
        raise DataError("truth: no record of a child; nothing can be evaluated")
    require_filled(children, ("person_id",), "truth")
    require_filled(crosswalk, ("child_id",), "crosswalk")
    keys = unique_record_keys(children, "truth")
    crosswalk_keys = unique_record_keys(crosswalk, "crosswalk")

    at = crosswalk_keys.get_indexer(keys)
    child_codes, _ = pd.factorize(crosswalk["child_id"].astype(str))
    missing = at < 0
    cluster = np.where(missing, 0, child_codes[at] if len(child_codes) else 0).astype(np.int64)
    alone = int(missing.sum())
    if alone == len(keys) and len(crosswalk):
        raise DataError(
            "truth: none of its records is in the crosswalk; check that both files are of the "
            "same extracts, with the same names of sources"
        )
    cluster[missing] = len(crosswalk) + np.arange(alone)
    labelled = LabelledRecords(
        keys=keys,
        person=factorize(children["person_id"].astype(str)),
        cluster=factorize(pd.Series(cluster)),
        source=factorize(children["source"].astype(str)),
        carers_left_out=int(carer.sum()),
        not_in_crosswalk=alone,
        not_in_truth=len(crosswalk) - (len(keys) - alone),
    )
    return labelled, children


def breakdown_columns(
    children: pd.DataFrame, names: tuple[str, ...] | None
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Columns to break down by, and the names of those passed over for too many values.

    ``names`` None takes every column that is neither a key nor the role. Names that were asked
    for are never passed over; one that is not there raises DataError.
    """
    others = [name for name in children.columns if name not in (*TRUTH_COLUMNS, "role")]
    wanted = tuple(others) if names is None else names
    require_columns(children, wanted, "truth")
    columns: list[Column] = []
    passed_over: list[str] = []
    for name in wanted:
        text = _as_text(children[name])
        values = sorted(text.dropna().unique(), key=_natural)
        if set(values) <= {"0", "1"} and values:
            flags = (text == "1").to_numpy().astype(np.int64)
            columns.append(Column(name, True, ("0", "1"), flags))
        elif names is None and len(values) > MOST_GROUP_VALUES:
            passed_over.append(name)
        elif values:
            columns.append(Column(name, False, *_group_codes(text, values)))
    return tuple(columns), tuple(passed_over)


def factorize(values: "pd.Series[str] | pd.Series[int]") -> Codes:
    """Codes from 0 up in order of appearance."""
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def holders(column: Column, value: int, person: Codes) -> npt.NDArray[np.bool_]:
    """Which records have a value: for a flag their own, for a group their person's.

    A person whose records name several groups holds each of them, and "not known" only if no
    record names any.
    """
    own = np.asarray(column.codes == value)
    if column.is_flag:
        return own
    people = int(person.max(initial=-1)) + 1
    holds = np.zeros(people, dtype=bool)
    holds[person[own]] = True
    if column.labels[value] == NOT_KNOWN:
        holds[person[~own]] = False
    return np.asarray(holds[person])


def _carers(truth: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "role" not in truth.columns:
        return np.zeros(len(truth), dtype=bool)
    role = _as_text(truth["role"]).str.lower().fillna("child")
    if not role.isin(["child", "carer"]).all():
        raise DataError("truth: column role may hold only child or carer")
    return (role == "carer").to_numpy(dtype=bool)


def _as_text(values: pd.Series) -> "pd.Series[str]":
    """Values as text without surrounding space; missing and empty as missing; 1.0 as 1."""
    codes, distinct = pd.factorize(values)
    cells = np.array([*(_cell(value) for value in distinct), None], dtype=object)
    return pd.Series(cells[codes], index=values.index, dtype=object)


def _cell(value: object) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _group_codes(text: "pd.Series[str]", values: list[str]) -> tuple[tuple[str, ...], Codes]:
    named = [value for value in values if value != NOT_KNOWN]
    codes = pd.Index(named, dtype=object).get_indexer(pd.Index(text, dtype=object))
    if (codes < 0).any():
        codes = np.where(codes < 0, len(named), codes)
        named.append(NOT_KNOWN)
    return tuple(named), codes.astype(np.int64)


def _natural(value: str) -> tuple[int, float, str]:
    """Order numbers by size and before text."""
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)
