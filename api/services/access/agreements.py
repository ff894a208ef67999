"""The agreements of sources: what each may be used for, on which basis, from when until when.

The first one comes from the source's definition. Stewards add others and set their days;
what an agreement says otherwise is never changed, so that it stays known what was agreed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from api.db.models import Agreement, Source
from api.services.access.audit import note_act
from api.services.rules import RuleBook
from api.services.text import written
from matcher.errors import MatcherError
from matcher.frames import ACTIVITY_COLUMNS, RECORD_COLUMNS

# Fields of a record or an activity that may have purposes of their own.
FIELDS = frozenset(RECORD_COLUMNS).union(*ACTIVITY_COLUMNS.values()) - {"source"}


class AgreementError(MatcherError):
    """An agreement cannot be so. ``field`` is what is wrong: basis, purposes, fields or ends."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Agreed:
    """One agreement. ``state`` on the day that was asked for: to_come, in_force or ended.

    ``lawful_basis`` is empty where nobody has stated it: of a source that no rules define.
    """

    id: int
    lawful_basis: str
    purposes: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    starts: date | None
    ends: date | None
    state: str


@dataclass(frozen=True, slots=True)
class AgreedSource:
    """A source with all its agreements, the oldest first."""

    number: int
    name: str
    title: str
    agreements: tuple[Agreed, ...]

    @property
    def unstated(self) -> Agreed | None:
        """An agreement that lets it be seen, though nobody has stated the lawful basis."""
        return next(
            (one for one in self.agreements if one.state == "in_force" and not one.lawful_basis),
            None,
        )

    @property
    def is_open(self) -> bool:
        """Whether any agreement lets it be seen."""
        return any(one.state == "in_force" for one in self.agreements)


def agreed_sources(
    connection: Connection, today: date, *, only: int | None = None
) -> list[AgreedSource]:
    """All sources, or the one of this number, by name."""
    query = select(Source.__table__).order_by(Source.name)
    terms = select(Agreement.__table__).order_by(Agreement.id)
    if only is not None:
        query = query.where(Source.number == only)
        terms = terms.where(Agreement.source == only)
    found: dict[int, list[Agreed]] = {}
    for row in connection.execute(terms):
        found.setdefault(row.source, []).append(_agreed(row, today))
    return [
        AgreedSource(row.number, row.name, row.title, tuple(found.get(row.number, ())))
        for row in connection.execute(query)
    ]


def add_agreement(
    connection: Connection,
    source: int,
    *,
    lawful_basis: str,
    purposes: Collection[str],
    fields: Mapping[str, Collection[str]],
    starts: date | None,
    ends: date | None,
    by: str,
    now: datetime,
) -> int:
    """Enter what was agreed besides for a source; agreement.id.

    ``fields`` may be used for their own purposes only. Raises AgreementError.
    """
    if not lawful_basis.strip():
        raise AgreementError("basis", "say on which lawful basis the source may be used")
    try:
        written(lawful_basis)
    except ValueError as error:
        raise AgreementError("basis", str(error)) from None
    if not purposes:
        raise AgreementError("purposes", "name a purpose that the source may be used for")
    for field, own in fields.items():
        _check_field(field, own, purposes)
    _check_days(starts, ends)
    row = {
        "source": source,
        "lawful_basis": lawful_basis.strip(),
        "purposes": {
            "purposes": sorted(purposes),
            "fields": {name: sorted(own) for name, own in fields.items()},
        },
        "starts": starts,
        "ends": ends,
    }
    same = connection.execute(select(Agreement.__table__).where(Agreement.source == source)).all()
    for one in same:
        if all(getattr(one, name) == value for name, value in row.items()):
            raise AgreementError("basis", f"agreement {one.id} says the same; change something")
    number: int = connection.execute(
        insert(Agreement).values(row).returning(Agreement.id)
    ).scalar_one()
    detail = {**row, **_written(starts, ends)}
    note_act(connection, "agreement_added", f"agreement {number}", by=by, now=now, detail=detail)
    return number


def unchanged_agreements(connection: Connection, before: RuleBook, after: RuleBook) -> list[str]:
    """Sources whose definitions say of their use what they did not, by name.

    The agreements that the register has do not change with them: they are to be changed
    themselves, if that is what was meant.
    """
    names = connection.scalars(select(Source.name).order_by(Source.name))
    return [name for name in names if _terms_of(before, name) != _terms_of(after, name)]


def _terms_of(book: RuleBook, source: str) -> tuple[Any, ...]:
    one = book.definition(source)
    return one.lawful_basis, one.purposes, one.field_purposes, one.agreement_ends


def set_days(
    connection: Connection,
    agreement: int,
    *,
    starts: date | None,
    ends: date | None,
    by: str,
    now: datetime,
) -> None:
    """Set an agreement's first and last day; none is always. Raises AgreementError."""
    _check_days(starts, ends)
    where = Agreement.id == agreement
    before = connection.execute(select(Agreement.starts, Agreement.ends).where(where)).one()
    connection.execute(update(Agreement).where(where).values(starts=starts, ends=ends))
    detail = {"from": _written(before.starts, before.ends), "to": _written(starts, ends)}
    note_act(connection, "agreement_days_set", f"agreement {agreement}", by=by, now=now,
             detail=detail)  # fmt: skip


def _check_field(field: str, own: Collection[str], purposes: Collection[str]) -> None:
    if field not in FIELDS:
        raise AgreementError("fields", "name fields as the columns reference has them")
    if not own:
        raise AgreementError("fields", f"name the purposes of {field}")
    if not set(own) <= set(purposes):
        raise AgreementError("fields", f"{field} has a purpose that the source does not have")


def _check_days(starts: date | None, ends: date | None) -> None:
    if starts and ends and ends < starts:
        raise AgreementError("ends", "the last day must not be before the first")


def _written(starts: date | None, ends: date | None) -> dict[str, str | None]:
    return {
        "starts": starts.isoformat() if starts else None,
        "ends": ends.isoformat() if ends else None,
    }


def _agreed(row: Row[Any], today: date) -> Agreed:
    state = "in_force"
    if row.ends and row.ends < today:
        state = "ended"
    elif row.starts and row.starts > today:
        state = "to_come"
    return Agreed(
        id=row.id,
        lawful_basis=row.lawful_basis,
        purposes=tuple(row.purposes.get("purposes", ())),
        fields={name: tuple(may) for name, may in row.purposes.get("fields", {}).items()},
        starts=row.starts,
        ends=row.ends,
        state=state,
    )
