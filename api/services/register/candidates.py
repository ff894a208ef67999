"""Candidates as they are told of: grade, reasons that add up, and the records that match."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Connection

from api.services.register.acts import Key, keys_of
from api.services.register.weighing import Meetings
from matcher.classify import probability
from matcher.rules.matching import MatchingRules
from matcher.table import MISSING


class Grade(StrEnum):
    """How sure it is that a candidate is the person."""

    # At or above the upper threshold, with no rival, nothing keeps the two apart, no record of
    # the child holds another number, enough is said of the person, see `Usable.enough`, and of
    # the names that are compared one agrees.
    CERTAIN = "certain"
    # At or above the upper threshold, but another child fits nearly as well, a level says that
    # the two are two children of one family, the child is held under another number or other
    # names, or too little is said of the person.
    PROBABLE = "probable"
    # Between the thresholds.
    POSSIBLE = "possible"
    # Below the lower threshold.
    UNLIKELY = "certainly_not"


@dataclass(frozen=True, slots=True)
class Reason:
    """The level that one comparison reached, its sentence, and its partial weight in bits."""

    comparison: str
    title: str
    level: str
    sentence: str
    weight: float


@dataclass(frozen=True, slots=True)
class MatchedRecord:
    """A record of a candidate, and by record.id: its weight in bits with the prior.

    ``apart`` says that a level keeps it and the person apart, as two children of one family.
    """

    source: str
    record_id: str
    weight: float
    probability: float
    apart: bool
    record: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A child that may be the person.

    Weight and probability are those of its best record, the first of ``records``, and
    ``prior`` with the weights of ``reasons`` adds up to them. ``rival`` says that another
    child fits nearly as well, ``location_hidden`` that its place was not looked at.
    ``other_numbers`` are the identifiers of which its records hold another one, and none the
    person's.
    """

    child_id: str
    grade: Grade
    weight: float
    probability: float
    prior: float
    reasons: tuple[Reason, ...]
    records: tuple[MatchedRecord, ...]
    rival: bool
    location_hidden: bool
    other_numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A child with its pairs (positions in what was weighed), best first."""

    child: str
    at: tuple[int, ...]
    weight: float
    apart: bool
    grade: Grade
    rival: bool
    other_numbers: tuple[str, ...] = ()


class Teller:
    """Makes candidates of what was weighed."""

    def __init__(
        self,
        connection: Connection,
        rules: MatchingRules,
        weighed: Meetings,
        placeless: Collection[int],
    ) -> None:
        self.connection, self.rules, self.weighed = connection, rules, weighed
        self.placeless = frozenset(placeless)

    def of(self, ranked: Sequence[Ranked]) -> list[Candidate]:
        """One candidate each."""
        if not ranked:
            return []
        levels, partial = self.weighed.explained(np.array([one.at[0] for one in ranked]))
        keys = self._keys([at for one in ranked for at in one.at])
        return [
            Candidate(
                child_id=one.child,
                grade=one.grade,
                weight=one.weight,
                probability=_probability(one.weight),
                prior=float(self.weighed.prior[one.at[0]]),
                reasons=tuple(self._reasons(place, levels, partial)),
                records=tuple(self._record(at, keys) for at in one.at),
                rival=one.rival,
                location_hidden=int(self.weighed.record[one.at[0]]) in self.placeless,
                other_numbers=one.other_numbers,
            )
            for place, one in enumerate(ranked)
        ]

    def _reasons(
        self, place: int, levels: Mapping[str, Any], partial: Mapping[str, Any]
    ) -> list[Reason]:
        reasons = []
        for comparison in self.rules.comparisons:
            number = int(levels[comparison.name][place])
            level = comparison.levels[number]
            if number != MISSING and level.evidence:
                weight = float(partial[comparison.name][place])
                reasons.append(
                    Reason(comparison.name, comparison.title, level.name, level.reason, weight)
                )
        return reasons

    def _keys(self, at: Sequence[int]) -> dict[int, Key]:
        return keys_of(self.connection, self.weighed.record[list(at)])

    def _record(self, at: int, keys: Mapping[int, Key]) -> MatchedRecord:
        weight = float(self.weighed.weight[at])
        record = int(self.weighed.record[at])
        apart = bool(self.weighed.apart[at])
        return MatchedRecord(*keys[record], weight, _probability(weight), apart, record)


def _probability(weight: float) -> float:
    return float(probability(np.array([weight]))[0])
