"""The feed tells the register that somebody sees, whatever happened and however it is read."""

from collections.abc import Sequence

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from api.db.engine import reading, writing
from api.db.models import Record, Severance
from api.services.access.caller import Caller
from api.services.access.policy import Terms, View, view_of
from api.services.access.roles import Role
from api.services.register.exporting import Export
from api.services.register.feed import read_feed
from api.services.register.feed_places import START
from api.services.register.seen_events import FeedEvent, successors
from api.services.register.seen_frames import seen_frames
from tests.databases import delete_everything
from tests.register_service.registers import NOW
from tests.register_service.test_export_events import histories, live_through

pairs = st.tuples(st.integers(0, 5), st.integers(0, 5))
PURPOSE = "early_years"
BEGINNINGS, ENDS = ("child_created", "child_restored"), ("child_merged", "child_emptied")


def viewer(*sources: str) -> View:
    terms = tuple(Terms(one, frozenset({PURPOSE}), {}) for one in sources)
    caller = Caller("a-system", frozenset({Role.SYSTEM}), frozenset({PURPOSE}), PURPOSE)
    return view_of(terms, caller, NOW.date())


VIEWS = [viewer("school"), viewer("clinic"), viewer("school", "clinic")]


def followed(
    connection: Connection, view: View, limit: int, kinds: Sequence[str] = ()
) -> list[FeedEvent]:
    """All pages of a feed."""
    found: list[FeedEvent] = []
    place, more = START, True
    while more:
        feed = read_feed(
            connection, after=place.number, ahead=place.ahead, limit=limit, view=view, kinds=kinds
        )
        assert len(feed.events) <= limit
        found += feed.events
        place, more = feed.until, feed.more
    return found


def lived(events: list[FeedEvent], *, severed: bool) -> dict[tuple[str, str], str]:
    """The child of each record, after events that each make sense where they stand."""
    child_of: dict[tuple[str, str], str] = {}
    alive: set[str] = set()
    known: set[str] = set()
    for one in events:
        if one.kind in BEGINNINGS:
            assert one.child_id not in alive
            assert (one.kind == "child_restored") == (one.child_id in known)
            alive.add(one.child_id)
            known.add(one.child_id)
        elif one.kind in ENDS:
            # Where one went that had ended is told when its last record comes back.
            assert one.child_id in (known if severed or one.kind == "child_merged" else alive)
            alive.discard(one.child_id)
        elif one.source and one.record_id:
            key = (one.source, one.record_id)
            if one.kind == "record_linked":
                assert one.child_id in alive
                child_of[key] = one.child_id
            elif child_of.get(key) == one.child_id:
                del child_of[key]
        elif one.kind == "child_split":
            assert one.child_id in known
        else:
            assert one.child_id in alive
    assert alive == set(child_of.values())
    assert {child for one in events for child in successors(one)} <= known
    return child_of


def crosswalk(connection: Connection, view: View) -> dict[tuple[str, str], str]:
    frame = pd.concat(seen_frames(connection, Export.CROSSWALK, view, None))
    return dict(zip(zip(frame["source"], frame["record_id"], strict=True), frame["child_id"],
                    strict=True))  # fmt: skip


def sever(
    connection: Connection, history: list[list[int | None]], severed: list[tuple[int, int]]
) -> None:
    """As of the last run, those of these records that are of two children by then."""
    record = connection.scalars(select(Record.id).order_by(Record.id)).all()
    for one, other in severed:
        if len({history[-1][one], history[-1][other], None}) == 3:
            ends = {"record_l": record[one], "record_r": record[other], "run": len(history)}
            said = {"why": "a test", "by": "steward", "at": NOW}
            connection.execute(insert(Severance).values(**ends, **said))


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories, severed=st.lists(pairs, max_size=2))
def test_a_feed_tells_what_is_seen_of_the_register_however_it_is_read(
    engine: Engine, history: list[list[int | None]], severed: list[tuple[int, int]]
) -> None:
    delete_everything(engine)
    with writing(engine) as connection:
        live_through(connection, history)
        sever(connection, history, severed)
    with reading(engine) as connection:
        for view in VIEWS:
            whole = followed(connection, view, 1_000)
            assert lived(whole, severed=bool(severed)) == crosswalk(connection, view)
            assert followed(connection, view, 2) == whole
            for kind in (*BEGINNINGS, *ENDS, "child_split"):
                some = followed(connection, view, 1_000, [kind])
                assert some == [one for one in whole if one.kind == kind], kind
