"""The journey of a child through the systems."""

from sqlalchemy import Connection, Engine, func, select

from api.db.engine import writing
from api.db.models import ACTIVITY, Extract, Membership
from api.services.register.acts import key_of
from api.services.register.journeys import HAPPENED, Step, journey_of
from api.services.register.reading import last_run
from api.services.register.running import run_register
from api.services.register.severances import sever
from api.services.register.shielding import shield
from tests.register_service.registers import shipped
from tests.register_service.reviewed import WHO
from tests.register_service.seen import seen
from tests.register_service.towns import load_town, town_files


def busiest(connection: Connection) -> str:
    """The child with the most kinds of activity, then the most of it."""
    kinds: dict[str, list[int]] = {}
    for table in ACTIVITY.values():
        query = (
            select(Membership.child, func.count())
            .join(table, table.record == Membership.record)  # type: ignore[attr-defined]
            .where(Membership.to_run.is_(None))
            .group_by(Membership.child)
        )
        for child, rows in connection.execute(query):
            kinds.setdefault(child, []).append(rows)
    return max(kinds, key=lambda child: (len(kinds[child]), sum(kinds[child]), child))


def test_a_journey_is_all_activity_of_a_child_in_time_order(engine: Engine) -> None:
    load_town(engine, town_files(native=True))
    with seen(engine) as (connection, view):
        child = busiest(connection)
        mine = select(Membership.record).where(
            Membership.child == child, Membership.to_run.is_(None)
        )
        held = sum(
            connection.execute(
                select(func.count())
                .select_from(table)
                .where(
                    table.record.in_(mine),
                    table.to_run.is_(None),  # type: ignore[attr-defined]
                )
            ).scalar_one()
            for table in (ACTIVITY[kind] for kind in HAPPENED)
        )
        found = journey_of(connection, view, child, limit=10_000).steps
        assert len(found) == held > 10
        assert len({step.kind for step in found}) >= 3
        assert [step.day for step in found] == sorted(step.day for step in found)
        _dated(connection, found)
        assert any("centre" in step.values for step in found)
        paged: list[Step] = []
        while page := journey_of(
            connection, view, child, after=paged[-1].place if paged else None, limit=7
        ).steps:
            paged += page
        assert paged == found
        assert (
            journey_of(connection, view, child, as_of_run=last_run(connection)).steps == found[:100]
        )
        one = found[0].key
    with seen(engine, sources=[one.source]) as (connection, view):
        part = journey_of(connection, view, child, limit=10_000).steps
        assert part == [step for step in found if step.key.source == one.source]
    with writing(engine) as connection:
        shield(connection, record=one[:2], why="a test", **WHO)
    with seen(engine) as (connection, view):
        shown = journey_of(connection, view, child, limit=10_000).steps
        assert len(shown) == held
        assert not any({"centre", "setting", "organisation"} & set(s.values) for s in shown)


def _dated(connection: Connection, steps: list[Step]) -> None:
    """What has no date of its own is placed at the day of its extract."""
    days = set(connection.scalars(select(func.coalesce(Extract.held_on, Extract.as_of))))
    undated = [step for step in steps if not step.dated]
    assert all(step.kind == "eyfsp_results" or "start" not in step.values for step in undated)
    assert {step.day.isoformat() for step in undated} <= {str(day) for day in days}


def test_what_was_severed_is_not_on_the_journey_of_a_past_run(engine: Engine) -> None:
    load_town(engine, town_files(native=True))
    with seen(engine) as (connection, view):
        child = busiest(connection)
        run = last_run(connection)
        before = journey_of(connection, view, child, limit=10_000).steps
        first = before[0].key
        others = sorted({step.key for step in before} - {first})
    with writing(engine) as connection:
        held = select(Membership.record).where(
            Membership.child == child,
            Membership.to_run.is_(None),
            Membership.record != first.record,
        )
        theirs = [key_of(connection, one) for one in connection.scalars(held).all()]
        mine = key_of(connection, first.record)
        sever(connection, one=[mine], other=theirs, why="a test", **WHO)
        run_register(connection, shipped(), **WHO)
    with seen(engine) as (connection, view):
        then = journey_of(connection, view, child, as_of_run=run, limit=10_000).steps
        shown = {step.key for step in then}
        assert shown in ({first}, set(others))
