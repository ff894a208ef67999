"""What may be seen for a purpose: sources, their fields, and where shielded children live.

A source is seen for its agreement's purposes, from its start to its end. A field with
purposes of its own in any agreement, such as a UPN, is seen for these only, also of a source
whose agreement is silent on it, and only where its source is. A record id may be such a field
too, where it is a UPN: then it is told for these purposes only, and of that source alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from api.db.models import Agreement, Source
from api.services.access.caller import AccessError, Caller, PurposeError
from api.services.access.roles import Permission
from api.services.register.corrections import BY_HAND
from api.services.register.shields import LOCATION

_SOURCE_OF = "_source"
_ID = "record_id"


class Unnamed(str):
    """Stands for a record whose id may not be told, such as "record 9036".

    By its number in the register, which says nothing to anybody else.
    """

    __slots__ = ()


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
        may = ", ".join(sorted(caller.purposes)) or "none"
        raise PurposeError(f"this is not a purpose that you may act for; yours are: {may}")
    terms = tuple(terms)
    limits: dict[str, frozenset[str]] = {}
    ids: dict[str, frozenset[str]] = {}
    for one in terms:
        for field, own in one.fields.items():
            of, name = (ids, one.source) if field == _ID else (limits, field)
            of[name] = of.get(name, frozenset()) | own
    return View(
        purpose=purpose,
        limits=limits,
        ids=ids,
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

    ``limits`` are the purposes of fields that have their own in any agreement; ``ids`` those
    of record ids, by source, since what one source has for an id says nothing of another's.
    Where they are ``masked``, such ids are not shown, as if they might not be told.
    """

    purpose: str
    terms: tuple[Terms, ...]
    limits: Mapping[str, frozenset[str]]
    ids: Mapping[str, frozenset[str]]
    cleared: bool
    exports: bool
    masked: bool = False

    @property
    def masking_ids(self) -> "View":
        """The same for a screen, on which ids are hidden that are UPNs."""
        return replace(self, masked=True)

    @property
    def sources(self) -> frozenset[str]:
        """Sources of which anything may be seen."""
        return frozenset(one.source for one in self.terms)

    def may_see(self, source: str, field: str) -> bool:
        """Whether a field of a source may be seen; of a source that is not in view, none."""
        limit = self.ids.get(source) if field == _ID else self.limits.get(field)
        return any(
            one.source == source
            and self.purpose in one.fields.get(field, one.purposes if limit is None else limit)
            for one in self.terms
        )

    def usable(self, fields: Collection[str]) -> frozenset[str]:
        """Sources all of whose fields of these may be seen, so that they may be looked for."""
        return frozenset(
            one for one in self.sources if all(self.may_see(one, field) for field in fields)
        )

    def may_name(self, source: str) -> bool:
        """Whether it may be told by which ids a source knows its records."""
        return self.may_see(source, _ID)

    @property
    def named(self) -> frozenset[str]:
        """Sources whose record ids may be told."""
        return self.usable([_ID])

    def shown_id(self, source: str, record_id: str, record: int) -> str:
        """A record's id; `Unnamed`, by record.id, where it may not be told or is masked."""
        return record_id if self.shows_ids(source) else Unnamed(f"record {record}")

    def shows_ids(self, source: str) -> bool:
        """Whether ids of the source may be told and are not masked."""
        return self.may_name(source) and not (self.masked and source in self.ids)

    def require_named(self, source: str) -> None:
        """Raises AccessError if no record of the source may be asked for by its id."""
        self.require_source(source)
        if not self.may_name(source):
            raise AccessError("a record id of this source may not be used for this purpose")

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

        One that a person set by hand is of no source: it is seen as `may_correct` says. What
        is no value with a source, such as ``child_id``, stays.
        """
        hidden = LOCATION if self.hides_location(shielded) else ()
        result = dict(golden)
        for field in [name for name in golden if f"{name}{_SOURCE_OF}" in golden]:
            source = golden[f"{field}{_SOURCE_OF}"]
            if field in hidden or not self._may_see_golden(source, field):
                result[field] = result[f"{field}{_SOURCE_OF}"] = None
        return result

    def may_correct(self, field: str) -> bool:
        """Whether a golden value that a person set by hand may be seen, and so be set.

        For the purposes that its field has anywhere, or any if it has none.
        """
        return bool(self.terms) and self.purpose in self.limits.get(field, {self.purpose})

    def may_export(self, source: str) -> bool:
        """Whether what this source holds may be exported."""
        return self.exports and source in self.sources

    def columns_of(self, source: str, columns: Collection[str]) -> list[str]:
        """Those of these columns that may be seen, in their order."""
        return [name for name in columns if self.may_see(source, name)]

    def _may_see_golden(self, source: Any, field: str) -> bool:
        if source == BY_HAND:
            return self.may_correct(field)
        return source is not None and self.may_see(source, field)
