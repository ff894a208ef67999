"""Ids lead to children through merges and splits, as of now and of any run."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, Engine, func, insert, select

from api.db.engine import reading, writing
from api.db.models import Child, Membership, Record, Severance
from api.services.register.history import (
    ChildStanding,
    Standing,
    child_of,
    find_child,
    records_of,
    same_child,
)
from api.services.register.reading import read_crosswalk
from tests.databases import delete_everything
from tests.register_service.extracts import NOW
from tests.register_service.test_export_events import PEOPLE, drawn, histories, live_through

KEYS = [(person["source"], person["record_id"]) for person in PEOPLE]


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def ids(connection: Connection, **when: int) -> list[str | None]:
    return [child_of(connection, *key, **when) for key in KEYS]


def standing(connection: Connection, child: str | None) -> tuple[Standing, tuple[str, ...]]:
    found = find_child(connection, child or "")
    assert found is not None
    return found.standing, found.successors


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories)
def test_look_ups_as_of_any_run_give_what_was_then(
    engine: Engine, history: list[list[int | None]]
) -> None:
    delete_everything(engine)
    with writing(engine) as connection:
        live_through(connection, history)
    with reading(engine) as connection:
        for run, state in enumerate(history, start=1):
            then = ids(connection, as_of_run=run)
            assert [child is None for child in then] == [cluster is None for cluster in state]
            children = {child for child in then if child}
            listed = {frozenset(records_of(connection, c, as_of_run=run)) for c in children}
            assert listed == drawn(state)
        now = {child for child in ids(connection) if child}
        assert ids(connection) == ids(connection, as_of_run=len(history))
        for child in connection.scalars(select(Child.id)).all():
            found = find_child(connection, child)
            assert found is not None
            assert (found.standing is Standing.CURRENT) == (child in now)
            assert set(found.successors) <= now
            assert bool(records_of(connection, child)) == (child in now)


def test_a_merged_child_leads_to_its_survivor_however_often_that_merged(
    connection: Connection,
) -> None:
    live_through(connection, [[0, 1, 1, 2, 2, 2], [1, 1, 1, 2, 2, 2], [2, 2, 2, 2, 2, 2]])
    first = ids(connection, as_of_run=1)
    assert len(set(first)) == 3
    (survivor,) = set(ids(connection))
    for child in set(first) - {survivor}:
        assert standing(connection, child) == (Standing.MERGED, (survivor,))
    found = find_child(connection, survivor or "")
    assert found == ChildStanding(survivor or "", Standing.CURRENT, 1, None, ())


def test_a_child_whose_records_went_to_several_names_them_all(connection: Connection) -> None:
    live_through(connection, [[0, 0, 1, 1, 2, 2], [1, 2, 1, 1, 2, 2]])
    one, other = ids(connection)[:2]
    named = tuple(sorted([one or "", other or ""]))
    assert standing(connection, ids(connection, as_of_run=1)[0]) == (Standing.SPLIT, named)


def test_a_merge_that_was_undone_leaves_no_forwarding(connection: Connection) -> None:
    live_through(connection, [[0, 0, 0, 1, 1, None], [0] * 5 + [None], [0, 0, 0, 1, 1, None]])
    assert ids(connection) == ids(connection, as_of_run=1)
    for child in set(ids(connection)) - {None}:
        assert standing(connection, child) == (Standing.CURRENT, ())


def test_a_child_without_records_has_ended(connection: Connection) -> None:
    live_through(connection, [[0, 0, 1, 1, 1, 2], [None, None, 1, 1, 1, 2]])
    assert standing(connection, ids(connection, as_of_run=1)[0]) == (Standing.ENDED, ())
    assert ids(connection)[:2] == [None, None]


def test_a_child_whose_records_come_back_to_another_leads_to_that_one(
    connection: Connection,
) -> None:
    live_through(
        connection,
        [[0, 1, 1, None, None, None], [None] * 6, [None] * 3 + [0, 1, 1], [0, 1, 1, 0, 1, 1]],
    )
    past, now = ids(connection, as_of_run=1), ids(connection)
    for old, new in zip(past[:2], now[:2], strict=True):
        assert old != new
        assert standing(connection, old) == (Standing.MERGED, (new,))
        as_of = find_child(connection, old or "", as_of_run=3)
        assert as_of is not None
        assert as_of.standing is Standing.ENDED


def test_a_child_whose_records_come_back_one_by_one_leads_to_all_who_have_them(
    connection: Connection,
) -> None:
    gone: list[int | None] = [None, None]
    live_through(
        connection,
        [
            [0, 0, None, None, 1, 1],
            [*gone, None, None, 1, 1],
            [1, None, None, None, 1, 1],
            [1, 2, None, 2, 1, 1],
        ],
    )
    (old,) = set(ids(connection, as_of_run=1)[:2])
    first, second = ids(connection)[:2]
    assert first not in (old, second)
    # The second comes back to nobody, and so takes its own id back.
    assert second == old


def test_every_id_whose_last_records_are_there_leads_to_whoever_has_them(
    engine: Engine,
) -> None:
    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(history=histories)
    def hold(history: list[list[int | None]]) -> None:
        delete_everything(engine)
        with writing(engine) as connection:
            live_through(connection, history)
        with reading(engine) as connection:
            last_to_leave = (
                select(Membership.child, func.max(Membership.to_run).label("run"))
                .group_by(Membership.child)
                .subquery()
            )
            left = connection.execute(
                select(Membership.child, Membership.record).join(
                    last_to_leave,
                    (last_to_leave.c.child == Membership.child)
                    & (last_to_leave.c.run == Membership.to_run),
                )
            ).all()
            query = select(Membership.record).where(Membership.to_run.is_(None))
            here = set(connection.scalars(query))
            for child, record in left:
                found = find_child(connection, child)
                assert found is not None
                assert found.standing is not Standing.ENDED or record not in here

    hold()


def test_an_id_that_was_never_given_is_not_found(connection: Connection) -> None:
    live_through(connection, [[0] * 6])
    assert find_child(connection, "0000000000000") is None
    assert child_of(connection, "school", "99") is None
    assert child_of(connection, "nowhere", "1") is None


def test_one_source_is_translated_into_another(connection: Connection) -> None:
    live_through(connection, [[0, 1, 2, 0, 0, 2], [0, 1, 1, 1, 2, 2]])
    assert same_child(connection, "school", "1", into="clinic") == []
    assert same_child(connection, "school", "1", into="clinic", as_of_run=1) == ["1", "é"]
    assert same_child(connection, "school", "10", into="school") == ["10", "2"]


def test_two_severed_children_are_not_shown_together_as_of_before(connection: Connection) -> None:
    live_through(connection, [[0, 0, 0, 0, 1, 1], [0, 0, 2, 2, 1, 1]])
    old, new = ids(connection)[0], ids(connection)[2]
    assert set(records_of(connection, old or "", as_of_run=1)) == set(KEYS[:4])
    record = dict(zip(KEYS, connection.scalars(select(Record.id).order_by(Record.id)), strict=True))
    severed = {"record_l": record[KEYS[1]], "record_r": record[KEYS[2]], "by": "x"}
    connection.execute(insert(Severance).values(**severed, why="a test", at=NOW))
    assert records_of(connection, old or "", as_of_run=1) == KEYS[:2]
    assert ids(connection, as_of_run=1)[:4] == [old, old, None, None]
    assert same_child(connection, *KEYS[2], into="school", as_of_run=1) == []
    assert ids(connection)[2:4] == [new, new]
    then = read_crosswalk(connection, as_of_run=1)
    assert list(zip(then["source"], then["record_id"], strict=True)) == sorted(
        [*KEYS[:2], *KEYS[4:]]
    )
