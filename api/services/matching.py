"""Persons matched against the register for somebody, as far as they may see and ask."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from api.db.models import Golden
from api.services.access.caller import AccessError, Caller
from api.services.access.policy import View
from api.services.register.candidates import Candidate, Grade
from api.services.register.columns import among
from api.services.register.finding import find_persons
from api.services.register.standing import Standing
from api.services.register.weighing import Person
from api.services.register.why import own_fields
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules.matching import MatchingRules

# From the surest on.
GRADES = (Grade.CERTAIN, Grade.PROBABLE, Grade.POSSIBLE, Grade.UNLIKELY)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a match: candidates of this grade or surer, so many at most."""

    at_least: Grade = Grade.POSSIBLE
    limit: int = 10


def match_persons(
    connection: Connection, caller: Caller, view: View, persons: Sequence[Person], asked: Asked
) -> list[tuple[Candidate, ...]]:
    """The candidates of each person, best first; nothing is stored.

    Only records of sources that may be seen are looked at. A system that nobody attends
    gets a candidate only if it is certain, whatever it asks for. Reasons that are made of
    fields which may not be seen are left out. See `find_persons` for the persons.

    Raises AccessError if a person is described by what may not be used for the purpose, and
    DataError if one cannot be read.
    """
    _check_may_use(view, persons)
    found = find_persons(
        connection,
        persons,
        cleared=view.cleared,
        unique_only=caller.unattended or asked.at_least is Grade.CERTAIN,
        with_unlikely=asked.at_least is Grade.UNLIKELY and not caller.unattended,
        of_sources=view.sources,
    )
    standing = Standing.at(connection)
    if standing is None:
        return found
    fields = _fields_of(standing.matching)
    wanted = set(GRADES[: GRADES.index(asked.at_least) + 1])
    return [
        tuple(
            _as_seen(one, view, fields)
            for one in own
            if one.grade in wanted
        )[: asked.limit]
        for own in found
    ]  # fmt: skip


def golden_of(
    connection: Connection, view: View, candidates: Collection[Candidate]
) -> dict[str, dict[str, str]]:
    """Golden values of candidates by child, as far as they may be seen, in one query."""
    hidden = {one.child_id: one.location_hidden for one in candidates}
    query = select(Golden.child, *(getattr(Golden, name) for name in GOLDEN_COLUMNS)).where(
        Golden.to_run.is_(None), among(connection, Golden.child, sorted(hidden))
    )
    found = {}
    for row in connection.execute(query):
        values = {name: getattr(row, name) for name in GOLDEN_COLUMNS}
        seen = view.of_golden(values, shielded=hidden[row.child])
        found[row.child] = {
            name: str(value)
            for name, value in seen.items()
            if value is not None and not name.endswith("_source")
        }
    return found


def _check_may_use(view: View, persons: Sequence[Person]) -> None:
    """Raises AccessError for a value that is of no source's for the purpose, such as a UPN."""
    for name in sorted({name for person in persons for name in person} - {"source"}):
        if view.sources and not any(view.may_see(source, name) for source in view.sources):
            raise AccessError(f"{name} may not be used for this purpose; leave it out")


def _fields_of(rules: MatchingRules) -> dict[str, frozenset[str]]:
    """Fields of records that comparisons are made of, with those that they refer to."""
    own = {one.name: own_fields(frozenset(one.columns)) for one in rules.comparisons}
    return {
        one.name: own[one.name].union(
            *(
                own[name]
                for level in one.levels
                if level.when is not None
                for name in level.when.level_references
            )
        )
        for one in rules.comparisons
    }


def _as_seen(candidate: Candidate, view: View, fields: Mapping[str, Collection[str]]) -> Candidate:
    source = candidate.records[0].source
    reasons = tuple(
        one
        for one in candidate.reasons
        if all(view.may_see(source, field) for field in fields[one.comparison])
    )
    return replace(candidate, reasons=reasons)
