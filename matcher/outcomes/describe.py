"""The choices that a measure makes, as sentences made from its rules.

They are made, not written, so that they cannot differ from what was computed.
"""

from matcher.outcomes.verdicts import REASONS
from matcher.rules.measures import (
    Condition,
    Definition,
    EligibleForMeals,
    ExclusionReason,
    Framework,
    GoodLevel,
    HadSustainedContact,
    Measure,
    SustainedContact,
    Window,
)

_ANCHORS = {
    "end_of_assessment": "30 June of the reception year, when EYFS Profile results are due",
    "start_of_reception_year": "1 September at the start of the reception year",
    "fifth_birthday": "the child's fifth birthday",
}
_WHOSE = {
    "child": "attended by the child",
    "carer": "attended by a carer of the child's family",
    "family": "attended by any member of the child's family",
}


def sentences(measure: Measure, year: int | None) -> tuple[str, ...]:
    """The rule's own sentences, then one for each choice; ``year`` is the reception year's."""
    spec = measure.spec
    lines = [*spec.definition]
    for condition in spec.conditions.values():
        for sentence in _condition(condition, measure.definitions, year):
            if spec.unit == "family":
                which = "any" if condition.family == "any_child" else "each"
                sentence = f"{sentence[:-1]}; of a family, {which} of its children in the cohort."
            lines.append(sentence)
    reasons = _possible_reasons(measure)
    left_out = [REASONS[reason] for reason in reasons if excludes(measure, reason, year)]
    as_no = [REASONS[reason] for reason in reasons if not excludes(measure, reason, year)]
    if left_out:
        lines.append(f"Left out and counted: {'; '.join(left_out)}.")
    if as_no:
        lines.append(f"Counted as not meeting the condition: {'; '.join(as_no)}.")
    return tuple(lines)


def excludes(measure: Measure, reason: str, year: int | None) -> bool:
    """Whether the rule leaves out those who are unknown for this reason."""
    return any(
        exclusion.because == reason and (year is None or exclusion.applies_in(year))
        for exclusion in measure.spec.exclusions
    )


def versions(measure: Measure) -> tuple[str, ...]:
    """The definitions used, such as "sustained_contact version 1"."""
    return tuple(f"{name} version {used.version}" for name, used in measure.definitions.items())


def condition_text(condition: Condition, met: bool) -> str:
    """What to call those who meet a condition, or do not."""
    if isinstance(condition, EligibleForMeals):
        return "eligible for free school meals" if met else "not eligible for free school meals"
    if isinstance(condition, HadSustainedContact):
        return "with sustained contact" if met else "without sustained contact"
    return "at a good level of development" if met else "not at a good level of development"


def _possible_reasons(measure: Measure) -> tuple[ExclusionReason, ...]:
    kinds = {condition.kind for condition in measure.spec.conditions.values()}
    reasons: list[ExclusionReason] = []
    if "free_school_meals" in kinds:
        reasons.append("meals_unknown")
    if "good_level_of_development" in kinds:
        reasons += ["results_incomplete", "results_disagree", "results_of_other_framework"]
    return tuple(reasons)


def _condition(
    condition: Condition, definitions: dict[str, Definition], year: int | None
) -> list[str]:
    if isinstance(condition, EligibleForMeals):
        days = (
            "on the spring census day, the third Thursday of January"
            if condition.when == "on_census_day"
            else "on any day of the reception year"
        )
        return [f"Free school meals: eligible {days}, by {_or(condition.sources)}."]
    definition = definitions[condition.definition]
    if isinstance(definition, GoodLevel):
        framework = None if year is None else definition.framework_of(year)
        return [] if framework is None else [_framework(framework)]
    if isinstance(condition, HadSustainedContact):
        return _contact(definition, condition)
    return []


def _framework(framework: Framework) -> str:
    count = len(framework.each_of or framework.goals)
    text = f"at least {framework.each_at_least} in each of {count} goals"
    if framework.total_at_least is not None:
        text += f" and {framework.total_at_least} points over {len(framework.goals)}"
    return f"Good level of development: {text} (framework {framework.name})."


def _contact(definition: SustainedContact, condition: HadSustainedContact) -> list[str]:
    days = " on different days" if definition.distinct_days else ""
    spread = definition.minimum_spread_days
    apart = f", the first and last at least {spread} days apart" if spread else ""
    activities = (
        "any activity" if definition.activities == "all" else ", ".join(definition.activities)
    )
    since = "since the child's birth and " if definition.since_birth else ""
    return [
        f"Sustained contact: at least {definition.minimum_contacts} contacts{days}"
        f" {_window(definition.window)}{apart}, {_WHOSE[definition.attended_by]},"
        f" at {activities}, by {_or(condition.sources)},"
        f" {since}before {_ANCHORS[condition.before]}."
    ]


def _window(window: Window) -> str:
    return {
        "any_months": f"within any {window.months} months",
        "last_months": f"in the last {window.months} months",
        "financial_year": "within one financial year (from 1 April)",
        "whole_time": "in the whole time",
    }[window.kind]


def _or(sources: tuple[str, ...]) -> str:
    return " or ".join(sources)
