"""Matching rules: which pairs are proposed, how they are compared, when they are linked.

The file ``matching.yaml`` has four parts. ``blocking`` proposes candidate pairs.
``comparisons`` grade each pair, dimension by dimension, into ordered, exclusive levels.
``thresholds`` turn total weights into links and possible links. ``examples`` are pairs
with the levels that they must get; ``matcher rules check`` runs them.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, model_validator

from matcher.rules.document import Mistake, Rule
from matcher.rules.matching_names import matching_disagreements

Columns = Annotated[list[str], Field(min_length=1)]


class Similarity(Rule):
    """Jaro–Winkler similarity of two texts, at least this much (0 to 1)."""

    column: str
    at_least: Annotated[float, Field(gt=0, lt=1)]


class Edits(Rule):
    """Damerau–Levenshtein distance between two texts, at most this many edits.

    ``min_length`` is the shortest length at which both texts still carry enough letters.
    """

    column: str
    at_most: Annotated[int, Field(ge=1)]
    min_length: Annotated[int, Field(ge=1)] = 1


class StartsWith(Rule):
    """One text begins with the whole of the other, which has at least ``min_length`` letters."""

    column: str
    min_length: Annotated[int, Field(ge=1)]


class Condition(Rule):
    """One way of stating that two values agree. Exactly one key is given.

    * ``same``: every named column is present on both sides and equal
    * ``same_across``: the first column of one side equals the second of the other
    * ``swapped``: the two columns are exchanged between the sides
    * ``jaro_winkler``, ``edits``, ``starts_with``: spelling similarity
    * ``shares``: lists of words, of which at least one is in both
    * ``present``: every named column has a value on both sides
    * ``either``: the named column has a value on at least one side
    * ``all``, ``any``, ``not``: combinations
    * ``levels``: other comparisons of this pair reached one of the named levels
    """

    same: Columns | None = None
    same_across: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    swapped: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    jaro_winkler: Similarity | None = None
    edits: Edits | None = None
    starts_with: StartsWith | None = None
    shares: str | None = None
    present: Columns | None = None
    either: str | None = None
    all: Annotated[list["Condition"], Field(min_length=1)] | None = None
    any: Annotated[list["Condition"], Field(min_length=1)] | None = None
    negate: "Condition | None" = Field(default=None, alias="not")
    levels: dict[str, Annotated[list[str], Field(min_length=1)]] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Condition":
        fields = type(self).model_fields.items()
        given = [field.alias or name for name, field in fields if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"a condition has exactly one key, found {found}")
        return self

    @property
    def _spellings(self) -> tuple[Similarity | Edits | StartsWith | None, ...]:
        return self.jaro_winkler, self.edits, self.starts_with

    @property
    def parts(self) -> list["Condition"]:
        """Conditions that this one is made of."""
        if self.negate is not None:
            return [self.negate]
        return self.all or self.any or []

    @cached_property
    def columns(self) -> set[str]:
        """Every column that this condition looks at."""
        own = {*(self.same or []), *(self.same_across or []), *(self.swapped or [])}
        own |= {*(self.present or [])}
        own |= {part.column for part in self._spellings if part is not None}
        own |= {name for name in (self.either, self.shares) if name}
        return own.union(*(part.columns for part in self.parts))

    @cached_property
    def crossings(self) -> set[frozenset[str]]:
        """Pairs of different columns whose values are held against each other."""
        own = {frozenset(pair) for pair in (self.same_across, self.swapped) if pair}
        return own.union(*(part.crossings for part in self.parts))

    @cached_property
    def is_costly(self) -> bool:
        """Whether strings must be compared, and not only codes."""
        if self.shares is not None or any(part is not None for part in self._spellings):
            return True
        return any(part.is_costly for part in self.parts)

    @cached_property
    def level_references(self) -> dict[str, set[str]]:
        """Comparisons and levels that this condition refers to."""
        found: dict[str, set[str]] = {}
        for name, levels in (self.levels or {}).items():
            found.setdefault(name, set()).update(levels)
        for part in self.parts:
            for name, referred in part.level_references.items():
                found.setdefault(name, set()).update(referred)
        return found

    @cached_property
    def required_levels(self) -> dict[str, set[str]]:
        """Levels of other comparisons without which this condition is true of no pair."""
        found = {name: set(levels) for name, levels in (self.levels or {}).items()}
        for part in self.all or []:
            for name, levels in part.required_levels.items():
                found[name] = found.get(name, levels) & levels
        return found


class Level(Rule):
    """One ordered outcome of a comparison.

    ``when`` is missing on the last level only, which takes every other pair.
    ``evidence: false`` gives no weight. ``term_frequency`` names the column whose rarity
    scales the weight. ``keeps_apart`` refuses to join the two records through others, as
    long as the model holds the level against them. ``children_only`` marks what is true of
    children alone: among adults another surname is more often marriage than adoption.
    """

    name: str
    when: Condition | None = None
    reason: str
    evidence: bool = True
    term_frequency: str | None = None
    keeps_apart: bool = False
    children_only: bool = False


class Comparison(Rule):
    """One dimension of comparison. ``needs`` are columns without which there is no evidence.

    What is ``supporting``, many children have in common: it links nobody where nothing else agrees.
    """

    name: str
    title: str
    needs: list[str] = Field(default_factory=list)
    supporting: bool = False
    levels: Annotated[list[Level], Field(min_length=2)]

    @cached_property
    def is_interaction(self) -> bool:
        """Whether its levels are made of other comparisons' levels."""
        return any(level.when is not None and level.when.level_references for level in self.levels)

    @cached_property
    def crossings(self) -> set[frozenset[str]]:
        """Pairs of different columns whose values are held against each other."""
        return set().union(*(level.when.crossings for level in self.levels if level.when))

    @cached_property
    def columns(self) -> set[str]:
        """Every column that this comparison looks at."""
        found = set(self.needs)
        for level in self.levels:
            found |= level.when.columns if level.when else set()
            found |= {level.term_frequency} if level.term_frequency else set()
        return found


class BlockingRule(Rule):
    """Proposes the pairs whose ``key`` columns are equal and present.

    ``against`` names other columns for the second side, for swapped values.
    ``largest_block`` bounds a block's records; larger blocks are narrowed by ``narrow_by``,
    what is still larger is left out, and the number of pairs so given up is reported.
    ``learn: false`` keeps its pairs out of training: brothers and sisters who share a home
    and a name are a class of their own, which would be taken for one child held twice.
    """

    name: str
    key: Columns
    against: list[str] | None = None
    largest_block: Annotated[int, Field(ge=2)] = 2_000
    narrow_by: list[str] = Field(default_factory=list)
    learn: bool = True

    @model_validator(mode="after")
    def _same_length(self) -> "BlockingRule":
        if self.against is not None and len(self.against) != len(self.key):
            raise ValueError("'against' must name as many columns as 'key'")
        return self

    @cached_property
    def columns(self) -> set[str]:
        """Every column that this rule looks at."""
        return {*self.key, *(self.against or []), *self.narrow_by}

    @cached_property
    def crossings(self) -> set[frozenset[str]]:
        """Pairs of different columns whose values are held against each other."""
        pairs = zip(self.key, self.against or self.key, strict=True)
        return {frozenset(pair) for pair in pairs if pair[0] != pair[1]}


class Thresholds(Rule):
    """Total weights, in bits, that bound clerical review, and how near a rival may come."""

    lower: float
    upper: float
    rival_margin: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> "Thresholds":
        if self.lower > self.upper:
            raise ValueError("the lower threshold is above the upper threshold")
        return self


class PairExample(Rule):
    """Two records as an extract would give them, and the levels that they must get.

    They are of two sources, ``left`` and ``right``, unless they say otherwise.
    """

    title: str
    left: dict[str, str]
    right: dict[str, str]
    levels: dict[str, str]
    proposed: bool = True


class MatchingRules(Rule):
    """The whole of ``matching.yaml``."""

    version: int
    blocking: Annotated[list[BlockingRule], Field(min_length=1)]
    comparisons: Annotated[list[Comparison], Field(min_length=1)]
    thresholds: Thresholds
    examples: list[PairExample] = Field(default_factory=list)

    @classmethod
    def disagreements(cls, data: Any) -> Iterable[Mistake]:
        """Names given twice or of what is not there, and levels out of order."""
        return matching_disagreements(data)

    @cached_property
    def columns(self) -> set[str]:
        """Every standardised column that the rules look at."""
        return set().union(
            *(rule.columns for rule in self.blocking),
            *(comparison.columns for comparison in self.comparisons),
        )

    @cached_property
    def crossings(self) -> set[frozenset[str]]:
        """Pairs of different columns whose values are held against each other."""
        return set().union(
            *(rule.crossings for rule in self.blocking),
            *(comparison.crossings for comparison in self.comparisons),
        )

    @cached_property
    def rarity_is_shared(self) -> bool:
        """Whether the rarity of a value counts only for pairs of records that both have it."""
        levels = (level for comparison in self.comparisons for level in comparison.levels)
        return all(
            level.when is not None and level.term_frequency in (level.when.same or [])
            for level in levels
            if level.term_frequency is not None
        )

    @property
    def content_hash(self) -> str:
        """SHA-256 of what decides levels and pairs; wording and examples left out."""
        return _hash(_meaning(self.model_dump(mode="json", by_alias=True)))


def _meaning(data: Any) -> Any:
    wording = {"reason", "title", "examples"}
    if isinstance(data, dict):
        return {key: _meaning(value) for key, value in data.items() if key not in wording}
    if isinstance(data, list):
        return [_meaning(value) for value in data]
    return data


def _hash(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
