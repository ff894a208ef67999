"""Reviewers who take pairs and answer, by the real services."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from api.db.aside import open_aside
from api.db.engine import reading, writing
from api.services.access.caller import Caller
from api.services.access.policy import Terms, View, view_of
from api.services.access.roles import Role
from api.services.review import answering, leases, taking, undoing
from api.services.review.answering import Outcome
from api.services.review.context import Context, context_of
from api.services.review.known import mark_known
from api.services.review.leases import Lease
from api.services.review.pairs import PairId, Reviewer
from api.services.review.state import state_of
from api.services.review.waiting import Waits, Wanted, waiting_for
from matcher.rules.review import ReviewRules
from tests.register_service.registers import NOW, Key, shipped
from tests.register_service.reviewed import PEOPLE, Reviewed

SOURCES = ("registry", "school", "clinic", "social", "census")
PURPOSE = "early_years"


def rules(**changed: Any) -> ReviewRules:
    """Shipped review rules, but one person decides and nothing is known."""
    plain = shipped().book.review.model_dump() | {"known_share": 0.0} | changed
    plain["second"] = changed.get("second", {"share": 0.0, "kinds": []})
    plain["masked"] = list(plain["masked"])
    return ReviewRules.model_validate(plain)


def viewer(sources: Any = SOURCES, *, cleared: bool = False, **fields: Any) -> View:
    """Somebody who may see these sources; ``fields`` are for other purposes only."""
    limits = {name: frozenset(may) for name, may in fields.items()}
    terms = tuple(Terms(one, frozenset({PURPOSE}), limits) for one in sources)
    caller = Caller(
        "anybody", frozenset({Role.REVIEWER}), frozenset({PURPOSE}), PURPOSE, cleared=cleared
    )
    return view_of(terms, caller, NOW.date())


def person(by: str = "anna", *, senior: bool = False, view: View | None = None) -> Reviewer:
    return Reviewer(by, senior, view or viewer())


@dataclass
class Desk:
    """Time stands still here, unless it is let pass."""

    register: Reviewed
    now: datetime = NOW
    rules: ReviewRules = field(default_factory=rules)

    def __post_init__(self) -> None:
        self.aside = open_aside(self.register.engine)

    def close(self) -> None:
        self.aside.dispose()

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def next(self, reviewer: Reviewer, **wanted: Any) -> Lease | None:
        with reading(self.register.engine) as connection:
            return taking.take_next(
                connection,
                self.aside,
                self.rules,
                reviewer,
                now=self.now,
                wanted=Wanted(**wanted),
            )

    def take(self, reviewer: Reviewer, **wanted: Any) -> Lease:
        lease = self.next(reviewer, **wanted)
        assert lease is not None
        return lease

    def take_one_of(self, reviewer: Reviewer, record: Key) -> Lease:
        """A pair that this record is in."""
        with reading(self.register.engine) as connection:
            number = self.register.ids(connection)[record]
            pair = next(
                one.pair
                for one in waiting_for(connection, reviewer)
                if number in (one.pair.low, one.pair.high)
            )
        lease = self.take_pair(reviewer, pair)
        assert lease is not None
        return lease

    def take_pair(self, reviewer: Reviewer, pair: PairId) -> Lease | None:
        with reading(self.register.engine) as connection:
            return taking.take_pair(
                connection, self.aside, self.rules, reviewer, pair, now=self.now
            )

    def context(self, reviewer: Reviewer, lease: Lease) -> Context:
        with reading(self.register.engine) as connection:
            return context_of(connection, (shipped().book.linkage, self.rules), reviewer, lease)

    def answer(
        self, reviewer: Reviewer, lease: Lease, kind: str = "match", **other: Any
    ) -> Outcome:
        said = {"why": "a test", "token": lease.token, "etag": lease.etag, **other}
        with writing(self.register.engine) as connection:
            return answering.answer(
                connection,
                self.aside,
                self.rules,
                reviewer,
                lease.pair,
                kind=kind,
                now=self.now,
                **said,
            )

    def choose(self, reviewer: Reviewer, pair: PairId, kind: str) -> Outcome:
        """An answer to a pair that was not handed out."""
        with writing(self.register.engine) as connection:
            return answering.answer_chosen(
                connection,
                self.aside,
                self.rules,
                reviewer,
                pair,
                kind=kind,
                why="a test",
                shown=state_of(connection, pair).shown,
                now=self.now,
            )

    def refer(self, reviewer: Reviewer, lease: Lease, note: str = "unsure") -> int:
        with writing(self.register.engine) as connection:
            return answering.refer(
                connection,
                self.aside,
                reviewer,
                lease.pair,
                note=note,
                token=lease.token,
                now=self.now,
            )

    def skip(self, lease: Lease) -> None:
        with writing(self.aside) as beside:
            leases.skip(beside, lease, self.now)

    def release(self, lease: Lease) -> None:
        with writing(self.aside) as beside:
            leases.release(beside, lease)

    def undo(self, reviewer: Reviewer, answer: int | None = None) -> undoing.Undone:
        with writing(self.register.engine) as connection:
            return undoing.undo_latest(
                connection,
                self.rules,
                reviewer,
                why="a slip",
                now=self.now,
                answer=answer,
            )

    def undo_one(self, reviewer: Reviewer, decision: int) -> undoing.Undone:
        with writing(self.register.engine) as connection:
            return undoing.undo_one(
                connection, self.rules, reviewer, decision, why="a slip", now=self.now
            )

    def waiting(self, reviewer: Reviewer, **wanted: Any) -> list[Waits]:
        with reading(self.register.engine) as connection:
            return list(waiting_for(connection, reviewer, wanted=Wanted(**wanted), size=2))

    def pair(self, one: Key, other: Key) -> PairId:
        with reading(self.register.engine) as connection:
            ids = self.register.ids(connection)
        return PairId.of(ids[one], ids[other])

    def know(self, one: Key, other: Key, kind: str) -> int:
        with writing(self.register.engine) as connection:
            return mark_known(
                connection, one=one, other=other, kind=kind, by="steward", now=self.now
            )


def unsure(number: int, forename: str, surname: str, born: str) -> list[dict[str, str]]:
    """A child in two systems, and a record with her mother's last name that may be hers."""
    told = {"forename": forename, "date_of_birth": born}
    home = {"surname": surname, "sex": "F", "address": f"{number} Elm Rd",
            "postcode": f"OL2 {number}AB"}  # fmt: skip
    key = str(100 + number)
    sure = [{"source": source, "record_id": key, **told, **home} for source in ("school", "social")]
    short = told | {"forename": forename[:4], "surname": "Begum", "postcode": f"OL3 {number}AB"}
    return [*sure, {"source": "clinic", "record_id": f"u{key}", **short}]


_GIRLS = (
    ("Zainab", "Farooq", "2013-02-11"),
    ("Hafsa", "Rahman", "2012-07-23"),
    ("Sumaiya", "Chowdhury", "2015-10-06"),
    ("Maryam", "Siddiqui", "2011-12-30"),
    ("Ruqayyah", "Qureshi", "2014-08-19"),
    ("Tasnim", "Uddin", "2013-06-02"),
    ("Nusrat", "Sheikh", "2012-01-25"),
)
UNSURE_PEOPLE = [
    *PEOPLE,
    *(one for number, girl in enumerate(_GIRLS, 1) for one in unsure(number, *girl)),
]
