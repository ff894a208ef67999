"""Whatever is asked of any run, nothing leads from one severed identity to the other."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from api.db.engine import reading
from api.db.models import Membership, Record, Run, Source
from api.services.register.changes import child_history, record_history
from api.services.register.crosswalking import crosswalk, known_sources
from api.services.register.exporting import Export
from api.services.register.feed import read_feed
from api.services.register.feed_frames import feed_frames
from api.services.register.history import child_of, find_child
from api.services.register.severances import shown_successions
from api.services.register.viewing import record_number
from matcher.register.golden import GOLDEN_FIELDS
from tests.register_service.registers import Key
from tests.register_service.reviewed import NOAH, PEOPLE, Reviewed
from tests.register_service.seen import seen
from tests.register_service.test_export import exported, table

FIRST, LEFT, LATER, LAST = (("admissions", "1"), ("places", "1"), ("centres", "1"), ("pupils", "1"))


def person(key: Key) -> dict[str, str]:
    said = {"forename": "Tessa", "surname": "Quarmby", "date_of_birth": "2018-04-03"}
    return {**PEOPLE[0], **said, "source": key[0], "record_id": key[1]}


def another(key: Key) -> dict[str, str]:
    """Somebody else whom the system holds, so that it is not empty without the one."""
    said = {"forename": f"Zeno{key[0]}", "surname": f"Quint{key[0]}", "date_of_birth": "2012-02-07"}
    return {**PEOPLE[3], **said, "source": key[0], "record_id": "9", "address": "", "postcode": ""}


@pytest.fixture
def severed(register: Reviewed) -> Reviewed:
    """Each system brings the child in a run of its own; one loses it; then two are severed."""
    for key in (FIRST, LEFT, LATER, LAST):
        register.load_people([person(key), another(key)])
    register.load_people([another(LEFT)])
    assert register.together(FIRST, LAST)
    register.sever([FIRST], [LATER, LAST])
    return register


def runs(register: Reviewed) -> list[int]:
    with reading(register.engine) as connection:
        return list(connection.scalars(select(Run.id).order_by(Run.id)))


def told_children(register: Reviewed, folder: Path) -> dict[Key, set[str]]:
    """Every child that any answer about any run gives a record, by record."""
    found: dict[Key, set[str]] = {FIRST: set(), LATER: set(), LAST: set()}
    for run in (None, *runs(register)):
        when = {} if run is None else {"as_of_run": run}
        rows = table(exported(register.engine, Export.CROSSWALK, folder, **when))
        listed = {(row.source, row.record_id): row.child_id for row in rows.itertuples()}
        with reading(register.engine) as connection:
            sources = known_sources(connection)
            for key, told in found.items():
                crossed = crosswalk(connection, [key], sources, sources, as_of_run=run)
                answers = {
                    listed.get(key),
                    child_of(connection, *key, as_of_run=run),
                    *(one.child_id for one in crossed if one is not None),
                }
                told |= {one for one in answers if one is not None}
    return found


def reached(register: Reviewed, folder: Path, run: int) -> set[Key]:
    """Records that links as of a run join with the first, step by step."""
    rows = table(exported(register.engine, Export.LINKS, folder, as_of_run=run))
    ends = [
        {(row.source_l, row.record_id_l), (row.source_r, row.record_id_r)}
        for row in rows[rows["designation"] == "link"].itertuples()
    ]
    found = {FIRST}
    while more := set().union(*(pair for pair in ends if pair & found), found) - found:
        found |= more
    return found


@pytest.mark.parametrize("gone", [(), (FIRST,), (LATER, LAST), (FIRST, LATER, LAST)])
def test_no_answer_of_any_run_leads_to_the_other_identity(
    severed: Reviewed, tmp_path: Path, gone: tuple[Key, ...]
) -> None:
    if gone:
        severed.load_people([another(key) for key in gone])
    told = told_children(severed, tmp_path)
    mine, theirs = told[FIRST], told[LATER] | told[LAST]
    assert mine and theirs and not mine & theirs
    with reading(severed.engine) as connection:
        for one, other in ((mine, theirs), (theirs, mine)):
            for child in one:
                named = {id_ for _, _, *ids in shown_successions(connection, child) for id_ in ids}
                standing = find_child(connection, child)
                assert standing is not None
                assert not other & {*named, *standing.successors}
    for run in runs(severed):
        assert not reached(severed, tmp_path, run) & {LATER, LAST}
        golden = table(exported(severed.engine, Export.REGISTER, tmp_path, as_of_run=run))
        valued = set(golden.loc[golden["forename"] != "", "child_id"])
        # Before the later systems brought it, what it said was of the first identity alone.
        came = first_run(severed, LATER)
        assert not (run < came and valued & theirs)


def first_run(register: Reviewed, key: Key) -> int:
    with reading(register.engine) as connection:
        query = (
            select(Membership.from_run)
            .join(Record, Record.id == Membership.record)
            .join(Source, Source.number == Record.source)
            .where(Source.name == key[0], Record.record_id == key[1])
        )
        return min(connection.scalars(query))


def test_what_others_are_of_is_told_as_before(severed: Reviewed, tmp_path: Path) -> None:
    """Severing two hides nothing of anybody else, nor of what either holds still."""
    rows = table(exported(severed.engine, Export.CROSSWALK, tmp_path, as_of_run=4))
    keys = {(row.source, row.record_id) for row in rows.itertuples()}
    assert {LATER, *((key[0], "9") for key in (FIRST, LEFT, LATER))} <= keys
    assert not keys & {FIRST, LEFT}


def children_told_of(register: Reviewed, key: Key, folder: Path) -> set[str]:
    """Every child that any answer gives a record, of any run, with the record's own history."""
    told: set[str | None] = set()
    for run in runs(register):
        rows = table(exported(register.engine, Export.CROSSWALK, folder, as_of_run=run))
        told |= {row.child_id for row in rows.itertuples() if (row.source, row.record_id) == key}
        with reading(register.engine) as connection:
            sources = known_sources(connection)
            crossed = crosswalk(connection, [key], sources, sources, as_of_run=run)
            told |= {child_of(connection, *key, as_of_run=run)}
            told |= {one.child_id for one in crossed if one is not None}
    events = table(exported(register.engine, Export.EVENTS, folder))
    told |= {row.child_id for row in events.itertuples() if (row.source, row.record_id) == key}
    with seen(register.engine) as (connection, view):
        number = record_number(connection, *key)
        assert number is not None
        told |= {one.child_id for one in record_history(connection, view, key[0], number)}
    return {one for one in told if one}


@pytest.fixture
def left(register: Reviewed) -> str:
    """The child of four systems, one of which does not list it any more."""
    for key in (FIRST, LEFT, LATER, LAST):
        register.load_people([person(key), another(key)])
    child = register.child(FIRST)
    register.load_people([another(LEFT)])
    return child


def test_a_record_that_was_gone_by_then_is_told_with_neither_identity(
    register: Reviewed, left: str, tmp_path: Path
) -> None:
    assert children_told_of(register, LEFT, tmp_path) == {left}
    register.sever([FIRST], [LATER, LAST])
    assert left in {register.child(FIRST), register.child(LAST)}
    assert children_told_of(register, LEFT, tmp_path) == set()


@pytest.mark.parametrize("side", [0, 1])
def test_a_record_that_was_gone_by_then_is_told_with_the_identity_that_it_was_named_with(
    register: Reviewed, left: str, tmp_path: Path, side: int
) -> None:
    sides = [[FIRST], [LATER, LAST]]
    sides[side].append(LEFT)
    register.sever(*sides)
    kept = register.child(sides[side][0]) == left
    assert children_told_of(register, LEFT, tmp_path) == ({left} if kept else set())


NUMBER = "9434765919"
# A UPN is told for education alone.
SEEN_FIELDS = [name for name in GOLDEN_FIELDS if name != "upn"]


def told_changes(register: Reviewed, child: str) -> list[tuple[int, list[str]]]:
    """By run, which values of a child changed: as its history, the feed and the file tell alike."""
    with seen(register.engine) as (connection, view):
        history = [
            (one.run, list(one.fields))
            for one in child_history(connection, view, child)
            if one.kind == "values_changed"
        ]
        feed = [
            (one.run, one.detail)
            for one in read_feed(connection, after=0, limit=10_000, view=view).events
            if one.kind == "values_changed" and one.child_id == child
        ]
        frame = pd.concat(feed_frames(connection))
    file = frame[(frame["kind"] == "values_changed") & (frame["child_id"] == child)]
    written = [(row.run, json.loads(row.detail)) for row in file.itertuples()]
    for told in (feed, written):
        assert history == [(run, fields_of(detail)) for run, detail in told]
    return history


def fields_of(detail: Mapping[str, Any] | None) -> list[str]:
    assert detail is not None
    every = dict.fromkeys(name.removesuffix("_source") for name in detail["fields"])
    return [name for name in every if name != "upn"]


def test_which_values_changed_tells_of_no_other_identity(register: Reviewed) -> None:
    """The one that is severed away founded the child, and alone gave an NHS number."""
    register.load_people([{**person(FIRST), "nhs_number": NUMBER}, another(FIRST)])
    founded = runs(register)[-1]
    for key in (LATER, LAST):
        register.load_people([person(key), another(key)])
    kept = register.child(FIRST)
    register.sever([FIRST], [LATER, LAST])
    parted = runs(register)[-1]
    mine, theirs = (register.child(key) for key in (FIRST, LAST))
    assert theirs == kept != mine
    # The founding told what the other said, and so would what was gone when they were parted.
    assert told_changes(register, kept) == [(parted, SEEN_FIELDS)]
    assert told_changes(register, mine) == [(parted, SEEN_FIELDS)]
    assert founded < parted
    register.load_people([{**person(LAST), "nhs_number": NUMBER}, another(LAST)])
    assert told_changes(register, kept)[1:] == [(runs(register)[-1], ["nhs_number"])]


def test_which_values_changed_is_told_of_the_time_before_another_identity_came(
    register: Reviewed,
) -> None:
    for key in (FIRST, LAST):
        register.load_people([person(key), another(key)])
    child, own = register.child(FIRST), told_changes(register, register.child(FIRST))
    register.load_people([{**person(LATER), "nhs_number": NUMBER}, another(LATER)])
    assert told_changes(register, child) == [*own, (runs(register)[-1], ["nhs_number"])]
    register.sever([LATER], [FIRST, LAST])
    assert register.child(FIRST) == child
    told = [*own, (runs(register)[-1], SEEN_FIELDS)]
    assert told_changes(register, child) == told
    # Nor does it hide anything that others are severed, later and with nothing to do with these.
    register.sever([NOAH], [("registry", "n1")])
    assert told_changes(register, child) == told
