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


def load_linkage_rules(directory: Path) -> LinkageRules:
    """Rules of a directory. Raises RuleError with the problems of all its files."""
    problems: list[RuleProblem] = []

    def read(model: type[RuleT], name: str) -> RuleT | None:
        try:
            return parse_rules(model, directory / name)
        except RuleError as error:
            problems.extend(error.problems)
            return None

    names = read(NameRules, "names.yaml")
    values = read(ValueRules, "values.yaml")
    matching = read(MatchingRules, "matching.yaml")
    survivorship = read(SurvivorshipRules, "survivorship.yaml")
    if names is None or values is None or matching is None or survivorship is None:
        raise RuleError(problems)
    return LinkageRules(names, values, matching, survivorship)
