"""Outcome measures and the named definitions that they share, as data.

Files in ``linkage_rules/measures/``, each with a ``kind``:

- ``measure``: a cohort, conditions, which of them make the denominator and the numerator;
- ``good_level_of_development``: which scores reach it, framework by framework;
- ``sustained_contact``: how much contact with a children's centre is sustained.

Every file carries worked examples, which ``matcher.outcomes.examples`` runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from matcher.errors import RuleError, RuleProblem
from matcher.rules.document import Mistake, Rule, load_document, parse_rules
from matcher.rules.measure_examples import (
    ContactExample,
    GoodLevelExample,
    MeasureExample,
)
from matcher.rules.measure_names import condition_mistakes, definition_mistakes

Sources = Annotated[tuple[str, ...], Field(min_length=1)]
Sentences = Annotated[tuple[str, ...], Field(min_length=1)]


class Named(Rule):
    """What every file of this directory begins with.

    ``version`` goes up with every change that can change a result; results state it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: PositiveInt
    title: str = Field(min_length=1)


class Framework(Rule):
    """How one framework of the EYFS Profile scores a good level of development.

    A child reaches it with at least ``each_at_least`` points in every goal of ``each_of`` (all
    ``goals`` if not given) and, where ``total_at_least`` is given, that many over all ``goals``.
    A score in ``not_assessed`` counts as a result without points. Years are those in which the
    reception year ends.
    """

    name: str
    first_year: int
    last_year: int | None = None
    goals: Annotated[tuple[str, ...], Field(min_length=1)]
    each_of: tuple[str, ...] = ()
    each_at_least: PositiveInt
    total_at_least: PositiveInt | None = None
    not_assessed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.last_year is not None and self.last_year < self.first_year:
            raise ValueError("last_year lies before first_year")
        if len(set(self.goals)) < len(self.goals):
            raise ValueError("a goal stands twice in goals")
        if unknown := set(self.each_of) - set(self.goals):
            raise ValueError(f"each_of names {', '.join(sorted(unknown))}, which goals lacks")
        return self

    def holds_in(self, year: int) -> bool:
        """Whether this framework was in force at the end of that reception year."""
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)


class GoodLevel(Named):
    """Good level of development. Frameworks are never compared with one another."""

    kind: Literal["good_level_of_development"]
    frameworks: Annotated[tuple[Framework, ...], Field(min_length=1)]
    examples: Annotated[tuple[GoodLevelExample, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _apart(self) -> Self:
        ordered = sorted(self.frameworks, key=lambda framework: framework.first_year)
        for earlier, later in pairwise(ordered):
            if earlier.last_year is None or earlier.last_year >= later.first_year:
                raise ValueError(f"frameworks {earlier.name} and {later.name} overlap in time")
        goals = [goal for framework in self.frameworks for goal in framework.goals]
        if len(set(goals)) < len(goals):
            raise ValueError("two frameworks share the name of a goal; a result would fit both")
        return self

    def framework_of(self, year: int) -> Framework | None:
        """The framework in force at the end of that reception year."""
        return next((found for found in self.frameworks if found.holds_in(year)), None)


class Window(Rule):
    """The stretch of time in which the contacts must fall. All ends before the anchor.

    - ``any_months``: any stretch of ``months`` months;
    - ``last_months``: the ``months`` months before the anchor;
    - ``financial_year``: any one year from 1 April to 31 March;
    - ``whole_time``: all the time up to the anchor.
    """

    kind: Literal["any_months", "last_months", "financial_year", "whole_time"]
    months: PositiveInt | None = None

    @model_validator(mode="after")
    def _months_fit(self) -> Self:
        if self.kind.endswith("_months") != (self.months is not None):
            verb = "needs" if self.months is None else "takes no"
            raise ValueError(f"window {self.kind} {verb} months")
        return self


class SustainedContact(Named):
    """How much contact is sustained: a local choice, so a named definition with a version.

    ``attended_by``: whose attendance counts (the child's, a carer's, or that of any member of
    the child's family). ``activities``: kinds of contact that count, compared without regard to
    case, or ``all``. ``distinct_days``: several contacts on a day count once.
    ``minimum_spread_days``: days from first to last contact in the window. ``since_birth``:
    leave out what the family did before the child was born.
    """

    kind: Literal["sustained_contact"]
    minimum_contacts: PositiveInt
    window: Window
    distinct_days: bool
    attended_by: Literal["child", "carer", "family"]
    activities: tuple[str, ...] | Literal["all"] = "all"
    minimum_spread_days: Annotated[int, Field(ge=0)] = 0
    since_birth: bool = True
    examples: Annotated[tuple[ContactExample, ...], Field(min_length=1)]


Definition = GoodLevel | SustainedContact


class _Condition(Rule):
    """``family`` says when a family meets the condition, where families are counted."""

    family: Literal["any_child", "all_children"] = "any_child"


class EligibleForMeals(_Condition):
    """Free school meals, from periods of eligibility in ``sources``.

    ``on_census_day``: the third Thursday of January in the reception year;
    ``ever_in_reception_year``: any day from 1 September to 31 August. A child without any
    record in the sources is of unknown status.
    """

    kind: Literal["free_school_meals"]
    sources: Sources
    when: Literal["on_census_day", "ever_in_reception_year"]


class ReachedGoodLevel(_Condition):
    """A good level of development, from the results of the cohort's source."""

    kind: Literal["good_level_of_development"]
    definition: str


class HadSustainedContact(_Condition):
    """Sustained contact before an anchor date, from contacts in ``sources``.

    ``before``: the day from which the time counts back; that day itself is not in it.
    """

    kind: Literal["sustained_contact"]
    definition: str
    sources: Sources
    before: Literal["end_of_assessment", "start_of_reception_year", "fifth_birthday"]


Condition = Annotated[
    EligibleForMeals | ReachedGoodLevel | HadSustainedContact, Field(discriminator="kind")
]


class Cohort(Rule):
    """Children with results of the EYFS Profile in ``source``, by reception year.

    The reception year is the school year in which the child turns five, named by the year in
    which it ends. ``latest`` is the last one that has results.
    """

    source: str
    reception_year: PositiveInt | Literal["latest"] = "latest"


ExclusionReason = Literal[
    "meals_unknown", "results_incomplete", "results_disagree", "results_of_other_framework"
]


class Exclusion(Rule):
    """Leave out and count those for whom a condition is unknown for this reason.

    Unknown for a reason that no exclusion names counts as not meeting the condition.
    """

    because: ExclusionReason
    from_year: int | None = None
    until_year: int | None = None

    def applies_in(self, year: int) -> bool:
        """Whether it holds for the reception year that ends in ``year``."""
        return (self.from_year is None or self.from_year <= year) and (
            self.until_year is None or year <= self.until_year
        )


class MeasureSpec(Named):
    """One measure: the share of a cohort, or the gap between two parts of it.

    The denominator is every member of the cohort that meets all conditions named in
    ``denominator``; the numerator, those of them that meet all named in ``numerator``. With
    ``compare``, the result is the share among those who meet that condition less the share
    among those who do not, in percentage points. ``better`` says which direction is.
    """

    kind: Literal["measure"]
    better: Literal["higher", "lower", "neither"]
    definition: Sentences
    unit: Literal["child", "family"]
    cohort: Cohort
    conditions: dict[str, Condition]
    denominator: tuple[str, ...]
    numerator: Annotated[tuple[str, ...], Field(min_length=1)]
    compare: str | None = None
    exclusions: tuple[Exclusion, ...] = ()
    examples: Annotated[tuple[MeasureExample, ...], Field(min_length=1)]

    @classmethod
    def disagreements(cls, data: Any) -> Iterator[Mistake]:
        """Conditions that are used but not there, there but not used, or used twice."""
        return condition_mistakes(data)


@dataclass(frozen=True)
class Measure:
    """A measure with the definitions that its conditions name."""

    spec: MeasureSpec
    definitions: dict[str, Definition] = field(default_factory=dict)


RuleFile = MeasureSpec | GoodLevel | SustainedContact

_MODELS: dict[str, type[MeasureSpec] | type[GoodLevel] | type[SustainedContact]] = {
    "measure": MeasureSpec,
    "good_level_of_development": GoodLevel,
    "sustained_contact": SustainedContact,
}


@dataclass(frozen=True)
class MeasureRules:
    """All files of a directory: measures and definitions by name, and where each stands."""

    measures: dict[str, Measure]
    definitions: dict[str, Definition]
    files: dict[str, Path]


def load_measures(directory: Path) -> dict[str, Measure]:
    """Measures of a directory by name, in order of name.

    Raises RuleError with the problems of all its files at once.
    """
    return load_measure_rules(directory).measures


def load_measure_rules(directory: Path) -> MeasureRules:
    """Measures and definitions of a directory. Raises RuleError as :func:`load_measures`."""
    problems: list[RuleProblem] = []
    rules: dict[str, RuleFile] = {}
    files: dict[str, Path] = {}
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        problems.append(RuleProblem(directory, 1, "holds no .yaml file"))
    for path in paths:
        try:
            rule = _read(path)
        except RuleError as error:
            problems += error.problems
            continue
        if rule.name in rules:
            other = files[rule.name].name
            line = load_document(path)[1].line_of(("name",))
            problems.append(RuleProblem(path, line, f"name {rule.name!r} is taken by {other}"))
            continue
        rules[rule.name], files[rule.name] = rule, path
    problems += definition_mistakes(paths)
    if problems:
        raise RuleError(problems)
    definitions = {
        name: rule for name, rule in sorted(rules.items()) if not isinstance(rule, MeasureSpec)
    }
    measures = {
        name: Measure(rule, {used: definitions[used] for used in _named_definitions(rule)})
        for name, rule in sorted(rules.items())
        if isinstance(rule, MeasureSpec)
    }
    return MeasureRules(measures, definitions, files)


def _read(path: Path) -> RuleFile:
    data, positions = load_document(path)
    kind = data.get("kind") if isinstance(data, dict) else None
    model = _MODELS.get(str(kind))
    if model is None:
        line = positions.line_of(("kind",))
        raise RuleError([RuleProblem(path, line, f"kind must be one of {', '.join(_MODELS)}")])
    return parse_rules(model, path)


def _named_definitions(rule: MeasureSpec) -> Iterator[str]:
    for condition in rule.conditions.values():
        if not isinstance(condition, EligibleForMeals):
            yield condition.definition
