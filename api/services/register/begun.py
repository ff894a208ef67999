"""When children began or came back: whether records that went to one made it, or it was there.

The change feed says child_split of both, so that readers need to know one kind only.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Child, Event
from api.services.register.changes import ChildChange

Begun = frozenset[tuple[str, int]]


def begun(connection: Connection, children: Collection[str]) -> Begun:
    """Of these children, each with every run that it began or came back in."""
    named = sorted(set(children))
    founded = select(Child.id, Child.from_run).where(among(Child.id, named))
    restored = select(Event.child, Event.run).where(
        Event.kind == "child_restored", among(Event.child, named)
    )
    return frozenset(
        (child, run) for query in (founded, restored) for child, run in connection.execute(query)
    )


def begun_in_history(connection: Connection, child: str, history: Iterable[ChildChange]) -> Begun:
    """The same of a child and of all that its history names."""
    return begun(connection, [child, *(other for one in history for other in one.children)])


def only_moved(child: str, change: ChildChange, known: Begun) -> bool:
    """Whether a change gave records to a child, or took them from one, that was there already."""
    run = change.run
    if change.kind == "child_split":
        return bool(change.children) and all((one, run) not in known for one in change.children)
    return change.kind == "child_split_off" and (child, run) not in known
