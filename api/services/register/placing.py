"""Records whose place is not compared, and when it is again.

A record that is put alone while a shield is on it, or that is like a shielded child's, may give
a guess at where that child lives. So linking reads it without its place, and nothing that comes
of it tells a right guess from a wrong one. Its place is compared again once an extract brings
the record, or with the next run after its shield is lifted.
"""

from typing import Any

import numpy as np
from sqlalchemy import Connection, Integer, Select, false, insert, literal, select, update

from api.db.among import among
from api.db.models import RecordVersion, Shield
from api.services.register.columns import Numbers, columns

_COPIED = [
    column.key
    for column in RecordVersion.__table__.columns
    if column.key not in ("id", "from_run", "to_run", "unplaced")
]


def waiting_places(connection: Connection) -> Numbers:
    """Records whose shield was lifted, so that their place is compared from the next run on."""
    return np.unique(columns(connection, _waiting(RecordVersion.record))[0])


def place_again(connection: Connection, run: int) -> Numbers:
    """Let these records say the same with their place, as of a run; which they are.

    After extracts are applied, since what these bring is placed already.
    """
    version, record = columns(connection, _waiting(RecordVersion.id, RecordVersion.record))
    if not len(version):
        return record
    mine = among(RecordVersion.id, version), RecordVersion.from_run < run
    again = (literal(run, Integer), false(), *(getattr(RecordVersion, name) for name in _COPIED))
    copied = select(*again).where(*mine)
    names = ["from_run", "unplaced", *_COPIED]
    connection.execute(insert(RecordVersion).from_select(names, copied))
    connection.execute(update(RecordVersion).where(*mine).values(to_run=run))
    # What the run has opened itself, of an extract that is taken back.
    opened = update(RecordVersion).where(mine[0], RecordVersion.from_run == run)
    connection.execute(opened.values(unplaced=False))
    return np.unique(record)


def _waiting(*what: Any) -> Select[Any]:
    lifted = select(Shield.record).where(Shield.lifted_at.is_not(None))
    on = select(Shield.record).where(Shield.lifted_at.is_(None))
    return select(*what).where(
        RecordVersion.to_run.is_(None),
        RecordVersion.unplaced,
        RecordVersion.record.in_(lifted),
        RecordVersion.record.not_in(on),
    )
