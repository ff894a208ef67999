"""The links file against the truth: the queue, a perfect reviewer, and calibration.

Expected calibration error and reliability table: Naeini, Cooper and Hauskrecht, AAAI (2015).
Match probabilities crowd near 1, so the last tenth is cut finer than the others.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.crosswalks import (
    LINK_KEY_COLUMNS,
    Codes,
    join_codes,
    record_keys,
    require_columns,
)
from matcher.errors import DataError
from matcher.evaluate.inputs import LabelledRecords
from matcher.evaluate.pairs import PairScores, pair_scores
from matcher.intervals import Proportion

LINK_COLUMNS = (*LINK_KEY_COLUMNS, "match_probability", "designation")
BIN_EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Links whose match probability lies in [lower, upper); the last bin includes 1.

    ``expected`` is their mean probability, ``observed`` the share that are of one person.
    """

    lower: float
    upper: float
    expected: float
    observed: Proportion


@dataclass(frozen=True, slots=True)
class LinkScores:
    """What the links file says beside the crosswalk.

    ``not_in_truth`` rows have a record that the truth lacks; every other figure leaves them
    out. ``true_possible`` of the ``possible`` links are of one person. ``after_review`` are the
    pairs if a reviewer accepted exactly those and clusters were joined accordingly;
    ``reviewed_cluster`` is each record's cluster then.
    """

    links: int
    possible: int
    true_possible: int
    children: int
    not_in_truth: int
    reviewed_cluster: Codes
    after_review: PairScores
    calibration_error: float | None
    reliability: tuple[ReliabilityBin, ...]

    @property
    def possible_per_100_children(self) -> float:
        """Size of the queue beside the number of children in the truth."""
        return 100 * self.possible / self.children


def link_scores(records: LabelledRecords, links: pd.DataFrame) -> LinkScores:
    """Scores of a frame with the columns of links.csv.

    Raises DataError for missing columns, an unknown designation, a probability outside [0, 1],
    a record paired with itself, and a pair that stands twice, in whichever order.
    """
    require_columns(links, LINK_COLUMNS, "links")
    possible = _possible(links)
    probability = _probability(links)
    left, right = _ends(records, links)
    known = (left >= 0) & (right >= 0)
    left, right = left[known], right[known]
    possible, probability = possible[known], probability[known]
    same = np.asarray(records.person[left] == records.person[right])
    accepted = possible & same
    clusters = int(records.cluster.max(initial=-1)) + 1
    joined = join_codes(clusters, records.cluster[left[accepted]], records.cluster[right[accepted]])
    reviewed = joined[records.cluster]
    error, table = _calibration(probability, same)
    return LinkScores(
        links=int((~possible).sum()),
        possible=int(possible.sum()),
        true_possible=int(accepted.sum()),
        children=records.children,
        not_in_truth=int((~known).sum()),
        reviewed_cluster=reviewed,
        after_review=pair_scores(records.person, reviewed),
        calibration_error=error,
        reliability=table,
    )


def _possible(links: pd.DataFrame) -> npt.NDArray[np.bool_]:
    designation = links["designation"].astype(str)
    if not designation.isin(["link", "possible"]).all():
        raise DataError("links: column designation may hold only link or possible")
    return (designation == "possible").to_numpy(dtype=bool)


def _probability(links: pd.DataFrame) -> npt.NDArray[np.float64]:
    given = links["match_probability"].replace("", None)
    number = pd.to_numeric(given, errors="coerce")
    if (number.isna() & given.notna()).any() or not number.dropna().between(0, 1).all():
        raise DataError("links: column match_probability may hold only numbers from 0 to 1")
    return number.to_numpy(dtype=np.float64)


def _ends(records: LabelledRecords, links: pd.DataFrame) -> tuple[Codes, Codes]:
    """Positions in the records of both ends of each link, -1 where the truth lacks one."""
    left_keys = record_keys(links, "links", "_l")
    right_keys = record_keys(links, "links", "_r")
    numbers = pd.factorize(left_keys.append(right_keys))[0]
    first, second = numbers[: len(links)], numbers[len(links) :]
    if (first == second).any():
        raise DataError("links: a record is paired with itself")
    low, high = np.minimum(first, second), np.maximum(first, second)
    if len(np.unique(low * (2 * len(links) + 1) + high)) < len(links):
        raise DataError("links: a pair stands twice; each pair may stand once")
    return (
        records.keys.get_indexer(left_keys).astype(np.int64),
        records.keys.get_indexer(right_keys).astype(np.int64),
    )


def _calibration(
    probability: npt.NDArray[np.float64], same: npt.NDArray[np.bool_]
) -> tuple[float | None, tuple[ReliabilityBin, ...]]:
    """Mean distance of expected from observed over links, and the bins that have any."""
    given = ~np.isnan(probability)
    probability, same = probability[given], same[given]
    if not len(probability):
        return None, ()
    bins = np.searchsorted(BIN_EDGES[1:-1], probability, side="right")
    table = []
    error = 0.0
    for number in np.unique(bins):
        inside = bins == number
        observed = Proportion(int(same[inside].sum()), int(inside.sum()))
        expected = float(probability[inside].mean())
        error += abs(expected * observed.denominator - observed.numerator)
        table.append(ReliabilityBin(BIN_EDGES[number], BIN_EDGES[number + 1], expected, observed))
    return error / len(probability), tuple(table)
