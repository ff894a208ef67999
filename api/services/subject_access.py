"""All that is held of one child, for somebody who has the right to a copy of it.

What may not be seen for the purpose is left out and named; where a shielded child lives is
told to nobody who is not cleared. Relatives are other people, so nothing of them is in it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.db.models import ACTIVITY
from api.services.access.audit import note_act
from api.services.access.policy import View
from api.services.access.reading_logs import accesses_to
from api.services.register.changes import child_history
from api.services.register.history import Member, Standing, members_of
from api.services.register.journeys import journey_of
from api.services.register.values import values_now
from api.services.register.viewing import ShownChild, view_child, view_records
from api.services.register.why import Explained, why_child

# More than any child has of anything.
_ALL = 1_000_000


def everything_of(
    connection: Connection, aside: Connection, view: View, child_id: str
) -> dict[str, Any] | None:
    """What is held of a current child, to be written as JSON; None if there is none.

    Its values and where each comes from, its records and what they led to, its history, why
    its records are together with what people decided, and who looked at it.
    """
    child = view_child(connection, view, child_id)
    if child is None or child.standing.standing is not Standing.CURRENT:
        return None
    records = view_records(connection, view, child_id, limit=_ALL)
    return {
        "child_id": child_id,
        "purpose": view.purpose,
        "left_out": _left_out(connection, view, child),
        "values": {
            field: {"value": value, "source": source}
            for field, (value, source) in child.golden.items()
        },
        "records": [
            {
                "record": _key(one.key),
                "extract": one.extract,
                "as_of": one.as_of,
                "values": _filled(one.values),
            }
            for one in records
        ],
        "activity": _activity(connection, view, child_id),
        "history": _history(connection, view, child_id),
        "why_together": [_why(one) for one in why_child(connection, view, child_id, limit=_ALL)],
        "accesses": [
            {"at": one.at, "by": one.by, "purpose": one.purpose, "what": one.what}
            for one in accesses_to(
                aside, [child_id, *(f"record {one.key.record}" for one in records)]
            )
        ],
    }


def _activity(connection: Connection, view: View, child_id: str) -> list[dict[str, Any]]:
    found = journey_of(connection, view, child_id, limit=_ALL, kinds=tuple(ACTIVITY))
    return [
        {
            "kind": step.kind,
            "day": step.day,
            "record": _key(step.key),
            "values": _filled(step.values),
        }
        for step in found.steps
    ]


def _history(connection: Connection, view: View, child_id: str) -> list[dict[str, Any]]:
    return [
        _filled(
            {
                "what": one.kind,
                "at": one.when.at,
                "by": one.when.by,
                "run": one.run,
                "children": list(one.children),
                "record": f"{one.source}/{one.record_id}" if one.source else None,
                "fields": list(one.fields),
            }
        )
        for one in child_history(connection, view, child_id, limit=_ALL)
    ]


def note_subject_access(
    connection: Connection, child_id: str, *, by: str, now: datetime, purpose: str
) -> None:
    """Enter into the log of acts that a copy was made."""
    note_act(connection, "subject_access", f"child {child_id}", by=by, now=now, purpose=purpose)


def _left_out(connection: Connection, view: View, child: ShownChild) -> list[str]:
    members, _ = members_of(connection, child.standing.child_id)
    sources = sorted({one.source for one in members} - view.sources)
    left = [f"what {source} holds, which may not be seen for this purpose" for source in sources]
    said = values_now(connection, [one.record for one in members])
    withheld = {
        (field, one.source)
        for one in members
        for field in said.get(one.record, ())
        if one.source in view.sources and not view.may_see(one.source, field)
    }
    left += [
        f"{field} that {source} holds, which may not be seen for this purpose"
        for field, source in sorted(withheld)
    ]
    return left + (["where the child lives, which is hidden"] if child.location_hidden else [])


def _why(pair: Explained) -> dict[str, Any]:
    return {
        "records": [_key(pair.l), _key(pair.r)],
        "weight_in_bits": round(pair.weight, 2),
        "linked": pair.link,
        "reasons": [part.sentence for part in pair.parts if part.sentence],
        "decisions": [
            {"decision": said.kind, "by": said.by, "at": said.at, "why": said.why,
             "in_force": said.in_force}
            for said in pair.decisions
        ],
    }  # fmt: skip


def _key(member: Member) -> str:
    return f"{member.source}/{member.record_id}"


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [], "")}
