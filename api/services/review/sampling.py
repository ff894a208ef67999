"""Samples of pairs drawn at random, and the precision and recall that people's answers give.

A sample is drawn of all pairs that are kept and that nobody decided, by stratum of weight and
of what became of the pair. Its pairs are handed to reviewers among the others (see `taking`)
and their answers are decisions like any other. The first decision after the draw that was not
taken back is the answer, whatever is said of the pair later.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy import insert as insert_row

from api.db.bulk import insert
from api.db.models import (
    Decision,
    Job,
    Membership,
    Pair,
    QualitySample,
    Run,
    SampledPair,
    Severance,
)
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.register.acts import ActError
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import CANNOT_TELL, MATCH, NON_MATCH, decisions_in_force
from api.services.register.kept_rules import last_rules
from api.services.register.queue import stands
from api.services.register.severances import severed_between
from api.services.work import JobView, Task, enqueue, jobs_by_id, unfinished
from matcher.evaluate.sampled import Estimate, Stratum, allocate, precision, recall
from matcher.progress import Observer
from matcher.rules.matching import Thresholds

Mask = npt.NDArray[np.bool_]

DRAW = "draw_sample"

FEWEST, MOST = 100, 5_000

# Links that a run followed, by bits above the upper threshold.
LINKS = ("links_near", "links_clear", "links_strong")
# Pairs that are no such links, but whose two records are one child's through others.
TOGETHER = "together"
# Pairs that wait for a person, below and above the middle of the two thresholds.
WAITING = ("waiting_low", "waiting_high")
# Pairs at or above the lower threshold that were not linked and do not wait: two children by
# what they say (twins, for example), or behind a stronger pair of the same two children.
APART, BEHIND = "apart", "behind"
# Pairs below the lower threshold, by bits.
BELOW = ("below_near", "below_far")
STRATA = (*LINKS, TOGETHER, *WAITING, APART, BEHIND, *BELOW)

# Bits above the upper threshold, and below the lower one, at which bands begin and end.
_CLEAR, _STRONG, _NEAR = 3.0, 8.0, 2.0


@dataclass(frozen=True, slots=True)
class Decided:
    """Kept pairs that people had decided before the draw; they are in no stratum.

    ``linked`` and ``missed`` are matches whose two records one child holds, or two.
    """

    linked: int
    missed: int
    non_matches: int
    cannot_tell: int


@dataclass(frozen=True, slots=True)
class StratumTold:
    """Pairs of a stratum, how many were drawn, and how they were answered.

    ``answered`` are match or non_match; who cannot tell has not answered.
    """

    name: str
    pairs: int
    drawn: int
    answered: int
    matches: int
    cannot_tell: int


@dataclass(frozen=True, slots=True)
class SampleTold:
    """A sample and what it says; the estimates are missing without answers enough."""

    id: int
    run: int
    by: str
    at: datetime
    seed: int
    strata: tuple[StratumTold, ...]
    decided: Decided
    precision: Estimate | None
    recall: Estimate | None

    @property
    def drawn(self) -> int:
        """Pairs of it."""
        return sum(one.drawn for one in self.strata)

    @property
    def answered(self) -> int:
        """Pairs called a match or none."""
        return sum(one.answered for one in self.strata)

    @property
    def cannot_tell(self) -> int:
        """Pairs of which people cannot tell."""
        return sum(one.cannot_tell for one in self.strata)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pairs that were drawn, as columns of `SampledPair`, and of which register."""

    of: Mapping[str, Any]
    pairs: Mapping[str, Any]


def queue_draw(connection: Connection, *, size: int, seed: int, by: str) -> int:
    """Have a sample drawn; the job. Raises ActError, also while another one is being drawn."""
    check_can_draw(connection, size=size)
    if unfinished(connection, DRAW):
        raise ActError("a sample is being drawn already; wait until it is there")
    return enqueue(connection, DRAW, {"size": size, "seed": seed}, by)


def last_draw(connection: Connection) -> JobView | None:
    """The last work of this kind, however far it is."""
    job = connection.scalar(select(func.max(Job.id)).where(Job.kind == DRAW))
    return None if job is None else jobs_by_id(connection, [job])[job]


@contextmanager
def prepare_draw(
    connection: Connection, task: Task, observer: Observer
) -> Iterator[Callable[[Connection], Mapping[str, Any]]]:
    """Draw a sample, which takes long because it looks at all pairs; then enter it."""
    thresholds = last_rules(connection).book.linkage.matching.thresholds
    size, seed = int(task.request["size"]), int(task.request["seed"])
    with observer.stage("draw pairs at random"):
        drawn = draw_pairs(connection, thresholds, size=size, seed=seed)

    def finish(into: Connection) -> Mapping[str, Any]:
        sample = enter_sample(into, drawn, by=task.by, now=datetime.now(UTC))
        return {"sample": sample}

    yield finish


def draw_pairs(connection: Connection, thresholds: Thresholds, *, size: int, seed: int) -> Drawn:
    """Draw pairs of each stratum. The same register and seed give the same. Raises ActError."""
    check_can_draw(connection, size=size)
    frame = _Frame.read(connection)
    stratum = frame.strata(thresholds)
    chosen, names, chances, sizes = [], [], [], {}
    present = [number for number in range(len(STRATA)) if (stratum == number).any()]
    places = [np.flatnonzero(stratum == number) for number in present]
    if not places:
        raise ActError("people have decided every pair that is kept; there is none to draw")
    draw = np.random.default_rng(seed)
    counts = allocate([len(own) for own in places], size)
    for number, own, count in zip(present, places, counts, strict=True):
        sizes[STRATA[number]] = len(own)
        chosen.append(draw.choice(own, count, replace=False))
        names += [STRATA[number]] * count
        chances += [count / len(own)] * count
    of = {
        "run": connection.scalar(select(func.max(Run.id))),
        "seed": seed,
        "lower": thresholds.lower,
        "upper": thresholds.upper,
        "strata": sizes,
        "decided": asdict(frame.decided),
        "after_decision": connection.scalar(select(func.max(Decision.id))) or 0,
    }
    at = np.concatenate(chosen)
    pairs = {
        "low": frame.low[at],
        "high": frame.high[at],
        "stratum": names,
        "chance": chances,
        "turn": draw.random(len(at)),
    }
    return Drawn(of, pairs)


def enter_sample(connection: Connection, drawn: Drawn, *, by: str, now: datetime) -> int:
    """Have what was drawn handed out from now on, instead of the last sample; its number."""
    values = {**drawn.of, "by": by, "at": now}
    entered = insert_row(QualitySample).values(values).returning(QualitySample.id)
    sample: int = connection.execute(entered).scalar_one()
    insert(connection, SampledPair, {"sample": sample, **drawn.pairs})
    detail = {"pairs": len(drawn.pairs["low"])}
    about = f"quality sample {sample}"
    note_act(connection, "quality_sample_drawn", about, by=by, now=now, detail=detail)
    return sample


def check_can_draw(connection: Connection, *, size: int) -> None:
    """Raises ActError where a sample cannot be drawn."""
    if not FEWEST <= size <= MOST:
        raise ActError(f"a sample has from {FEWEST} to {MOST:,} pairs")
    if connection.scalar(select(Pair.l).limit(1)) is None:
        raise ActError("nothing is linked yet; there are no pairs to draw")


def quality_samples(connection: Connection, *, limit: int = 10) -> list[SampleTold]:
    """The last samples, the newest first, with what their answers give."""
    newest = select(QualitySample).order_by(QualitySample.id.desc()).limit(limit)
    found = connection.execute(newest).all()
    answers = _answers(connection, [row.id for row in found])
    return [_told(row, answers[row.id]) for row in found]


def _told(row: Any, answers: Mapping[str, Mapping[str | None, int]]) -> SampleTold:
    strata = []
    for name in STRATA:
        if name not in row.strata:
            continue
        kinds = answers.get(name, {})
        matches = kinds.get(MATCH, 0)
        strata.append(
            StratumTold(
                name=name,
                pairs=row.strata[name],
                drawn=sum(kinds.values()),
                answered=matches + kinds.get(NON_MATCH, 0),
                matches=matches,
                cannot_tell=kinds.get(CANNOT_TELL, 0),
            )
        )
    decided = Decided(**row.decided)
    counted = {
        one.name: Stratum(one.pairs, one.answered, one.matches, one.name in (*LINKS, TOGETHER))
        for one in strata
    }
    return SampleTold(
        id=row.id,
        run=row.run,
        by=row.by,
        at=in_utc(row.at),
        seed=row.seed,
        strata=tuple(strata),
        decided=decided,
        precision=precision([counted[name] for name in LINKS if name in counted]),
        recall=recall(list(counted.values()), decided.linked, decided.missed),
    )


def _answers(
    connection: Connection, samples: list[int]
) -> Mapping[int, Mapping[str, Mapping[str | None, int]]]:
    """By sample and stratum, how many of its pairs were answered how, or (None) not yet."""
    same = or_(
        and_(Decision.record_l == SampledPair.low, Decision.record_r == SampledPair.high),
        and_(Decision.record_l == SampledPair.high, Decision.record_r == SampledPair.low),
    )
    after = Decision.id > QualitySample.after_decision
    query = (
        select(
            SampledPair.sample,
            SampledPair.low,
            SampledPair.high,
            SampledPair.stratum,
            Decision.kind,
        )
        .join(QualitySample, QualitySample.id == SampledPair.sample)
        .outerjoin(Decision, and_(same, after, stands(Decision)))
        .where(SampledPair.sample.in_(samples))
        .order_by(Decision.id)
    )
    first: dict[tuple[int, int, int], tuple[str, str | None]] = {}
    for sample, low, high, stratum, kind in connection.execute(query):
        first.setdefault((sample, low, high), (stratum, kind))
    found: defaultdict[int, defaultdict[str, defaultdict[str | None, int]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(int))
    )
    for (sample, _, _), (stratum, answer) in first.items():
        found[sample][stratum][answer] += 1
    return found


@dataclass(frozen=True)
class _Frame:
    """All kept pairs that may be drawn, in order of their records; ``decided`` are no part."""

    low: Numbers
    high: Numbers
    weight: npt.NDArray[np.float64]
    link: Mask
    together: Mask
    waiting: Mask
    apart: Mask
    decided: Decided

    @classmethod
    def read(cls, connection: Connection) -> "_Frame":
        query = select(Pair.l, Pair.r, Pair.weight, Pair.link, Pair.waiting, Pair.apart)
        l, r, weight, *flags = columns(connection, query)
        link, waiting, apart = (flag.astype(bool) for flag in flags)
        held = select(Membership.record, Membership.child).where(Membership.to_run.is_(None))
        record, child = columns(connection, held)
        child_of = np.full(int(max(x.max(initial=0) for x in (l, r, record))) + 1, -1)
        child_of[record] = pd.factorize(child)[0]
        together = (child_of[l] == child_of[r]) & (child_of[l] >= 0)
        low, high = np.minimum(l, r), np.maximum(l, r)
        kinds, said = _said(connection, low, high)
        decided = Decided(
            linked=int((together & (kinds == MATCH)).sum()),
            missed=int((~together & (kinds == MATCH)).sum()),
            non_matches=int((kinds == NON_MATCH).sum()),
            cannot_tell=int((kinds == CANNOT_TELL).sum()),
        )
        kept = np.flatnonzero(~said & ~_severed(connection, low, high, child_of))
        kept = kept[np.lexsort((high[kept], low[kept]))]
        return cls(
            low=low[kept],
            high=high[kept],
            weight=weight[kept],
            link=link[kept],
            together=together[kept],
            waiting=waiting[kept],
            apart=apart[kept],
            decided=decided,
        )

    def strata(self, thresholds: Thresholds) -> npt.NDArray[np.int64]:
        """The number of each pair's stratum, as a place in `STRATA`."""
        lower, upper, weight = thresholds.lower, thresholds.upper, self.weight
        conditions = {
            LINKS[0]: self.link & (weight < upper + _CLEAR),
            LINKS[1]: self.link & (weight < upper + _STRONG),
            LINKS[2]: self.link,
            TOGETHER: self.together,
            WAITING[0]: self.waiting & (weight < (lower + upper) / 2),
            WAITING[1]: self.waiting,
            APART: self.apart & (weight >= lower),
            BEHIND: weight >= lower,
            BELOW[0]: weight >= lower - _NEAR,
        }
        numbers = [STRATA.index(name) for name in conditions]
        return np.select(list(conditions.values()), numbers, STRATA.index(BELOW[1]))


def _said(
    connection: Connection, low: Numbers, high: Numbers
) -> tuple[npt.NDArray[np.object_], Mask]:
    """What people decided of each pair, and whether they did."""
    found = decisions_in_force(connection)
    pairs = pd.MultiIndex.from_frame(found[["l", "r"]])
    among = np.flatnonzero(np.isin(low, found["l"].to_numpy(np.int64)))
    place = pairs.get_indexer(pd.MultiIndex.from_arrays([low[among], high[among]]))
    kinds = np.full(len(low), "", dtype=object)
    kinds[among[place >= 0]] = found["kind"].to_numpy(object)[place[place >= 0]]
    return kinds, kinds != ""


def _severed(
    connection: Connection, low: Numbers, high: Numbers, child_of: npt.NDArray[np.intp]
) -> Mask:
    """Pairs that nobody may look at together; only those that can be are looked at."""
    ends = columns(connection, select(Severance.record_l, Severance.record_r))
    records = np.unique(np.concatenate(ends))
    records = records[records < len(child_of)]
    children = np.setdiff1d(child_of[records], [-1])
    mine, theirs = (
        np.isin(side, records) | np.isin(child_of[side], children) for side in (low, high)
    )
    at = np.flatnonzero(mine & theirs)
    found = np.zeros(len(low), dtype=bool)
    found[at] = severed_between(connection, low[at], high[at])
    return found
