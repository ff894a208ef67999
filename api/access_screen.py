"""What the command line shows of people, keys and logs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.db.tables import in_utc
from api.services.access.keys import NewKey
from api.services.access.reading_logs import LogEntry, Verified

_OUT = Console(highlight=False)


def show_people(people: Sequence[Mapping[str, Any]]) -> None:
    """Everybody, a row each."""
    table = _table("name", "roles", "purposes", "cleared", "last sign-in", "state")
    for person in people:
        table.add_row(
            person["name"],
            _listed(person["roles"]),
            _listed(person["purposes"]),
            "yes" if person["cleared"] else "no",
            _moment(person["last_sign_in"]),
            _state_of_person(person),
        )
    _OUT.print(table if people else "Nobody may sign in yet. Add one with: matcher users add")


def show_keys(keys: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Every key, a row each."""
    table = _table("name", "key", "roles", "purposes", "sources", "expires", "state")
    for key in keys:
        table.add_row(
            key["name"],
            f"mk_{key['prefix']}_...",
            _listed(key["roles"]),
            _listed(key["purposes"]),
            "all" if key["sources"] is None else _listed(key["sources"]),
            _moment(key["expires_at"]),
            _state_of_key(key, now),
        )
    _OUT.print(table if keys else "There is no key yet. Make one with: matcher keys create")


def show_key(made: NewKey) -> None:
    """A key's secret, this once."""
    print(f"This key is shown once. Keep it where the system keeps its secrets:\n  {made.key}")
    print(f"It works until {made.expires_at:%Y-%m-%d}.")


def show_verified(verified: Verified) -> None:
    """How far each log is good."""
    for name, head in verified.heads.items():
        print(f"{name}:{head}")
    for fault in verified.broken:
        print(f"The log {fault.log} is not as it was written: entry {fault.entry}: {fault.why}")
    if not verified.broken:
        print(
            "Both logs are as they were written, up to the entries above. Keep these lines\n"
            "elsewhere: only with them (--head) can it be told later that nothing was cut off."
        )


def show_entries(entries: Sequence[LogEntry]) -> None:
    """Acts and accesses, a row each."""
    table = _table("at", "by", "purpose", "what", "about", "status")
    for entry in entries:
        table.add_row(
            _moment(entry.at),
            escape(entry.by),
            entry.purpose or "",
            escape(entry.what),
            _abridged(entry.about),
            str(entry.status or ""),
        )
    _OUT.print(table if entries else "There are no such entries.")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _abridged(ids: Sequence[str], shown: int = 3) -> str:
    more = f" and {len(ids) - shown:,} more" if len(ids) > shown else ""
    return escape(", ".join(ids[:shown]) + more)


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{in_utc(at):%Y-%m-%d %H:%M}"


def _state_of_person(person: Mapping[str, Any]) -> str:
    if not person["active"]:
        return "ended"
    return "active" if person["has_password"] or person["issuer"] else "invited"


def _state_of_key(key: Mapping[str, Any], now: datetime) -> str:
    if key["revoked_at"] is not None:
        return "ended"
    if in_utc(key["expires_at"]) <= now:
        return "expired"
    return "replaced" if key["replaced_by"] is not None else "active"
