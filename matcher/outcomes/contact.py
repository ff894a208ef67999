"""Sustained contact with children's centre services before an anchor date."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.crosswalks import Codes
from matcher.outcomes.cohort import Cohort, Days, family_members
from matcher.outcomes.inputs import People
from matcher.outcomes.verdicts import Verdicts
from matcher.rules.measures import HadSustainedContact, SustainedContact, Window

ASSESSMENT_ENDS = (6, 30)
"""Month and day by which results of the EYFS Profile are due, in the reception year."""


def had_sustained_contact(
    contacts: pd.DataFrame,
    people: People,
    cohort: Cohort,
    rule: HadSustainedContact,
    definition: SustainedContact,
) -> Verdicts:
    """Whether each member of the cohort had sustained contact before the rule's anchor.

    contacts: columns record (position in people), date, activity, attended. Nothing is
    unknown: a child that no contact is linked to had none; the measure counts it as not linked.
    """
    rows = contacts_of_members(contacts, people, cohort, rule.sources, definition.attended_by)
    before = anchors(cohort.born, cohort.year, rule.before)
    return Verdicts.of(sustained(rows, cohort.born, before, definition))


def anchors(born: Days, year: int, anchor: str) -> Days:
    """The day before which contacts count, for each child.

    ``end_of_assessment`` is 30 June of the reception year, ``start_of_reception_year`` the 1
    September before. A fifth birthday on 29 February falls on 1 March in a common year.
    """
    if anchor == "fifth_birthday":
        month = born.astype("datetime64[M]")
        within = born - month.astype("datetime64[D]")
        return np.asarray((month + 60).astype("datetime64[D]") + within)
    if anchor == "start_of_reception_year":
        day = np.datetime64(f"{year - 1}-09-01")
    else:
        day = np.datetime64(f"{year}-{ASSESSMENT_ENDS[0]:02}-{ASSESSMENT_ENDS[1]:02}")
    return np.full(len(born), day, dtype="datetime64[D]")


def contacts_of_members(
    contacts: pd.DataFrame,
    people: People,
    cohort: Cohort,
    sources: tuple[str, ...],
    attended_by: str,
) -> pd.DataFrame:
    """The contacts that count for each member: columns member, date, activity, attended.

    A carer's or sibling's contact counts for the members that share its source and family_id,
    once for each.
    """
    record = contacts["record"].to_numpy(dtype=np.int64)
    own = pd.DataFrame({"row": np.arange(len(contacts)), "member": -1})
    own["member"] = cohort.positions(people.child[record])
    own = own[own["member"] >= 0]
    if attended_by != "child":
        member, family = family_members(people, cohort, people.from_sources(sources))
        families = pd.DataFrame({"member": member, "family": family})
        rows = pd.DataFrame({"row": np.arange(len(contacts)), "family": people.family[record]})
        if attended_by == "carer":
            rows = rows[people.child[record] < 0]
            own = own.iloc[:0]
        shared = rows.merge(families, on="family")[["row", "member"]]
        own = pd.concat([own, shared]).drop_duplicates()
    chosen = contacts.iloc[own["row"].to_numpy(dtype=np.int64)]
    columns = chosen[["date", "activity", "attended"]].reset_index(drop=True)
    return columns.assign(member=own["member"].to_numpy(dtype=np.int64))


def sustained(
    rows: pd.DataFrame, born: Days, before: Days, definition: SustainedContact
) -> npt.NDArray[np.bool_]:
    """Whether the contacts of each member reach the definition.

    rows: columns member (a position in born and before), date, activity, attended. For each
    contact, look at all that follow within its window: if they are enough and spread enough,
    contact is sustained. No other stretch can do better than one that begins with a contact.
    """
    member, day = _counting(rows, born, before, definition)
    order = np.lexsort((day, member))
    member, day = member[order], day[order]
    end = np.minimum(_window_ends(day, definition.window), before[member])
    width = 10**6
    place = member * width + _number(day)
    first = np.arange(len(day))
    after = np.searchsorted(place, member * width + _number(end), side="left")
    enough = after - first >= definition.minimum_contacts
    last = day[np.maximum(after - 1, 0)] if len(day) else day
    spread = (last - day).astype(np.int64) >= definition.minimum_spread_days
    result = np.zeros(len(born), dtype=bool)
    result[member[enough & spread]] = True
    return result


def _counting(
    rows: pd.DataFrame, born: Days, before: Days, definition: SustainedContact
) -> tuple[Codes, Days]:
    """Member and day of the contacts that may count at all."""
    counts = rows["attended"].fillna(False).astype(bool) & rows["date"].notna()
    if definition.activities != "all":
        wanted = {name.casefold() for name in definition.activities}
        counts &= rows["activity"].astype(str).str.casefold().isin(wanted)
    rows = rows[counts]
    member = rows["member"].to_numpy(dtype=np.int64)
    day = rows["date"].to_numpy().astype("datetime64[D]")
    earliest = np.full(len(born), np.datetime64("0001-01-01"), dtype="datetime64[D]")
    if definition.since_birth:
        earliest = born
    if definition.window.kind == "last_months":
        earliest = np.maximum(earliest, add_months(before, -(definition.window.months or 0)))
    inside = (day >= earliest[member]) & (day < before[member])
    member, day = member[inside], day[inside]
    if definition.distinct_days:
        once = ~pd.DataFrame({"member": member, "day": day}).duplicated().to_numpy()
        member, day = member[once], day[once]
    return member, day


def _window_ends(day: Days, window: Window) -> Days:
    """First day after the window that begins with each contact."""
    if window.kind == "any_months":
        return add_months(day, window.months or 0)
    if window.kind == "financial_year":
        since_april = day.astype("datetime64[M]") - 3
        april = since_april.astype("datetime64[Y]").astype("datetime64[M]") + 15
        ends: Days = april.astype("datetime64[D]")
        return ends
    return np.full(len(day), np.datetime64("9999-01-01"), dtype="datetime64[D]")


def add_months(day: Days, months: int) -> Days:
    """The same day of a later or earlier month, or that month's last day if it is shorter."""
    month = day.astype("datetime64[M]")
    within = day - month.astype("datetime64[D]")
    target = month + months
    last = (target + 1).astype("datetime64[D]") - 1
    return np.asarray(np.minimum(target.astype("datetime64[D]") + within, last))


def _number(day: Days) -> Codes:
    return day.astype(np.int64)
