"""What people corrected of a child by hand, as somebody may be told: what, who, when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from api.db.tables import in_utc
from api.services.access.policy import View
from api.services.register.corrections import corrections_of
from api.services.register.lookalikes import lookalikes
from api.services.register.shields import WHEREABOUTS


@dataclass(frozen=True, slots=True)
class ToldCorrection:
    """A correction of a golden ``field``, and its release if it was released.

    Where it ``waits``, no run has heeded it yet, or its release if it has one.
    """

    field: str
    by: str
    at: datetime
    why: str
    released_by: str | None
    released_at: datetime | None
    released_why: str | None
    waits: bool

    @property
    def holds(self) -> bool:
        """Whether it was not released."""
        return self.released_at is None


def told_corrections(
    connection: Connection, view: View, child: str, *, location_hidden: bool
) -> list[ToldCorrection]:
    """Corrections of a child's values that may be seen, oldest first."""
    rows = corrections_of(connection, child)
    if not rows:
        return []
    untold = lookalikes(connection, view).records
    hidden: Sequence[str] = WHEREABOUTS if location_hidden else ()
    return [
        ToldCorrection(
            field=row.field,
            by=row.by,
            at=in_utc(row.at),
            why=row.why,
            released_by=row.released_by,
            released_at=None if row.released_at is None else in_utc(row.released_at),
            released_why=row.released_why,
            waits=row.run is None,
        )
        for row in rows
        if row.record not in untold
        and row.field not in hidden
        and any(view.may_see(source, row.field) for source in view.sources)
    ]
