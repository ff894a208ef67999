"""A register that people act on: they decide, correct, shield and sever, by the real services."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from api.db.engine import open_database, reading, writing
from api.db.models import Conflict, Extract, ExtractState, Golden, Membership, Record, Source
from api.services.extracts import receive
from api.services.register import deciding, severances
from api.services.register.queue import Place, QueueItem, queue_counts, waiting_pairs
from tests.databases import Databases
from tests.register_service.registers import DAY, NOW, Key, Register, shipped
from tests.spec.background import town
from tests.spec.drawn import rows

WHO: Any = {"by": "reviewer", "now": NOW}

# One child as three systems hold her, a record that may be hers, and another child altogether.
PEOPLE = rows("""
source | record_id | forename | surname | date_of_birth | sex | address   | postcode
school | 1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
clinic | 1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
social | 1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
census | 2         | Noah     | Quigley | 2011-11-20    | M   | 9 Ash Gr  | OL4 3PP
clinic | 3         | Aisha    | Begum   | 2014-05-03    |     |           |
""")
AISHA = [("school", "1"), ("clinic", "1"), ("social", "1")]
# So common that her name alone never makes a link of what is unsure.
NAMESAKES = rows("""
record_id | forename | surname | date_of_birth | sex
n1        | Aisha    | Iqbal   | 2012-10-09    | F
n2        | Aisha    | Sharif  | 2010-02-21    | F
""")
NOAH = ("census", "2")
UNSURE = ("clinic", "3")


@dataclass
class Reviewed(Register):
    """With the acts of people; they take effect with `run`."""

    def begin(self, people: Iterable[Any] = PEOPLE) -> None:
        """Half of the invented town as a source of its own, and some people."""
        frame = town()
        frame = frame[frame["source"] == "school"].astype(object)
        frame["date_of_birth"] = frame["date_of_birth"].astype(str).str[:10]
        registry = [*frame.fillna("").to_dict("records"), *NAMESAKES]
        self._load({"registry": registry, **_by_source(people)})

    def load_people(self, people: Iterable[Any]) -> None:
        """A snapshot of each source that holds any of them."""
        self._load(_by_source(people))

    def _load(self, listed: Mapping[str, list[Any]]) -> None:
        """All in one run."""
        with writing(self.engine) as connection:
            for source, held in listed.items():
                received = receive(
                    connection,
                    source=source,
                    path=self.write(held),
                    as_of=DAY,
                    mode="snapshot",
                    by="analyst",
                    book=shipped().book,
                    now=NOW,
                )
                own = (Extract.id == received.extract, Extract.state == ExtractState.RECEIVED)
                accepted = update(Extract).where(*own).values(state=ExtractState.ACCEPTED)
                connection.execute(accepted)
            self._run(connection)

    def run(self) -> None:
        """Let what waits take effect."""
        with writing(self.engine) as connection:
            self._run(connection)

    def say(self, kind: str, one: Key, other: Key, *, run: bool = True) -> int:
        """Decide on a pair; the decision's number."""
        with writing(self.engine) as connection:
            number = deciding.decide(
                connection, kind=kind, one=one, other=other, why="a test", **WHO
            )
        if run:
            self.run()
        return number

    def take_back(self, decision: int, *, run: bool = True) -> None:
        with writing(self.engine) as connection:
            deciding.undo_decision(connection, decision, why="a test", **WHO)
        if run:
            self.run()

    def sever(self, one: list[Key], other: list[Key], *, run: bool = True) -> None:
        with writing(self.engine) as connection:
            severances.sever(connection, one=one, other=other, why="a test", **WHO)
        if run:
            self.run()

    def holds_each_child_once(self, source: str) -> None:
        """Have a source be one that says so."""
        with writing(self.engine) as connection:
            own = update(Source).where(Source.name == source)
            connection.execute(own.values(one_record_per_child=True))
        self.link_anew()

    def child(self, record: Key) -> str:
        with reading(self.engine) as connection:
            return connection.execute(
                select(Membership.child)
                .join(Record, Record.id == Membership.record)
                .join(Source, Source.number == Record.source)
                .where(
                    Source.name == record[0],
                    Record.record_id == record[1],
                    Membership.to_run.is_(None),
                )
            ).scalar_one()

    def together(self, one: Key, other: Key) -> bool:
        return self.child(one) == self.child(other)

    def queue(self, limit: int = 50, after: Place | None = None) -> list[QueueItem]:
        with reading(self.engine) as connection:
            return waiting_pairs(connection, after=after, limit=limit)

    def counts(self) -> dict[str, int]:
        with reading(self.engine) as connection:
            return queue_counts(connection)

    def waiting(self, kind: str | None = None) -> list[tuple[Key, Key]]:
        return [(item.l, item.r) for item in self.queue() if kind in (None, item.kind)]

    def conflicts(self) -> list[tuple[str, Key, Key]]:
        """Those that are open, severed children's too."""
        with reading(self.engine) as connection:
            key = {number: key for key, number in self.ids(connection).items()}
            found = connection.execute(
                select(Conflict.kind, Conflict.record_l, Conflict.record_r).where(
                    Conflict.to_run.is_(None)
                )
            )
            return sorted((kind, key[l], key[r]) for kind, l, r in found)

    def golden(self, record: Key, field: str) -> tuple[str | None, str | None]:
        """A golden value of the record's child, and its source."""
        child = self.child(record)
        with reading(self.engine) as connection:
            found = connection.execute(
                select(getattr(Golden, field), getattr(Golden, f"{field}_source")).where(
                    Golden.child == child, Golden.to_run.is_(None)
                )
            ).one()
            return found[0], found[1]


@contextmanager
def reviewed(
    databases: Databases, folder: Path, people: Iterable[Any] = PEOPLE
) -> Iterator[Reviewed]:
    """A linked register of a test's own, begun once for all tests of the process."""
    held = list(people)
    begun = databases.filled(f"reviewed {held}", lambda one: Reviewed(one, folder).begin(held))
    engine = open_database(begun)
    try:
        yield Reviewed(engine, folder)
    finally:
        engine.dispose()


def _by_source(people: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for person in people:
        found.setdefault(person["source"], []).append(person)
    return found


def with_values(record: Key, **values: str) -> list[dict[str, str]]:
    """PEOPLE, one of whom has other values."""
    return [
        {**person, **values} if (person["source"], person["record_id"]) == record else person
        for person in PEOPLE
    ]


def without(record: Key) -> list[dict[str, str]]:
    """PEOPLE, one of whom is not listed."""
    return [one for one in PEOPLE if (one["source"], one["record_id"]) != record]
