"""Golden values: for each child and field the surviving value and where it came from."""

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

GOLDEN_COLUMNS = tuple(column for field in GOLDEN_FIELDS for column in (field, f"{field}_source"))


def golden_values(
    records: pd.DataFrame, standardised: pd.DataFrame, label: Labels, rules: SurvivorshipRules
) -> pd.DataFrame:
    """Golden values by cluster label, ascending: `GOLDEN_COLUMNS`, missing as NaN.

    ``records`` are RECORDS and ``standardised`` STANDARDISED, row by row; ``label`` gives
    each record's cluster. Ties end with the first record in order.
    """
    labels = np.unique(label)
    result = pd.DataFrame(index=pd.Index(labels, name="label"))
    for field in GOLDEN_FIELDS:
        shown, equal = _SHOWN[field]
        winners = _winners(records, standardised[equal], label, rules.fields[field], rules.sources)
        at = pd.Index(label[winners])
        value = standardised[shown].iloc[winners].astype(object).to_numpy()
        source = records["source"].iloc[winners].astype(object).to_numpy()
        result[field] = pd.Series(value, index=at, dtype=object)
        result[f"{field}_source"] = pd.Series(source, index=at, dtype=object)
    return result


def _winners(
    records: pd.DataFrame, value: pd.Series, label: Labels, rule: FieldRule, ranking: list[str]
) -> npt.NDArray[np.intp]:
    """Positions of the records whose value survives, one per label that has any."""
    codes = value.cat.codes.to_numpy().astype(np.int64)
    present = np.flatnonzero(codes >= 0)
    own, codes = label[present], codes[present]
    keys: list[npt.NDArray[np.int64]] = []
    for criterion in rule.order:
        if criterion == "agreement":
            span = len(value.cat.categories) + 1
            _, inverse, counts = np.unique(
                own * span + codes, return_inverse=True, return_counts=True
            )
            keys.append(-counts[inverse])
        elif criterion == "source_rank":
            keys.append(_rank(records["source"].iloc[present], rule.sources or ranking))
        else:
            dates = records["as_of"].iloc[present].to_numpy(dtype="datetime64[s]")
            keys.append(np.where(np.isnat(dates), 0, -dates.astype(np.int64)))
    order = np.lexsort((present, *reversed(keys), own))
    _, first = np.unique(own[order], return_index=True)
    return present[order[first]]


def _rank(source: pd.Series, ranking: list[str]) -> npt.NDArray[np.int64]:
    names = [str(name) for name in source.cat.categories]
    unranked = sorted(set(names) - set(ranking))
    place = {name: number for number, name in enumerate([*ranking, *unranked])}
    table = np.array([place[name] for name in names], dtype=np.int64)
    return table[source.cat.codes.to_numpy()]
