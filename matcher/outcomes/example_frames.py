"""The frames that the worked examples of measures stand for."""

from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from matcher.frames import ACTIVITY_COLUMNS
from matcher.outcomes.cohort import reception_year
from matcher.outcomes.inputs import MeasureInputs
from matcher.rules.measure_examples import (
    ExampleChild,
    ExampleContact,
    ExamplePeriod,
    MeasureExample,
)
from matcher.rules.measures import (
    EligibleForMeals,
    Framework,
    GoodLevel,
    HadSustainedContact,
    Measure,
)


def example_inputs(rule: Measure, example: MeasureExample) -> MeasureInputs:
    """The frames that an example stands for.

    A source that a child is not linked to still holds its periods and contacts, on a record
    of another child_id.
    """
    builder = _Builder(rule)
    for child in example.children:
        for _ in range(child.count):
            builder.add(child)
    builder.add_bystander()
    return builder.inputs(example.reception_year)


def scores(
    framework: Framework, everywhere: str | None, but: dict[str, str | None]
) -> list[tuple[str, str]]:
    """Goal and score of each goal: one score everywhere but where another is given, or none."""
    given = dict.fromkeys(framework.goals, everywhere) | but
    return [(goal, score) for goal, score in given.items() if score is not None]


class _Builder:
    """Collects the rows of the frames that an example stands for."""

    def __init__(self, rule: Measure) -> None:
        conditions = rule.spec.conditions.values()
        self.rule = rule
        self.meals = _sources(c for c in conditions if isinstance(c, EligibleForMeals))
        self.contact = _sources(c for c in conditions if isinstance(c, HadSustainedContact))
        self.frameworks = [d for d in rule.definitions.values() if isinstance(d, GoodLevel)]
        self.records: list[tuple[str, str, str, date, str | None]] = []
        self.crosswalk: list[tuple[str, str, str]] = []
        self.rows: dict[str, list[tuple[object, ...]]] = {
            "eyfsp_results": [],
            "fsm_periods": [],
            "contacts": [],
        }
        self.added = 0

    def add(self, child: ExampleChild) -> None:
        """A child of the cohort, in the cohort's source and all others of the measure."""
        self.added += 1
        source, number = self.rule.spec.cohort.source, f"{self.added}"
        self._record(source, number, "child", child, f"child {number}")
        for goal, score in self._scores_of(child):
            self.rows["eyfsp_results"].append((source, number, goal, score))
        for other in dict.fromkeys((*self.meals, *self.contact, *child.linked_to)):
            if other in child.linked_to:
                self._record(other, number, "child", child, f"child {number}")
            elif (other in self.meals and child.meals) or (
                other in self.contact and child.contacts
            ):
                self._record(other, number, "child", child, f"{other} {number}")
            else:
                continue
            self._activity(other, number, child)

    def add_bystander(self) -> None:
        """A child without results, with a period and a contact in every source."""
        day = date(2000, 1, 1)
        contact = ExampleContact(day=day)
        period = ExamplePeriod(start=day, end=day)
        child = ExampleChild(
            born=day, scores=None, linked_to=(), meals=(period,), contacts=(contact,)
        )
        for source in dict.fromkeys((*self.meals, *self.contact)):
            self._record(source, "bystander", "child", child, "bystander")
            self._activity(source, "bystander", child)

    def inputs(self, year: int | None) -> MeasureInputs:
        """The frames of everything added."""
        records = pd.DataFrame(
            self.records, columns=["source", "record_id", "role", "date_of_birth", "family_id"]
        )
        records["date_of_birth"] = pd.to_datetime(records["date_of_birth"])
        activities = {
            name: pd.DataFrame(rows, columns=list(ACTIVITY_COLUMNS[name]))
            for name, rows in self.rows.items()
        }
        for name, column in (
            ("fsm_periods", "start"),
            ("fsm_periods", "end"),
            ("contacts", "date"),
        ):
            activities[name][column] = pd.to_datetime(activities[name][column])
        return MeasureInputs(
            records=records,
            crosswalk=pd.DataFrame(self.crosswalk, columns=["source", "record_id", "child_id"]),
            activities=activities,
            reception_year=year,
        )

    def _scores_of(self, child: ExampleChild) -> list[tuple[str, str]]:
        year = int(reception_year(np.array([child.born], dtype="datetime64[D]"))[0])
        for definition in self.frameworks:
            framework = definition.framework_of(year)
            if framework is not None:
                return scores(framework, child.scores, child.but)
        return [(goal, score) for goal, score in child.but.items() if score is not None]

    def _record(
        self, source: str, number: str, role: str, child: ExampleChild, child_id: str | None
    ) -> None:
        family = None
        if source in self.contact:
            family = child.family or f"family of {number.split()[0]}"
        self.records.append((source, number, role, child.born, family))
        if child_id is not None:
            self.crosswalk.append((source, number, child_id))

    def _activity(self, source: str, number: str, child: ExampleChild) -> None:
        if source in self.meals:
            for period in child.meals:
                self.rows["fsm_periods"].append((source, number, period.start, period.end))
        if source not in self.contact:
            return
        members = {"child": number}
        for contact in child.contacts:
            if contact.by not in members:
                member = members[contact.by] = f"{number} {contact.by}"
                role = "carer" if contact.by == "carer" else "child"
                self._record(source, member, role, child, None)
            self.rows["contacts"].append(
                (source, members[contact.by], contact.day, None, contact.activity, contact.attended)
            )


def _sources(conditions: Iterable[EligibleForMeals | HadSustainedContact]) -> tuple[str, ...]:
    return tuple(source for condition in conditions for source in condition.sources)
