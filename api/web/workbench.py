"""Where somebody is in the matching workbench, as the address says it; nothing personal is in it.

The text that a list is filtered by is personal. An address only has the number of the terms
that the browser holds.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request

from api.rest.problems import Problem
from api.services.access.policy import View
from api.services.register.criteria import LOOKS_AT, Criterion
from api.services.register.searching import Sort
from api.services.register.states import State
from api.web.pages import passed_over

LIST = "/matching"
DEFAULT = frozenset({Criterion.FORENAME_4, Criterion.SURNAME_4, Criterion.BORN})
# Says that the criteria are told, even if none is.
NONE = "none"


class Order(StrEnum):
    """Which end of a list comes first."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True)
class Workbench:
    """What is listed, how it is compared, and where in it somebody is.

    ``base`` is the base system, empty until one is chosen. ``filter`` is the number of the terms
    that the list is filtered by, empty without any. ``after`` and ``before`` are
    record.id of where the page of the list begins or ends, ``record`` the one beside which
    others are looked at, ``system`` the one all of whose possible matches are wanted.
    """

    base: str = ""
    state: State = State.ALL
    criteria: frozenset[Criterion] = DEFAULT
    sort: Sort = Sort.SURNAME
    order: Order = Order.ASCENDING
    filter: str = ""
    after: int | None = None
    before: int | None = None
    record: int | None = None
    system: str = ""

    def to_list(self, **changes: Any) -> str:
        """The address of the list; from its beginning if anything else changes."""
        if changes:
            changes = {"after": None, "before": None, **changes}
        return replace(self, record=None, system="", **changes).address(LIST)

    def to_record(self, record: int, **changes: Any) -> str:
        """The address of a record's page."""
        bench = replace(self, record=None, **{"system": "", **changes})
        return bench.address(f"{LIST}/records/{record}")

    def to_pair(self, record: int, other: int, rest: str = "") -> str:
        """The address of two records side by side, or of what can be done there."""
        pair = f"{min(record, other)}-{max(record, other)}"
        return replace(self, record=record, system="").address(f"{LIST}/pairs/{pair}{rest}")

    def address(self, path: str) -> str:
        """A path with all that is not as it is at first."""
        asked: list[tuple[str, object]] = [("base", self.base)] if self.base else []
        for name in ("state", "sort", "order", "filter", "after", "before", "record", "system"):
            value = getattr(self, name)
            if value != getattr(_FIRST, name):
                asked.append((name, value))
        if self.criteria != DEFAULT:
            asked += [("criteria", one) for one in Criterion if one in self.criteria]
            if not self.criteria:
                asked.append(("criteria", NONE))
        return f"{path}?{urlencode(asked)}" if asked else path

    def with_base(self, systems: Sequence[str]) -> "Workbench":
        """The same of one of the systems that may be seen, the first one if none is chosen.

        Raises Problem if it is none of them.
        """
        chosen = self.base or next(iter(systems), "")
        if chosen not in systems:
            raise Problem("not-found")
        return replace(self, base=chosen)


ReadT = TypeVar("ReadT")
SaidT = TypeVar("SaidT")

_FIRST = Workbench()


def as_criteria(values: Iterable[str]) -> frozenset[Criterion]:
    """Those that are named; those ticked at first if nothing is said of any.

    Raises Problem if there is none of a name.
    """
    told = {one for one in values if one}
    if told - {NONE, *map(str, Criterion)}:
        raise Problem("not-found")
    return frozenset(Criterion(one) for one in told - {NONE}) if told else DEFAULT


def _asked(
    request: Request,
    base: Annotated[str, Query(max_length=100)] = "",
    state: str = "",
    criteria: Annotated[list[str] | None, Query(max_length=20)] = None,
    sort: str = "",
    order: str = "",
    filter: Annotated[str, Query(max_length=32)] = "",
    after: str = "",
    before: str = "",
    record: str = "",
    system: Annotated[str, Query(max_length=100)] = "",
) -> Workbench:
    """What an address says. Whatever of it is no such choice or place is as if it were missing,
    and told on the page.
    """
    return Workbench(
        base,
        _read(request, "state", state, State, State.ALL),
        _read(request, "criteria", criteria, as_criteria, DEFAULT),
        _read(request, "sort", sort, Sort, Sort.SURNAME),
        _read(request, "order", order, Order, Order.ASCENDING),
        filter,
        _read(request, "after", after, _place, None),
        _read(request, "before", before, _place, None),
        _read(request, "record", record, _place, None),
        system,
    )


def _read(
    request: Request,
    name: str,
    value: SaidT | None,
    reader: Callable[[SaidT], ReadT],
    usual: ReadT,
) -> ReadT:
    if not value:
        return usual
    try:
        return reader(value)
    except (ValueError, Problem):
        passed_over(request).add(name)
        return usual


def _place(value: str) -> int:
    """The record.id that an address names. Raises ValueError for what cannot be one."""
    number = int(value) if re.fullmatch("[0-9]{1,19}", value) else -1
    if not 0 <= number < 2**63:
        raise ValueError
    return number


Asked = Annotated[Workbench, Depends(_asked)]


def usable(view: View, source: str, criteria: Iterable[Criterion]) -> frozenset[Criterion]:
    """Criteria all of whose values may be seen of a system."""
    return frozenset(
        one for one in criteria if all(view.may_see(source, field) for field in fields_of(one))
    )


def fields_of(criterion: Criterion) -> list[str]:
    """What a criterion compares, by columns of RECORDS."""
    made = {"date_of_birth_swapped": "date_of_birth", "address_5": "address"}
    return [made.get(column, column) for column in LOOKS_AT[criterion]]
