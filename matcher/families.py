"""Whether records show families: brothers and sisters at one address.

Twins are a few in a hundred of the pairs of brothers and sisters of any population. Pairs
who look like twins far beyond that are one person written twice, in records that hold one
person of each household or invented ones.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.table import Codes, Table

Numbers = npt.NDArray[np.integer]

# About 1.5% of births are twins, and children have one or two brothers and sisters: of a
# hundred pairs of them at most about four are twins, more where few are of one age group.
TWINS_PER_SIBLINGS = 0.04
# Fewer pairs than this that look like twins say nothing.
_FEWEST = 5.0
# Where fewer records than this have a home, families cannot be seen.
_HOMES_KNOWN = 0.1
# Nine in ten children of one register are born within so many years.
_CHILDHOOD = 25

FAMILY_COLUMNS = frozenset(
    {"surname", "address", "postcode", "forename_initial", "birth_year", "date_of_birth"}
)


def twins_explained(table: Table) -> float:
    """Share (0 to 1) of pairs looking like twins that may be twins, given the siblings seen.

    Both share a surname and a home and have forenames with other initials; siblings have
    another year of birth, twins the same date. 1 where too few pairs look like twins, 0 where
    homes are not known.
    """
    codes = {name: table.columns[name].codes for name in sorted(FAMILY_COLUMNS)}
    if np.mean((codes["address"] >= 0) | (codes["postcode"] >= 0)) < _HOMES_KNOWN:
        return 0.0
    shares = [_explained(codes, home) for home in ("address", "postcode")]
    return min(shares)


def are_children(table: Table) -> bool:
    """Whether the records may be of children only: births are not spread over generations."""
    births = table.columns["birth_year"]
    years = births.values[births.codes[births.codes >= 0]].astype(np.int64)  # noqa: PD011
    if not len(years):
        return True
    early, late = np.percentile(years, [5, 95])
    return bool(late - early <= _CHILDHOOD)


def _explained(codes: dict[str, Codes], home: str) -> float:
    needed = ("surname", home, "forename_initial", "birth_year", "date_of_birth")
    known = np.logical_and.reduce([codes[name] >= 0 for name in needed])
    surname, place, initial, year, birthday = (codes[name][known] for name in needed)
    family = _groups(surname, place)
    of_day, of_year = _groups(family, birthday), _groups(family, year)
    twins = _pairs(of_day) - _pairs(_groups(of_day, initial))
    siblings = _pairs(family) - _pairs(_groups(family, initial))
    siblings -= _pairs(of_year) - _pairs(_groups(of_year, initial))
    if twins < _FEWEST:
        return 1.0
    return float(min(1.0, TWINS_PER_SIBLINGS * siblings / twins))


def _groups(one: Numbers, other: Codes) -> Numbers:
    """Numbers from 0 of the distinct combinations of two columns, none of them missing."""
    key = one.astype(np.int64) * (int(other.max(initial=0)) + 1) + other
    return pd.factorize(key)[0].astype(np.int64)


def _pairs(group: Numbers) -> float:
    """Number of pairs of records that are of one group."""
    count = np.bincount(group).astype(np.float64)
    return float((count * (count - 1) / 2).sum())
