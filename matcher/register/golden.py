"""Golden values: for each child and field the surviving value and where it came from."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.rules.survivorship import GOLDEN_FIELDS, FieldRule, SurvivorshipRules

Labels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Fields that say together where a child lives.
PLACE = ("address", "postcode")

# For each golden field: the column that shows it, and the column that says two are equal.
_SHOWN = {
    "forename": ("written_forename", "forename"),
    "surname": ("written_surname", "surname"),
    "date_of_birth": ("date_of_birth", "date_of_birth"),
    "sex": ("sex", "sex"),
    "nhs_number": ("nhs_number_valid", "nhs_number_valid"),
    "upn": ("upn_valid", "upn_valid"),
    "address": ("written_address", "address"),
    "postcode": ("postcode", "postcode"),
}
# Columns of STANDARDISED that values survive from.
SURVIVING_COLUMNS = sorted({column for columns in _SHOWN.values() for column in columns})
GOLDEN_COLUMNS = tuple(column for field in GOLDEN_FIELDS for column in (field, f"{field}_source"))


def golden_values(
    records: pd.DataFrame, standardised: pd.DataFrame, label: Labels, rules: SurvivorshipRules
) -> pd.DataFrame:
    """Golden values by cluster label, ascending: `GOLDEN_COLUMNS`, missing as NaN.

    ``records`` are RECORDS and ``standardised`` STANDARDISED, row by row; ``label`` gives
    each record's cluster. Ties end with the first record in order. Address and postcode
    are those of one place, since those of two are where nobody lives.
    """
    labels = np.unique(label)
    source = records["source"].array
    names = source.categories.to_numpy(dtype=object)
    since = records["as_of"].to_numpy(dtype="datetime64[s]")
    newest = np.where(np.isnat(since), 0, -since.astype(np.int64))

    def winners(field: str, codes: Labels, among: Mask) -> npt.NDArray[np.intp]:
        rule = rules.fields[field]
        ranks = _ranks(names, rule.sources or rules.sources)[source.codes]
        return _winners(np.where(among, codes, -1), ranks, newest, label, rule)

    everybody = np.ones(len(label), dtype=bool)
    address, postcode = (_codes(standardised, field) for field in PLACE)
    place = np.where(address >= 0, address, np.where(postcode >= 0, -2 - postcode, -1))
    # Numbers from 0, as of values: what has no address is told apart by its postcode.
    place = np.where(place < -1, address.max(initial=0) - 1 - place, place)
    at_place = _of_place(address, postcode, label, winners("address", place, everybody))
    result: dict[str, npt.NDArray[np.object_]] = {}
    for field in GOLDEN_FIELDS:
        among = at_place if field in PLACE else everybody
        chosen = winners(field, _codes(standardised, field), among)
        at = np.searchsorted(labels, label[chosen])
        for column, own in (
            (field, standardised[_SHOWN[field][0]].array),
            (f"{field}_source", source),
        ):
            result[column] = np.full(len(labels), np.nan, dtype=object)
            result[column][at] = _texts(own, chosen)
    return pd.DataFrame(result, index=pd.Index(labels, name="label"))


def _codes(standardised: pd.DataFrame, field: str) -> Labels:
    """A number for each record's value, the same for equal ones; -1 for none."""
    return np.asarray(standardised[_SHOWN[field][1]].array.codes, dtype=np.int64)


def _of_place(
    address: Labels, postcode: Labels, label: Labels, chosen: npt.NDArray[np.intp]
) -> Mask:
    """Which records name the place that the ``chosen`` one of their cluster names.

    They have the same address, or the same postcode if the chosen one has no address.
    """
    if not len(chosen):
        return np.zeros(len(label), dtype=bool)
    at = np.minimum(np.searchsorted(label[chosen], label), len(chosen) - 1)
    mine = chosen[at]
    same = np.where(address[mine] >= 0, address == address[mine], postcode == postcode[mine])
    return np.asarray(same & (label[mine] == label))


def _texts(column: pd.Categorical, at: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
    """Some values, missing as NaN."""
    known = np.append(column.categories.to_numpy(dtype=object), np.nan)
    return np.asarray(known[column.codes[at]], dtype=object)


def _winners(
    value: Labels, rank: Labels, newest: Labels, label: Labels, rule: FieldRule
) -> npt.NDArray[np.intp]:
    """Positions of the records whose value survives, one per label that has any, by label."""
    present = np.flatnonzero(value >= 0)
    own, codes = label[present], value[present]
    keys: list[npt.NDArray[np.int64]] = []
    for criterion in rule.order:
        if criterion == "agreement":
            span = int(value.max(initial=0)) + 1
            _, inverse, counts = np.unique(
                own * span + codes, return_inverse=True, return_counts=True
            )
            keys.append(-counts[inverse])
        elif criterion == "source_rank":
            keys.append(rank[present])
        else:
            keys.append(newest[present])
    order = np.lexsort((present, *reversed(keys), own))
    ordered = own[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    return present[order[first]]


def _ranks(names: Iterable[str], ranking: list[str]) -> Labels:
    """The rank of each source, by its code; one that is not ranked comes after those that are."""
    listed = [str(name) for name in names]
    unranked = sorted(set(listed) - set(ranking))
    place = {name: number for number, name in enumerate([*ranking, *unranked])}
    return np.array([place[name] for name in listed], dtype=np.int64)
