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
from api.services.register.counts import TOTAL, evidence_counts, tally
from api.services.register.planning import ChildCounts
from api.services.register.state import BETWEEN, Given
from matcher.classify import estimate_prior
from matcher.keys import Columns, key_lists
from matcher.pipeline import (
    Prepared,
    Sources,
    evidence_floor,
    first_guess,
    possible_pairs,
    prepare,
    terms,
)
from matcher.population import COHORT, HELD, Claims, Population, Tally, all_claims, hashed
from matcher.progress import Observer
from matcher.rules.library import LinkageRules
from matcher.rules.matching import MatchingRules
from matcher.rules.model import Model
from matcher.table import Table

_TOTALS = "totals of all kinds"


@dataclass(frozen=True)
class LinkOutcome:
    """What a run did: whether to everything, to how many records, and to children.

    ``candidates`` counts the pairs that were proposed and compared.
    """

    whole: bool
    looked_at: int
    candidates: int
    children: ChildCounts
    given: Given


@dataclass(frozen=True)
class Linker:
    """Connection, rules and model for the length of one run.

    ``numbers`` are the sources' by name; ``single`` names those that hold each child once.
    """

    connection: Connection
    run: int
    rules: LinkageRules
    model: Model
    numbers: dict[str, int]
    single: frozenset[str]
    observer: Observer
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
        return prepare(records, self.rules, self.single)

    def claims(self, table: Table, source: Sources, sources: list[str]) -> list[Claims]:
        """What these records claim."""
        return list(all_claims(table, source, sources, self.terms))

    def group_of(self, name: str) -> int:
        """The number that is kept for a group of pairs, by the name of its prior."""
        return 0 if name == BETWEEN else self.numbers[name]

    def bounds(self, priors: Mapping[str, float]) -> Bounds:
        """What makes a pair possible under these priors."""
        by_group = {self.group_of(name): bits for name, bits in priors.items()}
        return Bounds(self.matching.thresholds, by_group)

    def groups(self, prepared: Prepared) -> Numbers:
        """The number that is kept for each group of pairs: the source that holds both, or 0."""
        return np.array([*(self.numbers[name] for name in prepared.sources), 0], dtype=np.int64)

    def counted(self, kind: str) -> Tally:
        """Children by group of one kind, of all groups; read again after `forget_counts`."""
        if kind not in self._counted:
            number = TOTAL if kind == _TOTALS else self.number_of(kind)
            self._counted[kind] = tally(self.connection, number)
        return self._counted[kind]

    def forget_counts(self) -> None:
        """Counts are others now."""
        self._counted.clear()

    def population(self, prepared: Prepared, held: dict[str, int]) -> Population:
        """The register's population, as far as these records ask for it."""
        tallies: dict[str, Tally] = {}
        for term in self.terms:
            values = hashed(prepared.table.columns[term].values)
            tallies[term] = tally(self.connection, self.number_of(term), values.view(np.int64))
        tallies |= {kind: self.counted(kind) for kind in (COHORT, HELD)}
        totals = self.counted(_TOTALS)
        places = np.arange(1, len(self.kinds) + 1, dtype=np.uint64)
        by_kind = dict(zip(self.kinds, totals.of_groups(places).tolist(), strict=True))
        return Population(held, tallies, by_kind)

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
