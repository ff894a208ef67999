"""What a search asks of a record, value by value: the criteria of Oldham's screen, as conditions.

Ticked criteria must all hold, but one that swaps is another way for the same values to
agree: with the first four letters of both names and `NAMES_SWAPPED`, either the names agree
as they stand or they agree crosswise. A value without a criterion must agree in full.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from api.db.models import Record, SearchEntry, Source
from api.db.search import LONGEST_NAME
from api.services.register.weighing import is_day
from matcher.errors import DataError
from matcher.rules.library import LinkageRules
from matcher.standardise import standardise_record

Condition = ColumnElement[bool]


class Criterion(StrEnum):
    """A way in which a record may agree with what is looked for."""

    FORENAME_4 = "forename4"
    SURNAME_4 = "surname4"
    NAMES_SWAPPED = "names_swapped"
    BORN = "dob"
    BORN_SWAPPED = "dob_day_month_swapped"
    POSTCODE = "postcode"
    ADDRESS_5 = "address5"


# What each criterion looks at, by standardised column.
LOOKS_AT: Mapping[Criterion, tuple[str, ...]] = {
    Criterion.FORENAME_4: ("forename",),
    Criterion.SURNAME_4: ("surname",),
    Criterion.NAMES_SWAPPED: ("forename", "surname"),
    Criterion.BORN: ("date_of_birth",),
    Criterion.BORN_SWAPPED: ("date_of_birth_swapped",),
    Criterion.POSTCODE: ("postcode",),
    Criterion.ADDRESS_5: ("address_5",),
}
OF_PLACES = frozenset({Criterion.POSTCODE, Criterion.ADDRESS_5})

# What can be looked for, by columns of RECORDS.
LOOKED_FOR = (
    "forename", "surname", "date_of_birth", "postcode", "address", "nhs_number", "upn", "record_id",
)  # fmt: skip
_PLACES = ("postcode", "address")
_LETTERS = 4
# Comes after any character that a name could go on with.
_BEYOND = "\U0010ffff"


class SaysNothingError(DataError):
    """A value says nothing that could be found; ``column`` is what it is of."""

    def __init__(self, column: str) -> None:
        self.column = column
        super().__init__(f"{column}: this says nothing that a child could be found by")


class LacksValueError(DataError):
    """A criterion compares what is not given; ``criterion`` is which."""

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        super().__init__(f"{criterion}: give the value that this compares")


@dataclass(frozen=True, slots=True)
class Asked:
    """Conditions on `SearchEntry`, and whether any of them is about a place."""

    conditions: tuple[Condition, ...]
    of_places: bool


def asked_by(
    rules: LinkageRules, values: Mapping[str, str], criteria: Collection[Criterion]
) -> Asked:
    """What a search for values asks.

    ``values`` are of the columns in `LOOKED_FOR`, as written; a date is YYYY-MM-DD, and of an
    address the first five characters count. Raises SaysNothingError if a value says nothing that
    could be found, and LacksValueError if a criterion lacks its value; they name the column only.
    """
    given = {name: value for name, value in values.items() if value}
    if not given.keys() <= set(LOOKED_FOR):
        raise DataError(f"no such value to search by; there are {', '.join(LOOKED_FOR)}")
    said = standardise_record(_checked(given), rules.names, rules.values)
    for name in given:
        if name != "record_id" and not said.get("address_5" if name == "address" else name):
            raise SaysNothingError(name)
    for one in criteria:
        if not all(said.get(name) for name in LOOKS_AT[one]):
            if one is Criterion.BORN_SWAPPED and "date_of_birth" in said:
                continue  # a day beyond the twelfth is no month
            raise LacksValueError(one)
    found = conditions(said, criteria, in_full=True)
    for name in ("nhs_number", "upn"):
        if name in given:
            found.append(getattr(SearchEntry, name) == said[name])
    if "record_id" in given:
        found.append(SearchEntry.record.in_(_with_id(given["record_id"])))
    return Asked(tuple(found), any(name in given for name in _PLACES))


def _checked(given: Mapping[str, str]) -> Mapping[str, str]:
    if "date_of_birth" in given and not is_day(given["date_of_birth"]):
        raise DataError("date_of_birth must be a day as YYYY-MM-DD")
    return given


def _with_id(record_id: str) -> Any:
    """Records of any source that have an id; each source is asked, since ids lead by source."""
    return select(Record.id).where(
        Record.source.in_(select(Source.number)), Record.record_id == record_id
    )


def conditions(
    said: Mapping[str, str], criteria: Collection[Criterion], *, in_full: bool = False
) -> list[Condition]:
    """That a record agrees by all of the criteria with standardised values.

    Values that a criterion lacks are empty or left out; it then asks nothing. ``in_full``
    asks for names, date, postcode and start of the address without a criterion as well.
    """
    found = [_names(said, criteria, in_full), _born(said, criteria, in_full)]
    for name, criterion in (("postcode", Criterion.POSTCODE), ("address_5", Criterion.ADDRESS_5)):
        if said.get(name) and (in_full or criterion in criteria):
            found.append(getattr(SearchEntry, name) == said[name])
    return [one for one in found if one is not None]


def _names(
    said: Mapping[str, str], criteria: Collection[Criterion], in_full: bool
) -> Condition | None:
    straight = []
    for name, criterion in (
        ("forename", Criterion.FORENAME_4),
        ("surname", Criterion.SURNAME_4),
    ):
        column = getattr(SearchEntry, name)
        if said.get(name) and criterion in criteria:
            alike = _begins(column, said[name])
        elif said.get(name) and in_full and Criterion.NAMES_SWAPPED not in criteria:
            alike = column == said[name][:LONGEST_NAME]
        else:
            continue
        if name == "forename" and said[name] == said.get("name_prefix"):
            # Nothing but a prefix: the names that begin with it are kept without it.
            alike = or_(alike, SearchEntry.name_prefix == said[name])
        straight.append(alike)
    ways = [and_(*straight)] if straight else []
    if Criterion.NAMES_SWAPPED in criteria and said.get("forename") and said.get("surname"):
        ways.append(
            and_(
                _begins(SearchEntry.surname, said["forename"]),
                _begins(SearchEntry.forename, said["surname"]),
            )
        )
    return or_(*ways) if ways else None


def _born(
    said: Mapping[str, str], criteria: Collection[Criterion], in_full: bool
) -> Condition | None:
    swapping = Criterion.BORN_SWAPPED in criteria
    days = []
    if Criterion.BORN in criteria or (in_full and not swapping):
        days.append(said.get("date_of_birth"))
    if swapping:
        days.append(said.get("date_of_birth_swapped"))
    known = [day for day in days if day]
    if known:
        return SearchEntry.date_of_birth.in_(known)
    return false() if swapping and said.get("date_of_birth") else None


def _begins(column: InstrumentedAttribute[str], name: str) -> Condition:
    """The same first four letters; a shorter name is the same only if it is the whole name."""
    if len(name) < _LETTERS:
        return column == name
    start = name[:_LETTERS]
    return and_(column >= start, column < start + _BEYOND)
