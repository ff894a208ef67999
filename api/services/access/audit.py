"""The log of acts: who did what to what. Written in the transaction of the act itself."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.db.models import Audit
from api.services.access import chain


def note_act(
    connection: Connection,
    action: str,
    about: str,
    *,
    by: str,
    now: datetime,
    purpose: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down what was done.

    ``about`` is a kind and a number, ``detail`` ids and counts; never a child's values.
    """
    entry = {
        "at": now,
        "by": by,
        "action": action,
        "about": about,
        "purpose": purpose,
        # As it will be read back, so that it is sealed as such.
        "detail": json.loads(json.dumps(dict(detail or {}))),
    }
    chain.append(connection, Audit, [entry])
