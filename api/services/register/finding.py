"""Persons matched against the register: candidates best first, and nothing is stored.

A child is as good a candidate as its best record. Of a shielded child the place is neither
looked at nor told, unless the caller is cleared. Of two severed children at most one is
told of: the one that fits better, and neither where they fit nearly alike.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Membership, Severance
from api.services.register.candidates import Candidate, Grade, Ranked, Teller
from api.services.register.lookalikes import lookalike_records
from api.services.register.shields import shielded_records
from api.services.register.standing import Standing
from api.services.register.sundered import severed_children
from api.services.register.usable import Usable
from api.services.register.weighing import SAID, Meetings, Person, is_day, weigh_persons
from matcher.errors import DataError
from matcher.rules.matching import Thresholds
from matcher.table import MISSING

# Comparisons of numbers that are one child's alone, and levels at which they are the same.
IDENTIFIERS = ("nhs_number", "upn")
SAME = frozenset({"same", "replaced"})

# Comparisons of names, and the level of any comparison at which nothing agrees.
NAMES = ("forename", "surname")
DIFFERENT = "different"

# Persons of one call.
LARGEST_BATCH = 1_000


def find_persons(
    connection: Connection,
    persons: Sequence[Person],
    *,
    cleared: bool = False,
    unique_only: bool = False,
    with_unlikely: bool = False,
    of_sources: Sequence[Collection[str]] | None = None,
) -> list[tuple[Candidate, ...]]:
    """The candidates of each person, best first.

    Args:
        connection: sees the register.
        persons: columns of RECORDS as text (see `SAID`), dates as YYYY-MM-DD, at most
            `LARGEST_BATCH` persons. With a ``source``, a person is weighed as a record of
            it: not against its other records, if it holds each child once.
        cleared: whether the caller may know the place of shielded children.
        unique_only: only a candidate that is certain, for systems that nobody attends.
        with_unlikely: those below the lower threshold too, as far as blocking rules
            propose them.
        of_sources: for each person the sources whose records are looked at; all, if left out.

    Raises DataError if a person cannot be read; it names the column, not the value.
    """
    _check(persons)
    standing = Standing.at(connection)
    if standing is None or not persons:
        return [()] * len(persons)
    shielded = shielded_records(connection)
    weighed = weigh_persons(
        connection,
        standing,
        persons,
        placeless=shielded[:0] if cleared else shielded,
        left_out=shielded[:0] if cleared else lookalike_records(connection),
        floor=-np.inf if with_unlikely else None,
        of_sources=of_sources,
    )
    if weighed is None:
        return [()] * len(persons)
    thresholds = standing.matching.thresholds
    found = _by_child(connection, weighed)
    misnamed = _misnamed(found, weighed, standing)
    severed = _severed(connection, {child for own in found.values() for child in own})
    ranked = {
        person: _graded(
            _numbered(_shown(own, severed, thresholds), weighed, standing, persons[person]),
            thresholds,
            enough=Usable(persons[person], standing.linkage).enough,
            misnamed=misnamed.get(person, frozenset()),
        )
        for person, own in found.items()
    }
    listed = {
        person: [one for one in own if _is_listed(one, unique_only, with_unlikely)]
        for person, own in ranked.items()
    }
    told = Teller(connection, standing.matching, weighed, () if cleared else shielded.tolist())
    described = iter(told.of([one for own in listed.values() for one in own]))
    by_person = {person: tuple(next(described) for _ in own) for person, own in listed.items()}
    return [by_person.get(number, ()) for number in range(len(persons))]


def _check(persons: Sequence[Person]) -> None:
    if len(persons) > LARGEST_BATCH:
        raise DataError(f"at most {LARGEST_BATCH:,} persons at a time; send them in parts")
    for number, person in enumerate(persons, start=1):
        if not person.keys() <= set(SAID):
            raise DataError(f"person {number}: no such column; there are {', '.join(SAID)}")
        if (born := person.get("date_of_birth")) and not is_day(born):
            raise DataError(f"person {number}: date_of_birth must be a day as YYYY-MM-DD")


def _by_child(connection: Connection, weighed: Meetings) -> dict[int, dict[str, Ranked]]:
    """Children by person, not graded yet."""
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(Membership.record, np.unique(weighed.record))
    )
    child_of: dict[int, str] = dict(iter(connection.execute(query)))
    pairs: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    order = np.lexsort((weighed.record, -weighed.weight, weighed.person))
    people, records = weighed.person.tolist(), weighed.record.tolist()
    for at in order.tolist():
        pairs[people[at], child_of[records[at]]].append(at)
    found: defaultdict[int, dict[str, Ranked]] = defaultdict(dict)
    for (person, child), own in pairs.items():
        found[person][child] = Ranked(
            child,
            tuple(own),
            float(weighed.weight[own[0]]),
            bool(weighed.apart[own].any()),
            Grade.UNLIKELY,
            False,
        )
    return found


def _severed(connection: Connection, children: set[str]) -> set[frozenset[str]]:
    """Pairs of severed children; asked in full only where there may be any."""
    if connection.scalar(select(Severance.id).limit(1)) is None:
        return set()
    return severed_children(connection, sorted(children))


def _shown(
    own: Mapping[str, Ranked], severed: set[frozenset[str]], thresholds: Thresholds
) -> list[Ranked]:
    """Candidates without those that must not be told of beside another."""
    hidden: set[str] = set()
    for pair in severed:
        if pair <= own.keys():
            weaker, stronger = sorted(pair, key=lambda child: own[child].weight)
            hidden.add(weaker)
            if own[stronger].weight - own[weaker].weight < thresholds.rival_margin:
                hidden.add(stronger)
    return [one for child, one in own.items() if child not in hidden]


def _numbered(
    own: list[Ranked], weighed: Meetings, standing: Standing, person: Person
) -> list[Ranked]:
    """With the identifiers of which a candidate's records hold another one than the person."""
    said = person.keys() & set(IDENTIFIERS)
    known = [one for one in standing.matching.comparisons if one.name in said]
    if not own or not known:
        return own
    levels, _ = weighed.explained(np.concatenate([one.at for one in own]))
    ends = np.cumsum([len(one.at) for one in own])[:-1]
    other: dict[str, list[bool]] = {}
    for comparison in known:
        names = [level.name for level in comparison.levels]
        reached = np.split(levels[comparison.name], ends)
        other[comparison.name] = [
            names.index(DIFFERENT) in some and not SAME & {names[one] for one in some.tolist()}
            for some in reached
        ]
    return [
        replace(one, other_numbers=tuple(name for name in other if other[name][at]))
        for at, one in enumerate(own)
    ]


def _misnamed(
    found: Mapping[int, Mapping[str, Ranked]], weighed: Meetings, standing: Standing
) -> dict[int, set[str]]:
    """By person the children who fit, though of the names that are compared none agrees.

    A number and a date alone may have been written down for somebody else.
    """
    upper = standing.matching.thresholds.upper
    fit = [(person, one) for person, own in found.items() for one in own.values()
           if one.weight >= upper]  # fmt: skip
    if not fit:
        return {}
    levels, _ = weighed.explained(np.concatenate([one.at for _, one in fit]))
    agrees = differs = np.zeros(sum(len(one.at) for _, one in fit), dtype=bool)
    for comparison in standing.matching.comparisons:
        if comparison.name in NAMES:
            reached = levels[comparison.name]
            names = np.array([level.name for level in comparison.levels])
            different = (reached != MISSING) & (names[reached] == DIFFERENT)
            differs = differs | different
            agrees = agrees | ((reached != MISSING) & ~different)
    ends = np.cumsum([len(one.at) for _, one in fit])[:-1]
    parts = zip(fit, np.split(agrees, ends), np.split(differs, ends), strict=True)
    misnamed: defaultdict[int, set[str]] = defaultdict(set)
    for (person, one), some_agree, some_differ in parts:
        if some_differ.any() and not some_agree.any():
            misnamed[person].add(one.child)
    return misnamed


def _graded(
    own: list[Ranked], thresholds: Thresholds, *, enough: bool, misnamed: Collection[str]
) -> list[Ranked]:
    """Best first, with grades; none is certain unless ``enough`` is said of the person.

    Nor is one of the ``misnamed`` children.
    """
    order = sorted(own, key=lambda one: (-one.weight, one.child))
    graded = []
    for place, one in enumerate(order):
        # Of all others the best is the first, or of the first the second.
        others = order[1:2] if place == 0 else order[:1]
        rival = any(
            min(one.weight, other.weight) >= thresholds.lower
            and one.weight - other.weight < thresholds.rival_margin
            for other in others
        )
        sure = enough and not rival and one.child not in misnamed
        graded.append(replace(one, grade=_grade(one, thresholds, sure=sure), rival=rival))
    return graded


def _grade(one: Ranked, thresholds: Thresholds, *, sure: bool) -> Grade:
    if one.weight < thresholds.lower:
        return Grade.UNLIKELY
    if one.weight < thresholds.upper:
        return Grade.POSSIBLE
    return Grade.CERTAIN if sure and not one.apart and not one.other_numbers else Grade.PROBABLE


def _is_listed(one: Ranked, unique_only: bool, with_unlikely: bool) -> bool:
    if unique_only:
        return one.grade is Grade.CERTAIN
    return with_unlikely or one.grade is not Grade.UNLIKELY
