"""Invented towns as labelled sets, and what is asked of a linkage of them.

Beyond pairs: twins, adoptions, equal treatment of groups, and records with each kind of error.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from api.services.linking import Extract, read_extracts
from api.services.observe import Recorder
from api.services.rules import RuleBook
from benchmarks.engines import Outcome, Positions
from benchmarks.sets import LabelledSet
from fixtures.generator import generate
from matcher.evaluate import Evaluation, GroupScores, evaluate
from matcher.outcomes import accept_possible_links

FLAGS = (
    "placeholder_name",
    "missing_dob",
    "changed_surname",
    "swapped_dob",
    "swapped_names",
    "prefix_form",
)
# Groups with fewer children say more about chance than about the linkage.
FEWEST_CHILDREN = 300


@dataclass(frozen=True)
class Town:
    """An invented town, read as its seven extracts would be.

    ``twins`` and ``adoptions`` hold pairs of person_id.
    """

    seed: int
    children: int
    labelled: LabelledSet
    twins: pd.DataFrame
    adoptions: pd.DataFrame


def make_town(children: int, seed: int, book: RuleBook) -> Town:
    """Generates, writes and reads a town with the generic files of seven sources."""
    with tempfile.TemporaryDirectory() as folder:
        counts = generate(children, seed, Path(folder), native=False)
        extracts = [Extract(name, Path(folder) / f"{name}.csv") for name in sorted(counts)]
        material = read_extracts(extracts, book, Recorder())
        truth, twins, adoptions = (
            pd.read_csv(Path(folder) / f"{name}.csv", dtype=str)
            for name in ("truth", "twins", "adoptions")
        )
    records = material.records[(material.records["role"] == "child").to_numpy()]
    records = records.reset_index(drop=True)
    keys = pd.DataFrame(
        {"source": records["source"].astype(str), "record_id": records["record_id"].astype(str)}
    )
    ordered = keys.merge(truth, on=["source", "record_id"], how="left", validate="1:1")
    known = ordered["person_id"].notna().to_numpy()
    labelled = LabelledSet(
        f"town {seed}",
        f"invented town of {children:,} children, seed {seed}",
        records[known].reset_index(drop=True),
        ordered[known].reset_index(drop=True),
        material.single_sources,
    )
    return Town(seed, children, labelled, twins, adoptions)


@dataclass(frozen=True)
class TownScores:
    """Counts of one engine's linkage of one town; what it cannot give is None.

    Shares are (numerator, denominator), so that towns can be added up.
    """

    engine: str
    setting: str
    seconds: float
    precision: tuple[int, int]
    recall: tuple[int, int]
    recall_reviewed: tuple[int, int] | None
    queue: tuple[int, int] | None
    twins_merged: tuple[int, int]
    adoptions_joined: tuple[int, int]
    flags: dict[str, tuple[int, int]]
    groups: dict[str, dict[str, tuple[int, int]]]
    groups_automatic: dict[str, dict[str, tuple[int, int]]]
    calibration_error: float | None

    @property
    def errors(self) -> int:
        """False plus missed pairs of automatic links across sources."""
        return self.precision[1] - self.precision[0] + self.recall[1] - self.recall[0]


def score_town(town: Town, outcome: Outcome, *, review: bool) -> TownScores:
    """Scores of a linkage; with ``review``, also after a perfect reviewer of possible links."""
    truth = town.labelled.truth
    child_id = outcome.child_id
    if child_id is None:
        return _score_pairs(town, outcome)
    crosswalk = truth[["source", "record_id"]].assign(child_id=child_id)
    found = evaluate(truth, crosswalk, outcome.links)
    after = found
    if review and outcome.links is not None:
        after = evaluate(truth, accept_possible_links(crosswalk, _true(town, outcome.links)))
    cross = found.cross_source
    reviewed = after.cross_source
    return TownScores(
        engine=outcome.engine,
        setting=outcome.setting,
        seconds=outcome.seconds,
        precision=(cross.correct, cross.predicted),
        recall=(cross.correct, cross.actual),
        recall_reviewed=(reviewed.correct, reviewed.actual) if review else None,
        queue=(found.links.possible, found.children) if review and found.links else None,
        twins_merged=_joined(town.twins, truth, child_id),
        adoptions_joined=_joined(town.adoptions, truth, child_id),
        flags={
            group.column: (group.pairs.correct, group.pairs.actual)
            for group in after.groups
            if group.column in FLAGS and group.value == "1"
        },
        groups=_by_group(after),
        groups_automatic=_by_group(found),
        calibration_error=found.links.calibration_error if found.links else None,
    )


def _true(town: Town, links: pd.DataFrame) -> pd.DataFrame:
    """Links, and of the possible links those that are true."""
    person = town.labelled.truth.set_index(["source", "record_id"])["person_id"]
    ends = [
        person.reindex(pd.MultiIndex.from_frame(links[[f"source_{s}", f"record_id_{s}"]]))
        for s in "lr"
    ]
    same = ends[0].to_numpy() == ends[1].to_numpy()
    return links[(links["designation"] == "link").to_numpy() | same]


def _joined(
    pairs: pd.DataFrame, truth: pd.DataFrame, child_id: npt.NDArray[np.object_]
) -> tuple[int, int]:
    """How many pairs of persons share a cluster, of those that both have records."""
    held = pd.DataFrame({"person": truth["person_id"], "cluster": child_id}).drop_duplicates()
    left, right = pairs.columns
    known = pairs[pairs[left].isin(held["person"]) & pairs[right].isin(held["person"])]
    known = known.reset_index(drop=True).rename_axis("pair").reset_index()
    one = known.merge(held, left_on=left, right_on="person")[["pair", "cluster"]]
    other = known.merge(held, left_on=right, right_on="person")[["pair", "cluster"]]
    return int(one.merge(other, on=["pair", "cluster"])["pair"].nunique()), len(known)


def _by_group(found: Evaluation) -> dict[str, dict[str, tuple[int, int]]]:
    result: dict[str, dict[str, tuple[int, int]]] = {}
    for group in found.groups:
        if group.column in ("ethnic_group", "deprivation_band") and _enough(group):
            shares = result.setdefault(group.column, {})
            shares[group.value] = (group.pairs.correct, group.pairs.actual)
    return result


def _enough(group: GroupScores) -> bool:
    return group.children >= FEWEST_CHILDREN


def _score_pairs(town: Town, outcome: Outcome) -> TownScores:
    """Scores of pairs that were designated and never clustered."""
    if outcome.pairs is None:
        raise ValueError("an outcome has clusters or pairs")
    l, r = outcome.pairs
    truth = town.labelled.truth
    person = pd.factorize(truth["person_id"])[0]
    source = pd.factorize(truth["source"])[0]
    across = source[l] != source[r]
    same = person[l] == person[r]
    everything = evaluate(truth, truth[["source", "record_id"]].assign(child_id="all"))
    correct = int((across & same).sum())
    return TownScores(
        engine=outcome.engine,
        setting=outcome.setting,
        seconds=outcome.seconds,
        precision=(correct, int(across.sum())),
        recall=(correct, everything.cross_source.actual),
        recall_reviewed=None,
        queue=None,
        twins_merged=_paired(town.twins, truth, (l, r)),
        adoptions_joined=_paired(town.adoptions, truth, (l, r)),
        flags=_flag_recall(truth, (l[same], r[same]), everything),
        groups={},
        groups_automatic={},
        calibration_error=None,
    )


def _paired(
    pairs: pd.DataFrame, truth: pd.DataFrame, links: tuple[Positions, Positions]
) -> tuple[int, int]:
    """How many pairs of persons have some record of one linked to one of the other."""
    person = truth["person_id"].to_numpy()
    linked = {frozenset(ends) for ends in zip(person[links[0]], person[links[1]], strict=True)}
    known = set(person)
    asked = [
        frozenset(ends)
        for ends in pairs.itertuples(index=False, name=None)
        if known.issuperset(ends)
    ]
    return sum(ends in linked for ends in asked), len(asked)


def _flag_recall(
    truth: pd.DataFrame, correct: tuple[Positions, Positions], everything: Evaluation
) -> dict[str, tuple[int, int]]:
    actual = {g.column: g.pairs.actual for g in everything.groups if g.value == "1"}
    found = {}
    for flag in FLAGS:
        flagged = (truth[flag] == "1").to_numpy()
        found[flag] = (int((flagged[correct[0]] | flagged[correct[1]]).sum()), actual[flag])
    return found


def add_up(scores: list[TownScores]) -> TownScores:
    """One engine's towns as one; the calibration error is their mean."""
    errors = [s.calibration_error for s in scores if s.calibration_error is not None]
    reviewed = [s.recall_reviewed for s in scores if s.recall_reviewed]
    queues = [s.queue for s in scores if s.queue]
    return TownScores(
        engine=scores[0].engine,
        setting=scores[0].setting,
        seconds=sum(s.seconds for s in scores),
        precision=_sum([s.precision for s in scores]),
        recall=_sum([s.recall for s in scores]),
        recall_reviewed=_sum(reviewed) if reviewed else None,
        queue=_sum(queues) if queues else None,
        twins_merged=_sum([s.twins_merged for s in scores]),
        adoptions_joined=_sum([s.adoptions_joined for s in scores]),
        flags={f: _sum([s.flags[f] for s in scores if f in s.flags]) for f in FLAGS},
        groups=_sum_groups([s.groups for s in scores]),
        groups_automatic=_sum_groups([s.groups_automatic for s in scores]),
        calibration_error=float(np.mean(errors)) if errors else None,
    )


def _sum(shares: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(share[0] for share in shares), sum(share[1] for share in shares)


def _sum_groups(
    parts: list[dict[str, dict[str, tuple[int, int]]]],
) -> dict[str, dict[str, tuple[int, int]]]:
    result: dict[str, dict[str, tuple[int, int]]] = {}
    for part in parts:
        for column, shares in part.items():
            for value, share in shares.items():
                before = result.setdefault(column, {}).get(value, (0, 0))
                result[column][value] = _sum([before, share])
    return result


def gap(groups: dict[str, tuple[int, int]]) -> float | None:
    """Highest minus lowest recall; None without two groups."""
    shares = [correct / actual for correct, actual in groups.values() if actual]
    return max(shares) - min(shares) if len(shares) > 1 else None
