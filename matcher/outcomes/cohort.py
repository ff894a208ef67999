"""Who is counted: children with results, by reception year, and their families."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.crosswalks import Codes, join_codes
from matcher.outcomes.inputs import People

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Cohort:
    """The children of one reception year that have results, in order of their code.

    ``children`` are codes as in People, ``born`` their dates of birth (datetime64[D]). ``year``
    is that in which the reception year ends. ``without_birth`` counts children with results
    but without a date of birth in any record, who belong to no year.
    """

    year: int
    children: Codes
    born: Days
    without_birth: int

    def __len__(self) -> int:
        return len(self.children)

    def positions(self, children: Codes) -> Codes:
        """Position of each child code in the cohort, -1 if it is not in it."""
        return pd.Index(self.children).get_indexer(pd.Index(children)).astype(np.int64)

    def holds(self, children: Codes) -> npt.NDArray[np.bool_]:
        """For each member, whether it is among the child codes."""
        return np.isin(self.children, children)


def reception_year(born: Days) -> Codes:
    """Year in which the reception year of each child ends.

    A child starts reception in the school year, 1 September to 31 August, in which it turns
    five: born from 1 September 2012 to 31 August 2013 gives 2018.
    """
    months = born.astype("datetime64[M]").astype(np.int64)
    year, month = 1970 + months // 12, months % 12 + 1
    return np.asarray(year + 5 + (month >= 9), dtype=np.int64)


def school_year(year: int) -> str:
    """A reception year, which is named by the year in which it ends, by both: 2018 is "2017/18"."""
    return f"{year - 1}/{year % 100:02}"


def years_with_results(people: People, with_results: Codes) -> Codes:
    """Reception years of the children that have results, ascending.

    ``with_results`` are the positions of the records that do.
    """
    _, born = _births(people, with_results)
    return np.unique(reception_year(born[~np.isnat(born)]))


def cohort_of(people: People, with_results: Codes, year: int) -> Cohort:
    """The cohort of the reception year that ends in ``year``."""
    children, born = _births(people, with_results)
    missing = np.isnat(born)
    inside = ~missing
    inside[inside] = reception_year(born[inside]) == year
    return Cohort(year, children[inside], born[inside], int(missing.sum()))


def units(people: People, cohort: Cohort, unit: str) -> Codes:
    """Number of the unit, a child or a family, of each member of the cohort.

    Children of the cohort that share a family_id in any source are one family; a child
    without any is a family of its own.
    """
    if unit == "child":
        return np.arange(len(cohort))
    member, family = family_members(people, cohort, np.arange(len(people.keys)))
    codes, families = pd.factorize(family)
    return join_codes(len(cohort) + len(families), member, len(cohort) + codes)[: len(cohort)]


def family_members(people: People, cohort: Cohort, records: Codes) -> tuple[Codes, Codes]:
    """Which families each member belongs to by those records: positions, family codes."""
    member = cohort.positions(people.child[records])
    family = people.family[records]
    pairs = pd.DataFrame({"member": member, "family": family})
    pairs = pairs[(pairs["member"] >= 0) & (pairs["family"] >= 0)].drop_duplicates()
    return pairs["member"].to_numpy(), pairs["family"].to_numpy()


def _births(people: People, with_results: Codes) -> tuple[Codes, Days]:
    """Children that have results, by code, and their date of birth.

    Where a child's records differ: the date in those with results before that in others, then
    the more frequent, then the earlier. NaT if no record has one.
    """
    children = np.unique(people.child[with_results])
    own = np.zeros(len(people.keys), dtype=bool)
    own[with_results] = True
    table = pd.DataFrame(
        {"child": people.child, "other": ~own, "born": people.born.to_numpy(), "rows": 1}
    )
    table = table[table["child"].isin(children) & table["born"].notna()]
    counted = table.groupby(["child", "other", "born"])["rows"].sum().reset_index()
    best = counted.sort_values(
        ["child", "other", "rows", "born"], ascending=[True, True, False, True]
    ).drop_duplicates("child")
    born = best.set_index("child")["born"].reindex(children)
    return children, born.to_numpy().astype("datetime64[D]")
