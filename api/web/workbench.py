"""Where somebody is in the matching workbench, as the address says it; nothing personal is in it.

The text that a list is filtered by is personal. It is in no address: the browser holds it,
sealed by a key made of the sign-in, so that it ends with that.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from api.rest.problems import Problem
from api.services.access.policy import View
from api.services.register.criteria import LOOKS_AT, Criterion
from api.services.register.searching import Sort, State
from api.web import sessions

LIST = "/matching"
DEFAULT = frozenset({Criterion.FORENAME_4, Criterion.SURNAME_4, Criterion.BORN})
# Says that the criteria are told, even if none is.
NONE = "none"

_FILTER = "matching-filter"
_SEAL = {"alg": "dir", "enc": "A256GCM"}


class Order(StrEnum):
    """Which end of a list comes first."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True)
class Workbench:
    """What is listed, how it is compared, and where in it somebody is.

    ``base`` is the base system, empty until one is chosen. ``after`` and ``before`` are
    record.id of where the page of the list begins or ends, ``record`` the one beside which
    others are looked at, ``system`` the one all of whose possible matches are wanted.
    """

    base: str = ""
    state: State = State.ALL
    criteria: frozenset[Criterion] = DEFAULT
    sort: Sort = Sort.SURNAME
    order: Order = Order.ASCENDING
    filtered: bool = False
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
        for name in ("state", "sort", "order", "after", "before", "record", "system"):
            value = getattr(self, name)
            if value != getattr(_FIRST, name):
                asked.append((name, value))
        if self.criteria != DEFAULT:
            asked += [("criteria", one) for one in Criterion if one in self.criteria]
            if not self.criteria:
                asked.append(("criteria", NONE))
        if self.filtered:
            asked.append(("filtered", 1))
        return f"{path}?{urlencode(asked)}" if asked else path

    def with_base(self, systems: Sequence[str]) -> "Workbench":
        """The same of one of the systems that may be seen, the first one if none is chosen.

        Raises Problem if it is none of them.
        """
        chosen = self.base or next(iter(systems), "")
        if chosen not in systems:
            raise Problem("not-found")
        return replace(self, base=chosen)


ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

_FIRST = Workbench()


def as_criteria(values: Iterable[str]) -> frozenset[Criterion]:
    """Those that are named; those ticked at first if nothing is said of any."""
    told = list(values)
    known = {str(one) for one in Criterion}
    return frozenset(Criterion(one) for one in told if one in known) if told else DEFAULT


def _asked(
    base: Annotated[str, Query(max_length=100)] = "",
    state: str = "",
    criteria: Annotated[list[str] | None, Query(max_length=20)] = None,
    sort: str = "",
    order: str = "",
    filtered: bool = False,
    after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    record: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    system: Annotated[str, Query(max_length=100)] = "",
) -> Workbench:
    return Workbench(
        base,
        _one_of(state, State.ALL),
        as_criteria(criteria or []),
        _one_of(sort, Sort.SURNAME),
        _one_of(order, Order.ASCENDING),
        filtered,
        after,
        before,
        record,
        system,
    )


def _one_of(value: str, usual: ChoiceT) -> ChoiceT:
    """The choice that an address names; the usual one for what is none, as for what is missing."""
    return type(usual)(value) if value in set(type(usual)) else usual


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


def keep_filter(request: Request, response: Response, values: Mapping[str, str]) -> None:
    """Let the browser hold what the list is filtered by; nothing lets it forget."""
    if not values:
        sessions.drop_cookie(request, response, _FILTER)
        return
    sealed = jwe.encrypt_compact(_SEAL, json.dumps(dict(values)).encode(), _key(request))
    sessions.set_cookie(request, response, _FILTER, sealed)


def kept_filter(request: Request) -> dict[str, str]:
    """What the list is filtered by; nothing if the browser holds nothing of this sign-in."""
    sealed = sessions.cookie(request, _FILTER)
    if sealed is None:
        return {}
    try:
        opened = jwe.decrypt_compact(sealed, _key(request), algorithms=list(_SEAL.values()))
        values: dict[str, str] = json.loads(opened.plaintext or b"{}")
    except (JoseError, ValueError):
        return {}
    return values


def _key(request: Request) -> OctKey:
    secret = sessions.sign_in_token(request) or ""
    derived = hmac.new(secret.encode("utf-8", "replace"), b"matching-filter", hashlib.sha256)
    return OctKey.import_key(derived.digest())
