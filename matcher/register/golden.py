"""Golden values: for each child and field the surviving value and where it came from."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.rules.survivorship import GOLDEN_FIELDS, FieldRule, SurvivorshipRules

Labels = npt.NDArray[np.int64]

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
    each record's cluster. Ties end with the first record in order.
    """
    labels = np.unique(label)
    source = records["source"].array
    names = source.categories.to_numpy(dtype=object)
    since = records["as_of"].to_numpy(dtype="datetime64[s]")
    newest = np.where(np.isnat(since), 0, -since.astype(np.int64))
    result: dict[str, npt.NDArray[np.object_]] = {}
    for field in GOLDEN_FIELDS:
        shown, equal = (standardised[column].array for column in _SHOWN[field])
        rule = rules.fields[field]
        ranks = _ranks(names, rule.sources or rules.sources)[source.codes]
        winners = _winners(equal, ranks, newest, label, rule)
        at = np.searchsorted(labels, label[winners])
        for column, own in ((field, shown), (f"{field}_source", source)):
            result[column] = np.full(len(labels), np.nan, dtype=object)
            result[column][at] = _texts(own, winners)
    return pd.DataFrame(result, index=pd.Index(labels, name="label"))


def _texts(column: pd.Categorical, at: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
    """Some values, missing as NaN."""
    known = np.append(column.categories.to_numpy(dtype=object), np.nan)
    return np.asarray(known[column.codes[at]], dtype=object)


def _winners(
    value: pd.Categorical, rank: Labels, newest: Labels, label: Labels, rule: FieldRule
) -> npt.NDArray[np.intp]:
    """Positions of the records whose value survives, one per label that has any."""
    present = np.flatnonzero(value.codes >= 0)
    own, codes = label[present], value.codes[present].astype(np.int64)
    keys: list[npt.NDArray[np.int64]] = []
    for criterion in rule.order:
        if criterion == "agreement":
            span = len(value.categories) + 1
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
