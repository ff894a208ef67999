"""Persons matched against the register for somebody, as far as they may see and ask."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from api.db.models import Source
from api.services.access.caller import AccessError, Caller
from api.services.access.policy import View
from api.services.register.candidates import Candidate, Grade
from api.services.register.finding import find_persons
from api.services.register.golden_told import golden_now
from api.services.register.standing import Standing
from api.services.register.telling import own_fields
from api.services.register.usable import Usable
from api.services.register.weighing import Person
from matcher.errors import DataError
from matcher.rules.matching import MatchingRules

# From the surest on.
GRADES = (Grade.CERTAIN, Grade.PROBABLE, Grade.POSSIBLE, Grade.UNLIKELY)

TOO_LITTLE = (
    "too little is said for a candidate to be certain: give forename, surname and date of birth, "
    "or an NHS number or UPN beside both names or the date"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a match: candidates of this grade or surer, so many at most."""

    at_least: Grade = Grade.POSSIBLE
    limit: int = 10


def match_persons(
    connection: Connection, caller: Caller, view: View, persons: Sequence[Person], asked: Asked
) -> list[tuple[Candidate, ...]]:
    """The candidates of each person, best first; nothing is stored.

    Only records of sources are looked at of which all may be seen that a person is compared
    by. A system that nobody attends gets a candidate only if it is certain, whatever it asks
    for. See `find_persons` for the persons.

    Raises BarredError if persons are described by what may not be used for the purpose, and
    DataError if one cannot be read.
    """
    _check_may_use(view, persons)
    standing = Standing.at(connection)
    if standing is None:
        return [()] * len(persons)
    found = find_persons(
        connection,
        persons,
        cleared=view.cleared,
        unique_only=caller.unattended or asked.at_least is Grade.CERTAIN,
        with_unlikely=asked.at_least is Grade.UNLIKELY and not caller.unattended,
        of_sources=_comparable(view, standing.matching, persons),
    )
    wanted = set(GRADES[: GRADES.index(asked.at_least) + 1])
    return [
        tuple(_named(one, view) for one in own if one.grade in wanted)[: asked.limit]
        for own in found
    ]


class BarredError(AccessError):
    """Persons are described by what may not be used: places of persons, from 0, and fields."""

    def __init__(self, barred: Sequence[tuple[int, str]]) -> None:
        self.barred = tuple(barred)
        fields = ", ".join(sorted({name for _, name in barred}))
        super().__init__(f"{fields} may not be used for this purpose; leave it out")


class NothingUsableError(DataError):
    """Of the persons at these places, from 0, nothing is said that anybody can be found by."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = tuple(places)
        super().__init__("nothing that is said of this person can be used to find anybody by")


@dataclass(frozen=True, slots=True)
class Understood:
    """Of a person the fields that cannot be used, and whether enough is said to be certain."""

    left_out: tuple[str, ...] = ()
    enough: bool = True


def understood(connection: Connection, persons: Sequence[Person]) -> list[Understood]:
    """What can be made of each person. Raises NothingUsableError."""
    standing = Standing.at(connection)
    if standing is None:
        return [Understood()] * len(persons)
    found = [Usable(person, standing.linkage) for person in persons]
    if useless := [place for place, one in enumerate(found) if not one.anything]:
        raise NothingUsableError(useless)
    return [Understood(one.left_out, one.enough) for one in found]


def of_unknown_sources(connection: Connection, persons: Sequence[Person]) -> list[int]:
    """Places of persons that a system is said to hold that is none of the register's."""
    named = {person["source"] for person in persons if "source" in person}
    if not named:
        return []
    query = select(Source.name).where(Source.name.in_(sorted(named)))
    unknown = named - set(connection.scalars(query))
    return [place for place, person in enumerate(persons) if person.get("source") in unknown]


def golden_of(
    connection: Connection, view: View, candidates: Collection[Candidate]
) -> dict[str, dict[str, str]]:
    """Golden values of candidates by child, as far as they may be seen."""
    hidden = {one.child_id: one.location_hidden for one in candidates}
    found = {}
    for child, values in golden_now(connection, hidden, cleared=view.cleared).items():
        seen = view.of_golden(values, shielded=hidden[child])
        found[child] = {
            name: str(value)
            for name, value in seen.items()
            if value is not None and not name.endswith("_source")
        }
    return found


def _check_may_use(view: View, persons: Sequence[Person]) -> None:
    """Raises BarredError for values that are of no source's for the purpose, such as a UPN."""
    said = {name for person in persons for name in person} - {"source"}
    barred = {
        name
        for name in said
        if view.sources and not any(view.may_see(source, name) for source in view.sources)
    }
    if barred:
        raise BarredError(
            [
                (at, name)
                for at, person in enumerate(persons)
                for name in sorted(barred & set(person))
            ]
        )


def _comparable(
    view: View, rules: MatchingRules, persons: Sequence[Person]
) -> list[frozenset[str]]:
    """For each person the sources whose records it may be compared with."""
    fields = [own_fields(frozenset(one.columns)) for one in rules.comparisons]
    known: dict[frozenset[str], frozenset[str]] = {}
    found = []
    for person in persons:
        said = frozenset(person) - {"source"}
        if said not in known:
            compared = said.union(*(own for own in fields if own & said))
            known[said] = view.usable(compared)
        found.append(known[said])
    return found


def _named(candidate: Candidate, view: View) -> Candidate:
    records = tuple(
        replace(one, record_id=view.shown_id(one.source, one.record_id, one.record))
        for one in candidate.records
    )
    return replace(candidate, records=records)
