"""What is told of a link beside what its comparisons say."""

from typing import Any

import numpy as np

from matcher.links import COMMON, RIVAL, ReportedLinks
from matcher.untold import Untold
from tests.spec import shipped

NAMES = np.array(["a", "b"], dtype=object)


def reasons(untold: Untold | None, **notes: bool) -> list[str]:
    """Of one link, of which no comparison says anything."""
    marks: dict[str, Any] = dict.fromkeys(("possible", "rival", "refused", "alone", "said"), False)
    found = ReportedLinks(
        l=np.array([0]),
        r=np.array([1]),
        pattern=np.array([0]),
        weight=np.array([1.0]),
        **{name: np.array([on]) for name, on in (marks | {"common": False} | notes).items()},
    )
    reason: str = found.table(NAMES, NAMES, shipped.rules().matching, untold)["reason"].item()
    return reason.split("; ")


def test_whether_more_agrees_than_many_share_is_not_told_where_a_comparison_is_not() -> None:
    whole = Untold(of=np.array([0]), kinds=(frozenset(),))
    in_part = Untold(of=np.array([1]), kinds=(frozenset(), frozenset({"home"})))
    for untold, told in ((None, True), (whole, True), (in_part, False)):
        found = reasons(untold, common=True, rival=True)
        assert RIVAL in found
        assert (COMMON in found) is told
