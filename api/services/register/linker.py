"""What linking the register goes by, and what whole and part have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.models import Source
from api.services.register.closure import Bounds
from api.services.register.columns import Numbers
from api.services.register.counts import TOTAL, evidence_counts, tallies
from api.services.register.decisions import as_positions
from api.services.register.planning import ChildCounts
from api.services.register.reader import Reader
from api.services.register.state import BETWEEN, Given
from matcher.block import RuleBlocks
from matcher.classify import estimate_prior
from matcher.deciding import Decisions
from matcher.keys import Columns, key_lists
from matcher.pipeline import evidence_floor, first_guess, possible_pairs, terms
from matcher.population import COHORT, HELD, Claims, Population, Tally, all_claims, hashed
from matcher.prepared import Coded, Prepared, compared_columns, prepare
from matcher.progress import Observer
from matcher.rules.library import LinkageRules
from matcher.rules.matching import MatchingRules
from matcher.rules.model import Model
from matcher.standardise import Standardiser

_TOTALS = "totals of all kinds"


@dataclass(frozen=True)
class LinkOutcome:
    """What a run did: whether to everything, to which records, and to children.

    ``candidates`` counts the pairs that were proposed and compared; ``blocks`` says what each
    blocking rule proposed, if everything was linked.
    """

    whole: bool
    records: Numbers
    candidates: int
    children: ChildCounts
    given: Given
    blocks: tuple[RuleBlocks, ...] = ()

    @property
    def looked_at(self) -> int:
        """How many records it was done to."""
        return len(self.records)


@dataclass(frozen=True)
class Linker:
    """Connection, rules and model for the length of one run.

    ``numbers`` are the sources' by name; ``single`` names those that hold each child once.
    What people decided counts once a run held it: up to ``decided_until``, or all that they
    entered, for a look ahead. ``supposed`` is what nobody said yet of pairs (record.id, the lower
    first), for one too.
    """

    connection: Connection
    run: int
    rules: LinkageRules
    model: Model
    numbers: dict[str, int]
    single: frozenset[str]
    observer: Observer
    decided_until: int | None = None
    supposed: Mapping[tuple[int, int], str] = field(default_factory=dict)
    _counted: dict[str, Tally] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        connection: Connection,
        run: int,
        rules: LinkageRules,
        model: Model,
        observer: Observer,
    ) -> "Linker":
        """A linker for the sources as they are."""
        rows = connection.execute(
            select(Source.name, Source.number, Source.one_record_per_child)
        ).all()
        numbers = {name: number for name, number, _ in rows}
        single = frozenset(name for name, _, once in rows if once)
        return cls(connection, run, rules, model, numbers, single, observer)

    @cached_property
    def standardiser(self) -> Standardiser:
        """Standardises by the rules; a run sees most of its records several times."""
        return Standardiser(self.rules.names, self.rules.values, remembers=True)

    @cached_property
    def reader(self) -> Reader:
        """Reads a few records; a run looks at most of its own several times."""
        return Reader(self.connection, self.run, self.standardiser)

    @cached_property
    def compared(self) -> tuple[set[str], set[frozenset[str]]]:
        """Columns that are compared, and those whose values are held against each other."""
        return compared_columns(self.matching), self.matching.crossings

    def decisions(self, record: Numbers) -> Decisions:
        """What linking must hold among records, as positions in ``record``.

        A severance holds from when it is entered: its sides may not be joined meanwhile.
        """
        until, supposed = self.decided_until, self.supposed
        return as_positions(self.connection, record, decided_until=until, supposed=supposed)

    @property
    def matching(self) -> MatchingRules:
        """The matching rules."""
        return self.rules.matching

    @cached_property
    def terms(self) -> list[str]:
        """Columns whose rarity counts."""
        return terms(self.matching)

    @cached_property
    def kinds(self) -> list[str]:
        """Kinds of claims; a kind's number is its place, from 1."""
        return [*self.terms, COHORT, HELD]

    @cached_property
    def lists(self) -> list[Columns]:
        """Lists of columns that records are found by."""
        return key_lists(self.matching, self.terms)

    def number_of(self, kind: str) -> int:
        """The number of a kind of claims."""
        return self.kinds.index(kind) + 1

    def prepared(self, records: pd.DataFrame) -> Prepared | None:
        """Records of children, standardised; nothing if there are none."""
        if not (records["role"] == "child").any():
            return None
        return prepare(records, self.rules, self.single, self.standardiser)

    def claims(self, coded: Coded) -> list[Claims]:
        """What these records claim."""
        return list(all_claims(coded.table, coded.source, coded.sources, self.terms))

    def group_of(self, name: str) -> int:
        """The number that is kept for a group of pairs, by the name of its prior."""
        return 0 if name == BETWEEN else self.numbers[name]

    def bounds(self, priors: Mapping[str, float]) -> Bounds:
        """What makes a pair possible under these priors."""
        by_group = {self.group_of(name): bits for name, bits in priors.items()}
        return Bounds(self.matching.thresholds, by_group)

    def groups(self, coded: Coded) -> Numbers:
        """The number that is kept for each group of pairs: the source that holds both, or 0."""
        return np.array([*(self.numbers[name] for name in coded.sources), 0], dtype=np.int64)

    def counted(self, kind: str) -> Tally:
        """Children by group of one kind that has few groups; read again after `forget_counts`."""
        if not self._counted:
            numbers = {_TOTALS: TOTAL, **{one: self.number_of(one) for one in (COHORT, HELD)}}
            found = tallies(self.connection, list(numbers.values()))
            self._counted.update({one: found[number] for one, number in numbers.items()})
        return self._counted[kind]

    def forget_counts(self) -> None:
        """Counts are others now."""
        self._counted.clear()

    def population(self, coded: Coded, held: dict[str, int]) -> Population:
        """The register's population, as far as these records ask for it."""
        values = [hashed(coded.table.columns[term].values) for term in self.terms]
        asked = np.unique(np.concatenate([np.empty(0, np.uint64), *values])).view(np.int64)
        numbers = {term: self.number_of(term) for term in self.terms}
        # All at once: that a group of another kind is of the same text does no harm.
        found = tallies(self.connection, list(numbers.values()), asked)
        by_kind = {term: found[number] for term, number in numbers.items()}
        by_kind |= {kind: self.counted(kind) for kind in (COHORT, HELD)}
        totals = self.counted(_TOTALS)
        places = np.arange(1, len(self.kinds) + 1, dtype=np.uint64)
        every = dict(zip(self.kinds, totals.of_groups(places).tolist(), strict=True))
        return Population(held, by_kind, every)

    def floor(self, population: Population) -> float:
        """Evidence below which no pair is kept."""
        totals = possible_pairs(population, self.single)
        return evidence_floor(self.matching.thresholds.lower, totals, self.model, population)

    def priors(self, population: Population) -> dict[str, float]:
        """Priors by source, and between sources, from the pairs that are kept."""
        names = sorted(population.held)
        place = {self.numbers[name]: at for at, name in enumerate(names)} | {0: len(names)}
        totals = possible_pairs(population, self.single)
        found = estimate_prior(
            evidence_counts(self.connection, place),
            totals,
            first_guess(totals, self.model, population),
        )
        return dict(zip([*names, BETWEEN], found.tolist(), strict=True))
