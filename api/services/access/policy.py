"""What may be seen for a purpose: sources, their fields, and where shielded children live.

A source is seen for its agreement's purposes, from its start to its end. A field with
purposes of its own, such as a UPN, is seen for these only, and only where its source is.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from api.db.models import Agreement, Source
from api.services.access.caller import AccessError, Caller, PurposeError
from api.services.access.roles import Permission
from api.services.register.corrections import BY_HAND
from api.services.register.shields import LOCATION

_SOURCE_OF = "_source"


@dataclass(frozen=True, slots=True)
class Terms:
    """What one agreement says of a source; ``fields`` have purposes of their own."""

    source: str
    purposes: frozenset[str]
    fields: Mapping[str, frozenset[str]]
    starts: date | None = None
    ends: date | None = None

    def in_force(self, today: date) -> bool:
        """Whether it holds on that day; its last day is one."""
        return (self.starts or today) <= today <= (self.ends or today)


def read_terms(connection: Connection) -> tuple[Terms, ...]:
    """The agreements of all sources, in one query."""
    query = (
        select(Source.name, Agreement.purposes, Agreement.starts, Agreement.ends)
        .join(Agreement, Agreement.source == Source.number)
        .order_by(Source.name, Agreement.id)
    )
    return tuple(
        Terms(
            source=row.name,
            purposes=frozenset(row.purposes.get("purposes", ())),
            fields={name: frozenset(may) for name, may in row.purposes.get("fields", {}).items()},
            starts=row.starts,
            ends=row.ends,
        )
        for row in connection.execute(query)
    )


def known_purposes(terms: Iterable[Terms]) -> list[str]:
    """Every purpose that something may be used for."""
    found: set[str] = set()
    for one in terms:
        found |= one.purposes.union(*one.fields.values())
    return sorted(found)


def view_of(terms: Iterable[Terms], caller: Caller, today: date) -> "View":
    """What the caller may see now. Raises PurposeError without a purpose that it may act for."""
    purpose = caller.purpose
    if purpose is None:
        may = ", ".join(sorted(caller.purposes)) or "none"
        raise PurposeError(f"say for which purpose; yours are: {may}")
    if purpose not in caller.purposes:
        raise PurposeError("this is not a purpose that you may act for")
    terms = tuple(terms)
    limits: dict[str, frozenset[str]] = {}
    for one in terms:
        for field, own in one.fields.items():
            limits[field] = limits.get(field, frozenset()) | own
    return View(
        purpose=purpose,
        limits=limits,
        terms=tuple(
            one
            for one in terms
            if one.in_force(today)
            and purpose in one.purposes
            and (caller.sources is None or one.source in caller.sources)
        ),
        cleared=caller.cleared,
        exports=caller.may(Permission.EXPORT),
    )


@dataclass(frozen=True, slots=True)
class View:
    """What somebody may see for a purpose; ``terms`` are those that let them.

    ``limits`` are the purposes of fields that have their own in any agreement.
    """

    purpose: str
    terms: tuple[Terms, ...]
    limits: Mapping[str, frozenset[str]]
    cleared: bool
    exports: bool

    @property
    def sources(self) -> frozenset[str]:
        """Sources of which anything may be seen."""
        return frozenset(one.source for one in self.terms)

    def may_see(self, source: str, field: str) -> bool:
        """Whether a field of a source may be seen; of a source that is not in view, none."""
        return any(
            one.source == source and self.purpose in one.fields.get(field, one.purposes)
            for one in self.terms
        )

    def require_source(self, source: str) -> None:
        """Raises AccessError if nothing of the source may be seen."""
        if source not in self.sources:
            raise AccessError("this source may not be seen for this purpose")

    def hides_location(self, shielded: bool) -> bool:
        """Whether it must not be told where a child lives who is ``shielded``, or is not."""
        return shielded and not self.cleared

    def of_values(
        self, source: str, values: Mapping[str, Any], *, shielded: bool
    ) -> dict[str, Any]:
        """What may be seen of a record's or an activity's values; the rest is left out."""
        hidden = LOCATION if self.hides_location(shielded) else ()
        return {
            name: value
            for name, value in values.items()
            if name not in hidden and self.may_see(source, name)
        }

    def of_golden(self, golden: Mapping[str, Any], *, shielded: bool) -> dict[str, Any]:
        """Golden values with their ``_source``; both are None where they may not be seen.

        One that a person set by hand is of no source: it is seen for the purposes that its
        field has anywhere, or any if it has none. What is no value with a source, such as
        ``child_id``, stays.
        """
        hidden = LOCATION if self.hides_location(shielded) else ()
        result = dict(golden)
        for field in [name for name in golden if f"{name}{_SOURCE_OF}" in golden]:
            source = golden[f"{field}{_SOURCE_OF}"]
            if field in hidden or not self._may_see_golden(source, field):
                result[field] = result[f"{field}{_SOURCE_OF}"] = None
        return result

    def may_export(self, source: str) -> bool:
        """Whether what this source holds may be exported."""
        return self.exports and source in self.sources

    def columns_of(self, source: str, columns: Collection[str]) -> list[str]:
        """Those of these columns that may be seen, in their order."""
        return [name for name in columns if self.may_see(source, name)]

    def _may_see_golden(self, source: Any, field: str) -> bool:
        if source == BY_HAND:
            return bool(self.terms) and self.purpose in self.limits.get(field, {self.purpose})
        return source is not None and self.may_see(source, field)
