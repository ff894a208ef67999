"""What weights depend on beside two records: the rules, the model, and the last run's counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import ClaimCount, Run, Source
from api.services.register.columns import columns
from api.services.register.counts import TOTAL
from api.services.register.kept_rules import InForce, kept_rules
from api.services.register.state import Given
from matcher.keys import Columns, key_lists
from matcher.pipeline import terms
from matcher.population import COHORT, HELD, Population, Tally, hashed
from matcher.rules.library import LinkageRules
from matcher.rules.matching import MatchingRules
from matcher.scoring import Scorer
from matcher.standardise import PLACE_COLUMNS
from matcher.table import Levels, Mask, Table
from matcher.weigh import Weights
from matcher.weigh.weights import agreeing, level_weights

# Rules that were read before, by their hashes: the text of a hash is always the same.
_READ: dict[tuple[str, str], "ReadRules"] = {}
_READ_AT_MOST = 4


@dataclass(frozen=True)
class ReadRules:
    """Rules with a model, and what follows from them.

    ``terms`` are columns whose rarity counts, ``lists`` those that records are found by,
    ``columns`` all that is compared, ``crossings`` sets of them whose values are compared
    with each other. ``unplaced`` are the matching rules without blocking by place.
    """

    rules: InForce
    terms: list[str]
    lists: list[Columns]
    columns: set[str]
    crossings: set[frozenset[str]]
    unplaced: MatchingRules

    @classmethod
    def of(cls, rules: InForce) -> "ReadRules":
        """What follows from rules."""
        matching = rules.book.linkage.matching
        wanted = terms(matching)
        blocking = [rule for rule in matching.blocking if not tells_a_place(rule.columns)]
        return cls(
            rules,
            wanted,
            key_lists(matching, wanted),
            matching.columns,
            matching.crossings,
            matching.model_copy(update={"blocking": blocking}),
        )

    @property
    def linkage(self) -> LinkageRules:
        """The linkage rules."""
        return self.rules.book.linkage

    @property
    def matching(self) -> MatchingRules:
        """The matching rules."""
        return self.linkage.matching

    def agreeing(self, levels: Mapping[str, Levels]) -> Mask:
        """Pairs, given by their levels, of which more agrees than many children have in common."""
        model = self.rules.model.comparisons
        by_level = ((one, level_weights(one, model[one.name])) for one in self.matching.comparisons)
        return agreeing(by_level, levels)


@dataclass(frozen=True)
class Standing:
    """What the register goes by as of its last run.

    ``single`` names the sources that hold each child once.
    """

    read: ReadRules
    given: Given
    single: frozenset[str]

    @classmethod
    def at(cls, connection: Connection) -> "Standing | None":
        """As this connection sees the register; nothing if there was no run yet."""
        last = connection.execute(
            select(Run.rules, Run.model, Run.population).order_by(Run.id.desc()).limit(1)
        ).one_or_none()
        if last is None:
            return None
        once = select(Source.name).where(Source.one_record_per_child)
        return cls(
            rules_by_hash(connection, last.rules, last.model),
            Given(**last.population),
            frozenset(connection.scalars(once)),
        )

    @property
    def linkage(self) -> LinkageRules:
        """The linkage rules."""
        return self.read.linkage

    @property
    def matching(self) -> MatchingRules:
        """The matching rules."""
        return self.read.matching

    def scorer(self, connection: Connection, table: Table) -> Scorer:
        """What compares and weighs pairs of a table, by the kept counts of children."""
        wanted, comparisons = self.read.terms, self.read.matching.comparisons
        kinds = [*wanted, COHORT, HELD]
        groups = [hashed(table.columns[term].values).view(np.int64) for term in wanted]
        # All at once: groups of different kinds are hashes, which hardly ever are the same.
        of = np.concatenate([np.arange(1, len(kinds) + 1), *groups])
        number, group, children = columns(
            connection,
            select(ClaimCount.kind, ClaimCount.of, ClaimCount.children).where(
                ClaimCount.kind.in_(range(len(wanted) + 1)), among(ClaimCount.of, of)
            ),
        )
        tallies: dict[str, Tally] = {}
        for place, term in enumerate(wanted, start=1):
            mine = np.flatnonzero(number == place)
            hashes = group[mine].view(np.uint64)
            order = np.argsort(hashes)
            tallies[term] = Tally(hashes[order], children[mine][order])
        total = dict(zip(group[number == TOTAL], children[number == TOTAL], strict=True))
        totals = {kind: int(total.get(place, 0)) for place, kind in enumerate(kinds, start=1)}
        population = Population({}, tallies, totals)
        shares = {term: population.shares(table, term) for term in wanted}
        return Scorer(comparisons, Weights(comparisons, self.read.rules.model, shares))


def tells_a_place(names: Iterable[str]) -> bool:
    """Whether any of these standardised columns tells where a child lives."""
    return not PLACE_COLUMNS.isdisjoint(names)


def rules_by_hash(connection: Connection, rules: str, model: str) -> ReadRules:
    """Rules and model by their hashes, read once in a process."""
    found = _READ.get((rules, model))
    if found is None:
        found = ReadRules.of(kept_rules(connection, rules, model))
        if len(_READ) >= _READ_AT_MOST:
            _READ.clear()
        _READ[rules, model] = found
    return found
