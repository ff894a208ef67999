"""Compute a measure: cohort, conditions, denominator, numerator.

``measure`` gives the result of one reception year; ``measure_range`` adds how far the possible
links could move it; ``measure_by_framework`` gives all years, kept apart at the breaks.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.crosswalks import Codes
from matcher.intervals import Proportion
from matcher.outcomes.cohort import Cohort, cohort_of, school_year, units, years_with_results
from matcher.outcomes.contact import had_sustained_contact
from matcher.outcomes.describe import condition_text, excludes, sentences, versions
from matcher.outcomes.development import good_level
from matcher.outcomes.inputs import MeasureInputs, People, activity, join_people
from matcher.outcomes.meals import eligible_for_meals
from matcher.outcomes.result import Conditions, Count, LinkRange, MeasureResult, Part
from matcher.outcomes.verdicts import NO, REASONS, UNKNOWN, YES, Verdicts, all_of
from matcher.rules.measures import (
    Condition,
    EligibleForMeals,
    Framework,
    GoodLevel,
    HadSustainedContact,
    Measure,
    MeasureSpec,
    ReachedGoodLevel,
    SustainedContact,
)


class _CannotComputeError(Exception):
    """Ends a computation that lacks something; its text is shown with the result."""


@dataclass(frozen=True)
class _Material:
    """What the conditions of one measure are evaluated on."""

    rule: Measure
    inputs: MeasureInputs
    people: People
    results: pd.DataFrame
    cohort: Cohort
    framework: Framework | None


def measure(rule: Measure, inputs: MeasureInputs) -> MeasureResult:
    """The result of a measure over one reception year.

    The year is that of the inputs, or else of the rule's cohort. Where an extract that it needs
    was not given, or nobody is in the cohort, the result says so in ``why_not``. Raises
    DataError when a frame lacks a column or a record stands twice.
    """
    try:
        return _result(_material(rule, inputs))
    except _CannotComputeError as reason:
        return replace(_empty(rule, inputs.reception_year), why_not=str(reason))


def measure_range(
    rule: Measure,
    inputs: MeasureInputs,
    crosswalk_refused: pd.DataFrame,
    crosswalk_accepted: pd.DataFrame,
) -> MeasureResult:
    """The result with possible links refused, and as ``range`` what accepting them would give.

    ``crosswalk_accepted`` comes from :func:`matcher.crosswalks.accept_possible_links`. The
    crosswalk in the inputs is not used.
    """
    refused = measure(rule, inputs.with_crosswalk(crosswalk_refused))
    if not refused.computed:
        return refused
    same_year = replace(inputs, reception_year=refused.reception_year)
    accepted = measure(rule, same_year.with_crosswalk(crosswalk_accepted))
    return replace(
        refused,
        range=LinkRange(
            refused=refused.value,
            accepted=accepted.value,
            accepted_numerator=accepted.numerator if accepted.computed else None,
            accepted_denominator=accepted.denominator if accepted.computed else None,
            accepted_unlinked=accepted.unlinked,
        ),
    )


def measure_by_framework(
    rule: Measure, inputs: MeasureInputs
) -> dict[str, tuple[MeasureResult, ...]]:
    """Results of every reception year with results, by framework of the EYFS Profile.

    Only years within one framework may be compared. Years that cannot be computed are left out.
    """
    people, results = _with_results(rule, inputs)
    by_framework: dict[str, tuple[MeasureResult, ...]] = {}
    for year in years_with_results(people, _records(results)):
        found = measure(rule, replace(inputs, reception_year=int(year)))
        if found.computed:
            name = found.framework or ""
            by_framework[name] = (*by_framework.get(name, ()), found)
    return by_framework


def measure_by_minimum_contacts(
    rule: Measure, inputs: MeasureInputs, minimums: tuple[int, ...]
) -> dict[int, MeasureResult]:
    """How the result moves with the number of contacts that counts as sustained."""
    found = {}
    for minimum in minimums:
        definitions = {
            name: definition.model_copy(update={"minimum_contacts": minimum})
            if isinstance(definition, SustainedContact)
            else definition
            for name, definition in rule.definitions.items()
        }
        found[minimum] = measure(replace(rule, definitions=definitions), inputs)
    return found


def _material(rule: Measure, inputs: MeasureInputs) -> _Material:
    source = rule.spec.cohort.source
    given = inputs.activities.get("eyfsp_results")
    people, results = None, given
    if given is not None and len(given):
        people, results = _with_results(rule, inputs)
    if people is None or results is None or results.empty:
        raise _CannotComputeError(f"no EYFS Profile results from {source} were given")
    for condition in rule.spec.conditions.values():
        _require_sources(condition, inputs, people)
    records = _records(results)
    year = inputs.reception_year or rule.spec.cohort.reception_year
    if year == "latest":
        years = years_with_results(people, records)
        if not len(years):
            raise _CannotComputeError("no child with results has a date of birth")
        year = int(years[-1])
    cohort = cohort_of(people, records, year)
    if not len(cohort):
        raise _CannotComputeError(f"no child with results was in reception in {school_year(year)}")
    return _Material(rule, inputs, people, results, cohort, _framework(rule, year))


def _with_results(rule: Measure, inputs: MeasureInputs) -> tuple[People, pd.DataFrame]:
    people = join_people(inputs)
    results = activity(inputs, people, "eyfsp_results", (rule.spec.cohort.source,))
    of_child = people.child[results["record"].to_numpy(dtype=np.int64)] >= 0
    return people, results[of_child]


def _records(results: pd.DataFrame) -> Codes:
    return np.unique(results["record"].to_numpy(dtype=np.int64))


def _require_sources(condition: Condition, inputs: MeasureInputs, people: People) -> None:
    if isinstance(condition, ReachedGoodLevel):
        return
    names = " or ".join(condition.sources)
    if not len(people.from_sources(condition.sources)):
        raise _CannotComputeError(f"no records from {names} were given")
    frame, what = (
        ("fsm_periods", "free school meals periods")
        if isinstance(condition, EligibleForMeals)
        else ("contacts", "contacts")
    )
    if activity(inputs, people, frame, condition.sources).empty:
        raise _CannotComputeError(f"no {what} from {names} were given")


def _framework(rule: Measure, year: int) -> Framework | None:
    for definition in rule.definitions.values():
        if isinstance(definition, GoodLevel):
            found = definition.framework_of(year)
            if found is None:
                raise _CannotComputeError(
                    f"{definition.name} has no framework for {school_year(year)}"
                )
            return found
    return None


def _verdicts(material: _Material, condition: Condition) -> Verdicts:
    people, cohort = material.people, material.cohort
    if isinstance(condition, EligibleForMeals):
        periods = activity(material.inputs, people, "fsm_periods", condition.sources)
        return eligible_for_meals(periods, people, cohort, condition)
    definition = material.rule.definitions[condition.definition]
    if isinstance(condition, HadSustainedContact) and isinstance(definition, SustainedContact):
        contacts = activity(material.inputs, people, "contacts", condition.sources)
        return had_sustained_contact(contacts, people, cohort, condition, definition)
    if isinstance(definition, GoodLevel) and material.framework is not None:
        records = material.results["record"].to_numpy(dtype=np.int64)
        member = cohort.positions(people.child[records])
        rows = material.results.assign(member=member)[member >= 0]
        return good_level(rows, len(cohort), material.framework, definition)
    raise TypeError(f"{condition.definition} cannot be evaluated as {condition.kind}")


def _result(material: _Material) -> MeasureResult:
    spec, cohort = material.rule.spec, material.cohort
    unit = units(material.people, cohort, spec.unit)
    count = int(unit.max()) + 1
    kept = frozenset(code for code in REASONS if excludes(material.rule, code, cohort.year))
    by_name = {
        name: _verdicts(material, condition)
        .unknown_as_no(kept)
        .by_unit(unit, every=condition.family == "all_children")
        for name, condition in spec.conditions.items()
    }
    eligible = all_of([by_name[name] for name in spec.denominator], count)
    met = all_of([by_name[name] for name in spec.numerator], count)
    side = by_name[spec.compare] if spec.compare else Verdicts.of(np.ones(count, dtype=bool))
    # Whoever is unknown in several ways is counted once, under the first.
    placed = all_of([_known(eligible), _known(met), _known(side)], count)
    candidates = ~eligible.is_(NO)
    inside = candidates & placed.is_(YES)
    unlinked, by_source, units_unlinked = _unlinked(material, unit, count)
    return replace(
        _empty(material.rule, cohort.year),
        cohort=len(cohort),
        framework=material.framework.name if material.framework else None,
        whole=_share(inside, met),
        compared=spec.compare is not None,
        parts=_parts(material.rule, eligible, met, side),
        excluded=_excluded(cohort, placed.reasons(candidates)),
        unlinked=unlinked,
        unlinked_by_source=by_source,
        unlinked_in_denominator=int((inside & units_unlinked).sum()),
    )


def _known(verdicts: Verdicts) -> Verdicts:
    """Yes where the verdict is yes or no, so that "all of" finds the first unknown."""
    status = np.where(verdicts.is_(UNKNOWN), UNKNOWN, YES).astype(np.int8)
    return Verdicts(status, verdicts.reason)


def _share(inside: npt.NDArray[np.bool_], met: Verdicts) -> Proportion:
    return Proportion(int((inside & met.is_(YES)).sum()), int(inside.sum()))


def _parts(rule: Measure, eligible: Verdicts, met: Verdicts, side: Verdicts) -> tuple[Part, ...]:
    """The sides of a comparison; those of unknown status only if there are any."""
    name = rule.spec.compare
    if name is None:
        return ()
    condition = rule.spec.conditions[name]
    inside = eligible.is_(YES) & ~met.is_(UNKNOWN)
    parts = [
        Part("yes", condition_text(condition, True), _share(inside & side.is_(YES), met)),
        Part("no", condition_text(condition, False), _share(inside & side.is_(NO), met)),
    ]
    unknown = _share(inside & side.is_(UNKNOWN), met)
    if unknown.denominator:
        parts.append(Part("unknown", "not known", unknown))
    return tuple(parts)


def _excluded(cohort: Cohort, reasons: dict[str, int]) -> tuple[Count, ...]:
    if cohort.without_birth:
        reasons = {"no_date_of_birth": cohort.without_birth, **reasons}
    return tuple(Count(code, REASONS[code], count) for code, count in reasons.items())


def _unlinked(
    material: _Material, unit: Codes, count: int
) -> tuple[int, tuple[Count, ...], npt.NDArray[np.bool_]]:
    """Children without a record in some source needed, by source, and units without any.

    The units are those none of whose children is linked to a source that the numerator needs.
    """
    spec, cohort = material.rule.spec, material.cohort
    anywhere = np.zeros(len(cohort), dtype=bool)
    units_unlinked = np.zeros(count, dtype=bool)
    by_source: dict[str, Count] = {}
    for name, condition in spec.conditions.items():
        if isinstance(condition, ReachedGoodLevel):
            continue
        linked = cohort.holds(material.people.children_in(condition.sources))
        anywhere |= ~linked
        sources = " or ".join(condition.sources)
        by_source[sources] = Count(sources, f"no record in {sources}", int((~linked).sum()))
        if name in spec.numerator:
            units_unlinked |= ~Verdicts.of(linked).by_unit(unit, every=False).is_(YES)
    return int(anywhere.sum()), tuple(by_source.values()), units_unlinked


def _empty(rule: Measure, year: int | None) -> MeasureResult:
    spec = rule.spec
    return MeasureResult(
        name=spec.name,
        version=spec.version,
        title=spec.title,
        better=spec.better,
        unit=spec.unit,
        definition=sentences(rule, year),
        definitions=versions(rule),
        conditions=_conditions(spec),
        reception_year=year,
        compared=spec.compare is not None,
    )


def _conditions(spec: MeasureSpec) -> Conditions:
    texts = {name: one.model_dump_json() for name, one in spec.conditions.items()}
    return Conditions(
        (f"cohort of {spec.cohort.source}", *(texts[name] for name in spec.denominator)),
        tuple(texts[name] for name in spec.numerator),
        None if spec.compare is None else texts[spec.compare],
    )
