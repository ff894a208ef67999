"""What is told of a link beside what its comparisons say."""

import numpy as np
import pandas as pd

from matcher.links import COMMON, LINK_COLUMNS, RIVAL, ReportedLinks
from matcher.untold import Untold
from tests.spec import shipped

NAMES = np.array(["a", "b"], dtype=object)


def told(untold: Untold | None, *, links: int = 1, **notes: bool) -> pd.DataFrame:
    """Links of which no comparison says anything."""
    every = np.zeros(links, np.int64)
    marks = {
        name: np.full(links, notes.get(name, False))
        for name in ("possible", "rival", "refused", "alone", "said", "common")
    }
    found = ReportedLinks(l=every, r=every + 1, pattern=every, weight=every + 1.0, **marks)
    return found.table(NAMES, NAMES, shipped.rules().matching, untold)


def test_whether_more_agrees_than_many_share_is_not_told_where_a_comparison_is_not() -> None:
    whole = Untold(of=np.array([0]), kinds=(frozenset(),))
    in_part = Untold(of=np.array([1]), kinds=(frozenset(), frozenset({"home"})))
    for untold, is_told in ((None, True), (whole, True), (in_part, False)):
        reasons = told(untold, common=True, rival=True)["reason"].item().split("; ")
        assert RIVAL in reasons
        assert (COMMON in reasons) is is_told


def test_no_link_is_a_table_without_a_row() -> None:
    for untold in (None, Untold(of=np.empty(0, np.int64), kinds=())):
        found = told(untold, links=0)
        assert found.empty
        assert found.columns.tolist() == list(LINK_COLUMNS)
