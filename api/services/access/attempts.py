"""Failed sign-ins under a name, and how long the next attempt must wait."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from api.db.engine import is_sqlite, writing
from api.db.models import SignInFailure
from api.db.tables import in_utc
from api.services.access.caller import LockedError
from api.services.access.tokens import hash_of

# So many are free; each further one locks the name for twice as long as the one before.
FREE = 5
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(minutes=15)
# After so long without another one, failures are forgotten.
FORGOTTEN = timedelta(hours=1)


def attempt(aside: Engine, name: str, *, now: datetime) -> None:
    """Count an attempt as failed until it has succeeded. Raises LockedError.

    Counted beforehand, so that many at once are no way around it.
    """
    key = SignInFailure.name_hash == hash_of(name)
    dialect = sqlite if is_sqlite(aside) else postgresql
    with writing(aside) as connection:
        first = {"name_hash": hash_of(name), "failures": 0, "last_at": now}
        entry = dialect.insert(SignInFailure).values(first).on_conflict_do_nothing()
        connection.execute(entry)
        query = select(SignInFailure.failures, SignInFailure.last_at).where(key).with_for_update()
        found = connection.execute(query).one()
        since = now - in_utc(found.last_at)
        failures = found.failures if since < FORGOTTEN else 0
        wait = _lock_after(failures) - since
        if wait > timedelta(0):
            raise _locked(wait)
        values = {"failures": failures + 1, "last_at": now}
        connection.execute(update(SignInFailure).where(key).values(values))


def succeeded(aside: Engine, name: str) -> None:
    """Forget the failures under a name."""
    with writing(aside) as connection:
        connection.execute(delete(SignInFailure).where(SignInFailure.name_hash == hash_of(name)))


def _lock_after(failures: int) -> timedelta:
    over = failures - FREE
    return timedelta(0) if over < 0 else min(FIRST_LOCK * 2 ** min(over, 10), LONGEST_LOCK)


def _locked(wait: timedelta) -> LockedError:
    seconds = max(1, round(wait.total_seconds()))
    told = f"{seconds} seconds" if seconds < 100 else f"{round(seconds / 60)} minutes"
    return LockedError(
        f"too many sign-ins under this name have failed; try again in {told}", seconds
    )
