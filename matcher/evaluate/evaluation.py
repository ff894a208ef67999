"""The whole evaluation of a linkage, from frames to one result."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from matcher.evaluate.inputs import breakdown_columns, label_records
from matcher.evaluate.links import LinkScores, link_scores
from matcher.evaluate.pairs import (
    BCubed,
    GroupScores,
    PairScores,
    b_cubed,
    group_scores,
    pair_scores,
    within_source_scores,
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that ``evaluate`` found.

    ``records`` and ``children`` are those of the truth, ``clusters`` the number of clusters that
    its records stand in. ``not_in_crosswalk`` records of the truth counted as clusters of their
    own; ``not_in_truth`` records of the crosswalk and the ``carers_left_out`` of the truth were
    left out. ``columns_passed_over`` have too many values to be groups. ``links`` is None if no
    links were given.
    """

    records: int
    children: int
    clusters: int
    carers_left_out: int
    not_in_crosswalk: int
    not_in_truth: int
    pairs: PairScores
    cross_source: PairScores
    within_source: PairScores
    b_cubed: BCubed
    groups: tuple[GroupScores, ...]
    columns_passed_over: tuple[str, ...]
    links: LinkScores | None


def evaluate(
    truth: pd.DataFrame,
    crosswalk: pd.DataFrame,
    links: pd.DataFrame | None = None,
    group_by: Sequence[str] | None = None,
) -> Evaluation:
    """Compare a crosswalk with the truth.

    | frame | columns |
    |---|---|
    | truth | source, record_id, person_id; optional role (``carer`` rows are left out); any others are groups, or flags if they hold only 0 and 1 |
    | crosswalk | source, record_id, child_id |
    | links | source_l, record_id_l, source_r, record_id_r, match_probability, designation (``link`` or ``possible``) |

    Read identifiers as text: "007" and 7 are different records. ``group_by`` names the columns
    to break down by; without it, all of up to 50 values. Raises DataError when a column is
    missing, a record stands twice, or a cell that is needed is empty.
    """  # noqa: E501
    records, children = label_records(truth, crosswalk)
    columns, passed_over = breakdown_columns(
        children, None if group_by is None else tuple(group_by)
    )
    pairs = pair_scores(records.person, records.cluster)
    within = within_source_scores(records, records.cluster)
    found = None if links is None else link_scores(records, links)
    return Evaluation(
        records=len(records.keys),
        children=records.children,
        clusters=int(records.cluster.max(initial=-1)) + 1,
        carers_left_out=records.carers_left_out,
        not_in_crosswalk=records.not_in_crosswalk,
        not_in_truth=records.not_in_truth,
        pairs=pairs,
        cross_source=pairs - within,
        within_source=within,
        b_cubed=b_cubed(records.person, records.cluster),
        groups=group_scores(records, columns, None if found is None else found.reviewed_cluster),
        columns_passed_over=passed_over,
        links=found,
    )
