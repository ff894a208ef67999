"""What the state of an extract allows, and each step that a person or a policy takes.

received → validated → accepted → current → superseded; refused before it is accepted,
superseded if a later one is accepted first, withdrawn at any time. `check_can_x` says why a
step is not possible, `can_x` whether.

A current extract that is withdrawn stays in effect until the next run undoes it, for only
a run changes the register. It must be the latest of its source, since what came later was
compared with it; so must one that waits to be linked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, and_, or_, select, update

from api.db.models import Extract, ExtractState, Source
from api.services.access.audit import note_act
from api.services.extracts.dates import in_force
from api.services.extracts.files import drop_file
from api.services.text import either, reason
from matcher.errors import MatcherError

_LOCAL = ZoneInfo("Europe/London")
# An earlier day is a slip: no system's extract is as old as that.
_FIRST_DAY = date(1990, 1, 1)
# Accepted ones are applied by date, and of one date as they were let in.
_IN_TURN = (Extract.as_of, Extract.decided_at, Extract.id)
WAITING = (ExtractState.RECEIVED, ExtractState.VALIDATED, ExtractState.ACCEPTED)


class StateError(MatcherError):
    """An extract is not in a state that allows the step."""


class DayAheadError(StateError):
    """What a system held on a day to come cannot be known; nor was one asked so long ago."""


def extract_row(connection: Connection, extract: int) -> Row[Any]:
    """The extract's row, without its file. Raises StateError if there is none."""
    table = Extract.__table__
    found = connection.execute(select(table).where(table.c.id == extract)).one_or_none()
    if found is None:
        raise StateError(f"there is no extract {extract}")
    return found


def require(connection: Connection, extract: int, *states: ExtractState) -> Row[Any]:
    """The extract's row, if it is in one of these states. Raises StateError."""
    row = extract_row(connection, extract)
    if row.state not in states:
        wanted = either(states)
        raise StateError(f"extract {extract} is {row.state}; it would have to be {wanted}")
    return row


def check_can_accept(connection: Connection, extract: int) -> None:
    """Only what was validated can be accepted. Raises StateError."""
    row = require(connection, extract, ExtractState.VALIDATED)
    check_date(connection, source=row.source, as_of=row.as_of)


def check_can_refuse(connection: Connection, extract: int) -> None:
    """Only what was not accepted yet can be refused. Raises StateError."""
    require(connection, extract, ExtractState.RECEIVED, ExtractState.VALIDATED)


def check_can_withdraw(connection: Connection, extract: int) -> None:
    """What no person or policy let in yet can be withdrawn, and the latest of those let in.

    Raises StateError.
    """
    row = require(connection, extract, *WAITING, ExtractState.CURRENT)
    if row.state in (ExtractState.ACCEPTED, ExtractState.CURRENT) and _let_in_later(
        connection, row
    ):
        raise StateError(
            f"extract {extract} is not the latest of its source; withdraw the later ones first"
        )


def can_accept(connection: Connection, extract: int) -> bool:
    """Whether the extract can be accepted now."""
    return _passes(check_can_accept, connection, extract)


def can_refuse(connection: Connection, extract: int) -> bool:
    """Whether the extract can be refused now."""
    return _passes(check_can_refuse, connection, extract)


def can_withdraw(connection: Connection, extract: int) -> bool:
    """Whether the extract can be withdrawn now."""
    return _passes(check_can_withdraw, connection, extract)


def accept(
    connection: Connection, extract: int, *, by: str, now: datetime, by_rule: bool = False
) -> None:
    """Let the next run link the extract. Older ones of its source that wait are superseded.

    ``by_rule`` says that nobody decided it: the loading rules did, after ``by`` had it checked.
    """
    check_can_accept(connection, extract)
    _decide(connection, extract, ExtractState.ACCEPTED, by=by, now=now, by_rule=by_rule)
    row = extract_row(connection, extract)
    older = select(Extract.id).where(
        Extract.source == row.source,
        Extract.state == ExtractState.VALIDATED,
        Extract.as_of < row.as_of,
    )
    for number in connection.scalars(older.order_by(Extract.id)).all():
        pass_over(connection, number, by=by, now=now)


def pass_over(connection: Connection, extract: int, *, by: str, now: datetime) -> None:
    """Let an extract be that cannot be accepted any more, as a later one was before it."""
    _decide(connection, extract, ExtractState.SUPERSEDED, by=by, now=now, by_rule=True)
    drop_file(connection, extract)


def refuse(connection: Connection, extract: int, *, by: str, now: datetime, why: str) -> None:
    """Have nothing to do with the extract; its file is dropped."""
    hold_extract(connection, extract)
    check_can_refuse(connection, extract)
    _check_reason(why)
    _decide(connection, extract, ExtractState.REFUSED, by=by, now=now, refusal=why)
    drop_file(connection, extract)


def withdraw(connection: Connection, extract: int, *, by: str, now: datetime, why: str) -> None:
    """Take the extract back; what it did, if it was current, is undone by the next run."""
    hold_extract(connection, extract)
    check_can_withdraw(connection, extract)
    _check_reason(why)
    _decide(connection, extract, ExtractState.WITHDRAWN, by=by, now=now, withdrawal=why)
    drop_file(connection, extract)


def _check_reason(why: str) -> None:
    try:
        reason(why)
    except ValueError as error:
        raise StateError(str(error)) from None


def is_ahead(day: date, now: datetime) -> bool:
    """Whether a day has not begun yet, by clocks in England."""
    return day > now.astimezone(_LOCAL).date()


def check_exported_on(as_of: date, now: datetime) -> None:
    """A system was exported neither on a day to come nor before 1990. Raises DayAheadError."""
    if as_of < _FIRST_DAY:
        raise DayAheadError(
            f"the as-of date {written_day(as_of)} is before {written_day(_FIRST_DAY)}; give the "
            "date on which the system was exported"
        )
    if is_ahead(as_of, now):
        raise DayAheadError(
            f"the as-of date {written_day(as_of)} is in the future; give the date on which the "
            "system was exported"
        )


def check_date(connection: Connection, *, source: int, as_of: date) -> None:
    """No extract may be older than what is current by the time it is. Raises StateError."""
    newest = max(
        will_be_current(connection, source), key=lambda row: (row.as_of, row.id), default=None
    )
    if newest is not None and as_of < newest.as_of:
        again = newest.state == ExtractState.SUPERSEDED
        stands = "will be current again" if again else f"is {newest.state}"
        raise StateError(
            f"the as-of date {written_day(as_of)} is older than that of extract {newest.id}, "
            f"which {stands}, {written_day(newest.as_of)}; give the date on which the "
            "system was exported"
        )


def written_day(day: date) -> str:
    """As messages name it: 1 September 2024."""
    return f"{day.day} {day:%B %Y}"


@dataclass(frozen=True, slots=True)
class Due:
    """Something that the next run must do: apply an extract, or undo a withdrawn one."""

    extract: int
    source: int
    mode: str
    as_of: date
    undo: bool


def extracts_due(connection: Connection) -> list[Due]:
    """What the next runs must do, in this order; each source once per run at most.

    Withdrawn extracts are undone first, the latest first; then accepted ones are applied,
    the oldest first.
    """
    columns = (Extract.id, Extract.source, Extract.mode, Extract.as_of)
    withdrawn = connection.execute(
        select(*columns)
        .where(Extract.state == ExtractState.WITHDRAWN, in_force())
        .order_by(Extract.run.desc(), Extract.id.desc())
    )
    accepted = connection.execute(
        select(*columns).where(Extract.state == ExtractState.ACCEPTED).order_by(*_IN_TURN)
    )
    return [Due(*row, undo=True) for row in withdrawn] + [Due(*row, undo=False) for row in accepted]


def will_be_current(connection: Connection, source: int) -> list[Row[Any]]:
    """Extracts (id, mode, as_of, state) that are current once all that is due of it is done."""
    query: Any = (
        select(Extract.id, Extract.mode, Extract.as_of, Extract.state)
        .where(
            Extract.source == source,
            or_(
                and_(in_force(), Extract.state != ExtractState.WITHDRAWN),
                Extract.state == ExtractState.ACCEPTED,
            ),
        )
        .order_by(Extract.run.is_(None), Extract.run, *_IN_TURN)
    )
    found = list(connection.execute(query).all())
    since = max((at for at, row in enumerate(found) if row.mode == "snapshot"), default=0)
    return found[since:]


def hold_source(connection: Connection, source: int) -> None:
    """Wait until nobody else compares an extract of the source, or lets one in or takes it back."""
    held = select(Source.number).where(Source.number == source)
    connection.execute(held.with_for_update(key_share=True))


def hold_extract(connection: Connection, extract: int) -> None:
    """Wait until nobody else judges an extract of the same source, or decides on it.

    What is read of it afterwards holds until the transaction ends; what was read before may not.
    Raises StateError if there is no such extract.
    """
    hold_source(connection, extract_row(connection, extract).source)


def _let_in_later(connection: Connection, row: Row[Any]) -> bool:
    of_source = will_be_current(connection, row.source)
    return bool(of_source) and of_source[-1].id != row.id


def _passes(check: Callable[[Connection, int], None], connection: Connection, extract: int) -> bool:
    try:
        check(connection, extract)
    except StateError:
        return False
    return True


def _decide(
    connection: Connection,
    extract: int,
    state: ExtractState,
    *,
    by: str,
    now: datetime,
    refusal: str | None = None,
    withdrawal: str | None = None,
    by_rule: bool = False,
) -> None:
    """Record the step, who took it and when; of what the rules decided, nobody did."""
    decided_by = None if by_rule else by
    connection.execute(
        update(Extract)
        .where(Extract.id == extract)
        .values(
            state=state,
            decided_by=decided_by,
            decided_at=now,
            refusal=refusal,
            withdrawal=withdrawal,
        )
    )
    how = "_by_rule" if by_rule else ""
    note(connection, extract, f"extract_{state}{how}", by=by, now=now)


def note(
    connection: Connection,
    extract: int,
    action: str,
    *,
    by: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write to the audit log what was done with an extract."""
    note_act(connection, action, f"extract {extract}", by=by, now=now, detail=detail)
