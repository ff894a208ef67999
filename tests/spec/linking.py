"""What the shipped rules make of a few drawn records, alone or among an invented town."""

from collections.abc import Collection
from itertools import combinations

import pandas as pd

from matcher.check import grade_pair
from matcher.deciding import Linked
from matcher.links import link_table
from matcher.pipeline import link
from matcher.rules.matching import PairExample
from tests.spec import shipped
from tests.spec.background import within_town
from tests.spec.drawn import records, rows


def levels(text: str) -> dict[str, str]:
    """Level names, by comparison, of the two records drawn."""
    left, right = rows(text)
    graded, _ = grade_pair(shipped.rules(), example(left, right))
    return graded


def proposed(text: str) -> bool:
    """Whether any shipped blocking rule proposes the two records drawn."""
    left, right = rows(text)
    return grade_pair(shipped.rules(), example(left, right))[1]


def example(left: dict[str, str], right: dict[str, str]) -> PairExample:
    return PairExample(title="drawn", left=left, right=right, levels={})


def link_in_town(drawn: pd.DataFrame | str, single_sources: Collection[str] = ()) -> Linked:
    """The drawn records linked among the invented town with the shipped rules and model."""
    own = records(drawn) if isinstance(drawn, str) else drawn
    return link(
        within_town(own), shipped.rules(), shipped.model(), single_sources=single_sources, threads=1
    )


def verdicts(drawn: str, single_sources: Collection[str] = ()) -> dict[tuple[str, str], str]:
    """For each two drawn records, by record id: ``link``, ``possible`` or ``apart``.

    ``link`` means joined in one cluster without a person, directly or through others.
    """
    ids = [row["record_id"] for row in rows(drawn)]
    linked = link_in_town(drawn, single_sources)
    keys = linked.prepared.records["record_id"].tolist()
    label = {key: linked.clusters.label[at] for at, key in enumerate(keys)}
    table = link_table(linked, shipped.rules().matching)
    waiting = table[table["designation"] == "possible"]
    between = {
        frozenset((label[l], label[r]))
        for l, r in zip(waiting["record_id_l"], waiting["record_id_r"], strict=True)
    }
    found = {}
    for one, other in combinations(ids, 2):
        together = label[one] == label[other]
        possible = frozenset((label[one], label[other])) in between
        found[one, other] = "link" if together else "possible" if possible else "apart"
    return found
