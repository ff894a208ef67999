"""All rules of one directory, read together so that every mistake is reported at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from matcher.errors import RuleError, RuleProblem
from matcher.rules.document import Rule, parse_rules
from matcher.rules.matching import MatchingRules
from matcher.rules.names import NameRules
from matcher.rules.survivorship import SurvivorshipRules
from matcher.rules.values import ValueRules

RuleT = TypeVar("RuleT", bound=Rule)


@dataclass(frozen=True, slots=True)
class LinkageRules:
    """What linking needs: how values are read, pairs matched, golden values chosen."""

    names: NameRules
    values: ValueRules
    matching: MatchingRules
    survivorship: SurvivorshipRules


@dataclass(frozen=True, slots=True)
class ReadableRules:
    """The same, as far as its files can be read."""

    names: NameRules | None
    values: ValueRules | None
    matching: MatchingRules | None
    survivorship: SurvivorshipRules | None

    def whole(self) -> LinkageRules | None:
        """All of them, or nothing if one is missing."""
        if not (self.names and self.values and self.matching and self.survivorship):
            return None
        return LinkageRules(self.names, self.values, self.matching, self.survivorship)


def load_linkage_rules(directory: Path) -> LinkageRules:
    """Rules of a directory. Raises RuleError with the problems of all its files."""
    rules, problems = read_linkage_rules(directory)
    whole = rules.whole()
    if whole is None:
        raise RuleError(problems)
    return whole


def read_linkage_rules(directory: Path) -> tuple[ReadableRules, list[RuleProblem]]:
    """Rules of a directory as far as they can be read, and the problems of all its files."""
    problems: list[RuleProblem] = []

    def read(model: type[RuleT], name: str) -> RuleT | None:
        try:
            return parse_rules(model, directory / name)
        except RuleError as error:
            problems.extend(error.problems)
            return None

    rules = ReadableRules(
        read(NameRules, "names.yaml"),
        read(ValueRules, "values.yaml"),
        read(MatchingRules, "matching.yaml"),
        read(SurvivorshipRules, "survivorship.yaml"),
    )
    return rules, problems
