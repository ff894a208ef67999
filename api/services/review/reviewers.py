"""How quick reviewers are, how often they agree, and how well they find known answers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, select

from api.db.models import KnownPair, ReviewAnswer
from api.db.tables import in_utc
from api.services.review.known import VOID
from matcher.intervals import Proportion

# A pair that lay open for longer was not being looked at.
_LONGEST = timedelta(minutes=15).total_seconds()


@dataclass(frozen=True, slots=True)
class ReviewerWeek:
    """One reviewer in one week, or in all of them.

    ``week`` is its Monday, in UTC. ``seconds`` is the median time for a pair. ``agreed`` counts
    pairs that a second person answered blind, ``known`` those of known answer; both have
    Wilson 95% intervals. ``cannot_tell`` counts such answers, known pairs among them.
    """

    by: str
    week: date | None
    answers: int
    cannot_tell: int
    seconds: float | None
    agreed: Proportion
    known: Proportion


def reviewer_weeks(connection: Connection, *, since: datetime) -> list[ReviewerWeek]:
    """By reviewer and week, the latest week first."""
    groups: defaultdict[tuple[date, str], list[Any]] = defaultdict(list)
    for row in _answers(connection, since):
        day = in_utc(row.at).date()
        groups[day - timedelta(days=day.weekday()), row.by].append(row)
    order = sorted(groups, key=lambda key: (-key[0].toordinal(), key[1]))
    return [_week(by, monday, groups[monday, by]) for monday, by in order]


def reviewers_overall(connection: Connection, *, since: datetime) -> list[ReviewerWeek]:
    """By reviewer, over all weeks together."""
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for row in _answers(connection, since):
        groups[row.by].append(row)
    return [_week(by, None, groups[by]) for by in sorted(groups)]


def _answers(connection: Connection, since: datetime) -> Sequence[Any]:
    query = (
        select(
            ReviewAnswer.by,
            ReviewAnswer.at,
            ReviewAnswer.kind,
            ReviewAnswer.seconds,
            ReviewAnswer.agreed,
            KnownPair.kind.label("right"),
        )
        .outerjoin(KnownPair, KnownPair.id == ReviewAnswer.known)
        .where(ReviewAnswer.state != VOID, ReviewAnswer.at >= since)
        .order_by(ReviewAnswer.id)
    )
    return connection.execute(query).all()


def _week(by: str, monday: date | None, rows: Sequence[Any]) -> ReviewerWeek:
    times = [row.seconds for row in rows if row.seconds is not None and row.seconds <= _LONGEST]
    twice = [row for row in rows if row.agreed is not None]
    known = [row for row in rows if row.right is not None]
    return ReviewerWeek(
        by=by,
        week=monday,
        answers=len(rows),
        cannot_tell=sum(row.kind == "cannot_tell" for row in rows),
        seconds=median(times) if times else None,
        agreed=Proportion(sum(row.agreed for row in twice), len(twice)),
        known=Proportion(sum(row.kind == row.right for row in known), len(known)),
    )
