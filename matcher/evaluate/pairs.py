"""Pairs of records and B-cubed, counted from contingency tables.

A pair is *actual* if both records are of one person, *predicted* if both stand in one
cluster, *correct* if both. With n(p, c) the number of records of person p in cluster c, the
correct pairs are the sum of n(p, c)(n(p, c) - 1) / 2, and likewise for the others.

Intervals treat pairs as independent. Pairs of one child are not, so that for children with
many records the true interval is somewhat wider.

B-cubed: Bagga and Baldwin, LREC workshop on linguistic coreference (1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from matcher.crosswalks import Codes
from matcher.evaluate.inputs import Column, LabelledRecords, holders
from matcher.intervals import Interval, Proportion, f1_interval


@dataclass(frozen=True, slots=True)
class PairScores:
    """Counts of pairs, and the shares that follow from them."""

    correct: int
    predicted: int
    actual: int

    @property
    def false(self) -> int:
        """Pairs that stand together and should not."""
        return self.predicted - self.correct

    @property
    def missed(self) -> int:
        """Pairs that should stand together and do not."""
        return self.actual - self.correct

    @property
    def precision(self) -> Proportion:
        """Correct of predicted."""
        return Proportion(self.correct, self.predicted)

    @property
    def recall(self) -> Proportion:
        """Correct of actual."""
        return Proportion(self.correct, self.actual)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None if there is no pair of either kind."""
        total = self.predicted + self.actual
        return 2 * self.correct / total if total else None

    @property
    def f1_interval(self) -> Interval | None:
        """95% interval by way of F*, see :func:`matcher.intervals.f1_interval`."""
        return f1_interval(self.correct, self.false, self.missed)

    def __add__(self, other: "PairScores") -> "PairScores":
        return PairScores(
            self.correct + other.correct,
            self.predicted + other.predicted,
            self.actual + other.actual,
        )

    def __sub__(self, other: "PairScores") -> "PairScores":
        return PairScores(
            self.correct - other.correct,
            self.predicted - other.predicted,
            self.actual - other.actual,
        )


@dataclass(frozen=True, slots=True)
class BCubed:
    """Means over records, each in (0, 1]: a record is always in its own cluster."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


@dataclass(frozen=True, slots=True)
class GroupScores:
    """The pairs of one value of one column, with its numbers of records and children.

    A pair counts for each group that the person of either record belongs to, so a false pair
    across two groups counts for both. For a flag it counts for 1 if either record is flagged,
    otherwise for 0. ``after_review`` are the pairs once a perfect reviewer has decided.
    """

    column: str
    is_flag: bool
    value: str
    records: int
    children: int
    pairs: PairScores
    after_review: PairScores | None = None


# The fewest children of a group of each size.
GROUP_SIZES = (1, 50, 200, 1_000)


@dataclass(frozen=True, slots=True)
class SizeScores:
    """The pairs of all groups of ``fewest`` to ``most`` children; without end if that is None.

    A pair counts for each of the groups that it counts for in `GroupScores`.
    """

    fewest: int
    most: int | None
    groups: int
    pairs: PairScores
    after_review: PairScores | None = None


def pair_scores(person: Codes, cluster: Codes) -> PairScores:
    """Counts over all pairs of the records, given their person and cluster codes."""
    both = combine(person, cluster)
    return PairScores(*(int(_pairs(np.bincount(codes)).sum()) for codes in (both, cluster, person)))


def within_source_scores(records: LabelledRecords, cluster: Codes) -> PairScores:
    """Counts over the pairs whose two records come from the same source."""
    return pair_scores(combine(records.source, records.person), combine(records.source, cluster))


def b_cubed(person: Codes, cluster: Codes) -> BCubed:
    """For each record, which share of its cluster is its person, and of its person its cluster."""
    both = combine(person, cluster)
    together = np.bincount(both)[both]
    return BCubed(
        precision=float((together / np.bincount(cluster)[cluster]).mean()),
        recall=float((together / np.bincount(person)[person]).mean()),
    )


def group_scores(
    records: LabelledRecords, columns: tuple[Column, ...], reviewed: Codes | None = None
) -> tuple[GroupScores, ...]:
    """Scores of each value of each column, in the columns' order.

    ``reviewed`` is each record's cluster once a perfect reviewer has decided.
    """
    person = records.person
    before = _tables(person, records.cluster)
    after = None if reviewed is None else _tables(person, reviewed)
    scores = []
    for column in columns:
        for code, value in enumerate(column.labels):
            held = holders(column, code, person)
            inside = column.is_flag and value == "0"
            scores.append(
                GroupScores(
                    column=column.name,
                    is_flag=column.is_flag,
                    value=value,
                    records=int(held.sum()),
                    children=len(np.unique(person[held])),
                    pairs=_scores_of(before, held, inside),
                    after_review=None if after is None else _scores_of(after, held, inside),
                )
            )
    return tuple(scores)


def size_scores(groups: Sequence[GroupScores]) -> tuple[SizeScores, ...]:
    """Scores by how many children a group has, the smallest first; flags are no groups."""
    found = []
    for fewest, more in zip(GROUP_SIZES, (*GROUP_SIZES[1:], None), strict=True):
        own = [
            group
            for group in groups
            if not group.is_flag
            and group.children >= fewest
            and (more is None or group.children < more)
        ]
        if own:
            reviewed = [group.after_review for group in own if group.after_review is not None]
            found.append(
                SizeScores(
                    fewest,
                    None if more is None else more - 1,
                    len(own),
                    reduce(add, (group.pairs for group in own)),
                    reduce(add, reviewed) if reviewed else None,
                )
            )
    return tuple(found)


def _tables(person: Codes, cluster: Codes) -> list["_Table"]:
    return [_Table(codes) for codes in (combine(person, cluster), cluster, person)]


def _scores_of(tables: list["_Table"], held: npt.NDArray[np.bool_], inside: bool) -> PairScores:
    counts = [
        table.pairs_inside(held) if inside else table.pairs_touching(held) for table in tables
    ]
    return PairScores(*counts)


def combine(first: Codes, second: Codes) -> Codes:
    """One code from 0 up for each pair of codes that occurs."""
    width = int(second.max(initial=0)) + 1
    _, codes = np.unique(first * width + second, return_inverse=True)
    return np.asarray(codes, dtype=np.int64)


class _Table:
    """How many records each code has, and how many of a subset."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.sizes = np.bincount(codes)

    def _sizes_of(self, subset: npt.NDArray[np.bool_]) -> Codes:
        return np.bincount(self.codes[subset], minlength=len(self.sizes))

    def pairs_inside(self, subset: npt.NDArray[np.bool_]) -> int:
        """Pairs with both records in the subset."""
        return int(_pairs(self._sizes_of(subset)).sum())

    def pairs_touching(self, subset: npt.NDArray[np.bool_]) -> int:
        """Pairs with at least one record in the subset."""
        rest = self.sizes - self._sizes_of(subset)
        return int((_pairs(self.sizes) - _pairs(rest)).sum())


def _pairs(sizes: Codes) -> Codes:
    return sizes * (sizes - 1) // 2
