"""recordlinkage with its ECM classifier, as its documentation puts the parts together.

Candidate pairs from a few blocks (`Index`), names and addresses by Jaro–Winkler from 0.85,
everything else exact (`Compare`, where a missing value counts as a difference), and
`ECMClassifier` without labels. It designates pairs and stops there, so its pairs are scored
as they are.
"""

import time
import warnings

import numpy as np
import pandas as pd

from benchmarks.engines import Outcome, plain_table, tells
from benchmarks.sets import LabelledSet

SMALL = 20_000


def ecm(labelled: LabelledSet) -> Outcome:
    """Pairs that the ECM classifier takes for links."""
    import recordlinkage

    table = plain_table(labelled.records).set_index("unique_id")
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        candidates = _candidates(table, labelled)
        vectors = _compare(table, candidates)
        classifier = recordlinkage.ECMClassifier()
        links = classifier.fit_predict(vectors)
    seconds = time.perf_counter() - begun
    return Outcome(
        "recordlinkage ECM",
        "as documented",
        seconds,
        pairs=(
            links.get_level_values(0).to_numpy(dtype=np.int64),
            links.get_level_values(1).to_numpy(dtype=np.int64),
        ),
        details={"candidate_pairs": len(candidates)},
    )


def _candidates(table: pd.DataFrame, labelled: LabelledSet) -> pd.MultiIndex:
    import recordlinkage

    blocks = [["dob"], ["forename", "surname"]]
    blocks += [["postcode", "forename"], ["postcode", "surname"], ["nhs_number"], ["upn"]]
    if len(table) <= SMALL:
        blocks += [["forename"], ["surname"], ["postcode"], ["address"]]
    index = recordlinkage.Index()
    for block in blocks:
        if all(tells(table, name) for name in block):
            index.block(block)
    pairs = index.index(table)
    source = table["source_dataset"]
    number = pd.Series(pd.factorize(source)[0], index=table.index)
    single = {at for at, name in enumerate(pd.factorize(source)[1]) if name in labelled.single}
    l = number.loc[pairs.get_level_values(0)].to_numpy()
    r = number.loc[pairs.get_level_values(1)].to_numpy()
    return pairs[(l != r) | ~np.isin(l, list(single))]


def _compare(table: pd.DataFrame, pairs: pd.MultiIndex) -> pd.DataFrame:
    import recordlinkage

    compare = recordlinkage.Compare()
    for name in ("forename", "surname", "address"):
        if name in table:
            compare.string(name, name, method="jarowinkler", threshold=0.85, label=name)
    for name in ("middle", "dob", "postcode", "sex", "nhs_number", "upn"):
        if name in table:
            compare.exact(name, name, label=name)
    return compare.compute(pairs, table)
