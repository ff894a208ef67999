"""What is erased is gone from every table; what is left is as if it had never been there."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from api.db.archive import tables, write_table
from api.db.aside import aside_of
from api.db.engine import is_sqlite, reading, writing
from api.db.models import (
    Audit,
    Contact,
    ExportChunk,
    ExportFile,
    Extract,
    Hold,
    KeptReply,
    Record,
    Referral,
    Reject,
    ReviewAnswer,
    Source,
)
from api.services.access import chain
from api.services.register.acts import ActError
from api.services.register.changes import record_history
from api.services.register.feed_frames import feed_frames
from api.services.register.history import Standing, find_child
from api.services.register.reading import last_run, read_crosswalk
from api.services.register.viewing import view_child, view_records
from api.services.retention.due import due_by_source, due_records
from api.services.retention.erasing import erase_asked, erase_due, records_of_child
from api.services.retention.forgetting import KEYS_KEPT_FOR, forget_keys, sweep
from api.services.retention.holds import holds_in_force, lift_hold, put_hold
from matcher.register import replay
from tests.databases import Databases
from tests.register_service.batches import comes_to
from tests.register_service.registers import NOW, shipped
from tests.register_service.reviewed import AISHA, NOAH, WHO, Reviewed, reviewed
from tests.register_service.seen import delete, put, seen

SCHOOL, CLINIC, SOCIAL = AISHA
# What one record says, now and before, and what people wrote of it: nobody else has any of it.
VALUES = {
    "forename": "Aishaletta",
    "surname": "Malikovskaya",
    "former_surname": "Quarterwort",
    "nhs_number": "9997712307",
    "address": "77 Wrenthorpe Rd",
    "postcode": "OL9 7WX",
    "date_of_birth": "2014-05-03",
    "sex": "F",
}
EARLIER = {**VALUES, "surname": "Beforehandley", "address": "3 Oncewas Way"}
TOLD = ("Zephyrine", "a wrote-of-her reason", "at Thistledown Centre")
GONE = (*(text for name, text in VALUES.items() if name not in ("sex", "date_of_birth")),
        "Beforehandley", "Oncewas", *TOLD)  # fmt: skip


def everything(engine: Engine) -> bytes:
    """Every table as text, with those that are kept aside."""
    parts: list[bytes] = []
    with aside_of(engine) as aside:
        for one in {engine, aside}:
            with reading(one) as connection:
                for table in tables():
                    write_table(connection, table, parts.append)
    return b"".join(parts)


def found(texts: Iterable[str], where: bytes) -> set[str]:
    """Which of these are there in any case, or as SQLite's and PostgreSQL's JSON has them."""
    lower = where.decode(errors="replace").casefold()
    return {text for text in texts if text.casefold() in lower}


def files(engine: Engine) -> bytes:
    """What the files of an SQLite register hold, used or not."""
    path = Path(str(engine.url.database))
    return b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))


def fill(register: Reviewed) -> int:
    """Let all that can hold a value of one record hold one; its record.id."""
    put(register, SCHOOL, **EARLIER)
    register.correct(SCHOOL, "forename", "Zephyrine")
    register.say("match", SCHOOL, CLINIC)
    put(register, SCHOOL, **VALUES)
    register.say("match", SCHOOL, SOCIAL)
    register.shield(SCHOOL)
    with writing(register.engine) as connection:
        ids = register.ids(connection)
        ours, theirs = sorted((ids[SCHOOL], ids[CLINIC]))
        pair: dict[str, Any] = {"low": ours, "high": theirs, "by": "reviewer", "at": NOW}
        connection.execute(
            insert(ReviewAnswer).values(
                **pair,
                kind="match",
                why=TOLD[1],
                seconds=3.0,
                read="hash",
                state="waiting",
                weighed={"parts": TOLD[0]},
            )
        )
        connection.execute(insert(Referral).values(**pair, note=TOLD[1], after_decision=0))
        extract = connection.scalar(select(Extract.id).limit(1))
        connection.execute(
            insert(Contact).values(
                record=ids[SCHOOL], extract=extract, from_run=1, content_hash=5, centre=TOLD[2]
            )
        )
        connection.execute(
            insert(KeptReply).values(
                by="clinic", key="k", request="r", at=NOW, status=200, headers={}, body=TOLD[0]
            )
        )
        export = connection.execute(insert(ExportFile).values(
            what="golden", format="csv", scope={}, by="a", purpose="p", created_at=NOW, size=9
        ).returning(ExportFile.id)).scalar_one()  # fmt: skip
        connection.execute(
            insert(ExportChunk).values(export=export, number=0, content=TOLD[0].encode())
        )
    return ids[SCHOOL]


def without_school(databases: Databases, folder: Path) -> dict[str, Any]:
    """What a register comes to that never had the record."""
    folder.mkdir()
    with reviewed(databases, folder) as other:
        delete(other, SCHOOL)
        return comes_to(other)


def crosswalk_replayed(register: Reviewed) -> None:
    """The feed from the start gives the crosswalk exactly."""
    with reading(register.engine) as connection:
        feed = pd.concat(feed_frames(connection), ignore_index=True)
        now = read_crosswalk(connection).astype(object)
    pd.testing.assert_frame_equal(replay(feed), now, check_dtype=False, check_index_type=False)


def test_nothing_of_an_erased_record_is_left_and_the_register_is_as_without_it(
    register: Reviewed, databases: Databases, tmp_path: Path
) -> None:
    engine = register.engine
    number = fill(register)
    child = register.child(SCHOOL)
    then = _last_run(register)
    assert found(GONE, everything(engine)) == set(GONE)

    erased = register.erase(SCHOOL)

    assert (erased.records, dict(erased.by_source)) == (1, {"school": 1})
    assert found(GONE, everything(engine)) == set()
    sweep(engine, NOW)
    if is_sqlite(engine):
        assert found(GONE, files(engine)) == set()
    # What people decided of the erased record counts no more; of others it would.
    assert comes_to(register) == without_school(databases, tmp_path / "other")
    assert all(one.outcome.children.nothing for one in register.link_anew())
    crosswalk_replayed(register)
    with reading(engine) as connection:
        assert chain.verify(connection, Audit)[1] is None
    with seen(engine) as (connection, view):
        shown = {one.key.record: one for one in
                 view_records(connection, view, child, as_of_run=then)}  # fmt: skip
        assert shown[number].erased and set(shown[number].values) <= {"role"}
        assert shown[number].key.record_id == f"erased-{number}"
        assert not any(one.erased for record, one in shown.items() if record != number)
        golden = view_child(connection, view, child, as_of_run=then)
        assert golden is not None and "school" not in {by for _, by in golden.golden.values()}
        history = record_history(connection, view, "school", number)
        assert history[-1].kind == "record_erased"
        assert all(set(one.values) <= {"role"} for one in history)


def test_no_reject_names_an_erased_record(register: Reviewed) -> None:
    keys = {**dict.fromkeys(("school", "clinic"), SCHOOL[1]), "social": SOCIAL[1]}
    with writing(register.engine) as connection:
        of = (
            select(Source.name, func.min(Extract.id).label("extract"))
            .join(Extract)
            .group_by(Source.name)
        )
        extracts = {one.name: one.extract for one in connection.execute(of)}
        connection.execute(
            insert(Reject),
            [
                {"extract": extracts[source], "record_id": named, "file": "f", "row": 2,
                 "column": "", "code": "duplicate_record_id", "message": "m"}
                for source, named in keys.items()
            ],
        )  # fmt: skip

    register.erase(SCHOOL)

    with reading(register.engine) as connection:
        kept = connection.execute(
            select(Source.name, Reject.record_id)
            .join(Extract, Extract.id == Reject.extract)
            .join(Source, Source.number == Extract.source)
        )
        assert {one.name: one.record_id for one in kept} == {**keys, "school": ""}


def _last_run(register: Reviewed) -> int:
    with reading(register.engine) as connection:
        return last_run(connection)


def test_the_feed_names_it_for_a_month_then_no_more(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        number = register.ids(connection)[SCHOOL]
    register.erase(SCHOOL)

    def keys() -> set[Any]:
        with reading(register.engine) as connection:
            rows = pd.concat(feed_frames(connection))
        mine = rows[rows["detail"].astype(object).fillna("").str.contains("erased")]
        return set(mine["record_id"])

    assert keys() == {SCHOOL[1]}
    for now, named in ((NOW, SCHOOL[1]), (NOW + KEYS_KEPT_FOR, f"erased-{number}")):
        with writing(register.engine) as connection:
            forget_keys(connection, now)
        assert keys() == {named}
        crosswalk_replayed(register)


def test_it_comes_back_as_another_record_and_not_by_withdrawing(register: Reviewed) -> None:
    register.say("non_match", SCHOOL, CLINIC)
    with reading(register.engine) as connection:
        number = register.ids(connection)[NOAH]
    child = register.child(NOAH)
    listed = [
        {
            "record_id": "9",
            "forename": "Ida",
            "surname": "Orr",
            "sex": "F",
            "date_of_birth": "2012-02-02",
            "address": "1 A Rd",
            "postcode": "OL1 1AB",
        }
    ]
    register.load("census", listed, day=3)  # Noah is listed no more
    register.erase(NOAH)
    with reading(register.engine) as connection:
        stood = find_child(connection, child)
        assert stood is not None and stood.standing is Standing.ENDED
    register.withdraw_last("census")
    assert NOAH not in {key for one in register.children() for key in one}
    assert all(not str(key[1]).startswith("erased") for one in register.children() for key in one)
    again = {
        "record_id": NOAH[1],
        "forename": "Noah",
        "surname": "Quigley",
        "sex": "M",
        "date_of_birth": "2011-11-20",
        "address": "9 Ash Gr",
        "postcode": "OL4 3PP",
    }
    register.load("census", [again], day=5)
    with reading(register.engine) as connection:
        assert register.ids(connection)[NOAH] != number
    assert register.child(NOAH) != child


def due(register: Reviewed, today: date) -> dict[str, tuple[int, int, int]]:
    with reading(register.engine) as connection:
        found = due_by_source(due_records(connection, shipped().book, today))
    return {one.source: (one.current, one.closed, one.held) for one in found}


def test_what_is_due_is_erased_but_for_what_is_held(register: Reviewed) -> None:
    engine = register.engine
    child = register.child(SCHOOL)
    delete(register, SCHOOL)
    delete(register, CLINIC)
    delete(register, NOAH)
    assert due(register, date(2030, 1, 1)) == {}
    later = date(2060, 1, 1)
    assert due(register, later) == {
        "census": (0, 1, 0), "clinic": (0, 1, 0), "school": (0, 1, 0)
    }  # fmt: skip

    with writing(engine) as connection:
        hold = put_hold(connection, on=child, why="a court asks", **WHO)
        own = put_hold(connection, on=NOAH, why="a complaint", **WHO)
        with pytest.raises(ActError, match="no child"):
            put_hold(connection, on="0000000000000", why="x", **WHO)
        with pytest.raises(ActError, match="no record"):
            put_hold(connection, on=("census", "77"), why="x", **WHO)
    assert due(register, later) == {
        "census": (0, 0, 1), "clinic": (0, 0, 1), "school": (0, 0, 1)
    }  # fmt: skip
    with writing(engine) as connection:
        how: Any = {"today": later, "by": "steward", "now": NOW}
        assert erase_due(connection, register.rules, **how) is None
        with pytest.raises(ActError, match="a hold is on"):
            erase_asked(connection, register.rules, records=records_of_child(connection, child),
                        about="child", why="asked", by="steward", now=NOW)  # fmt: skip
        lift_hold(connection, hold, why="the court is done", **WHO)
        with pytest.raises(ActError, match="no hold"):
            lift_hold(connection, hold, why="again", **WHO)
        assert [one.id for one in holds_in_force(connection)] == [own]
        erased = erase_due(connection, register.rules, sources=["school", "census"], **how)
        assert erased is not None and dict(erased.by_source) == {"school": 1}
    assert due(register, later) == {"census": (0, 0, 1), "clinic": (0, 1, 0)}
    with reading(engine) as connection:
        actions = list(connection.scalars(select(Audit.action).order_by(Audit.id)))[-4:]
    assert actions == ["held", "held", "hold_lifted", "erased"]
    with seen(engine) as (connection, _):
        mine = records_of_child(connection, child)
        keys = connection.scalars(select(Record.record_id).where(Record.id.in_(mine.tolist())))
        # The one that stays, and the closed one that was the child's last.
        assert len(list(keys)) == 2


def test_a_child_is_erased_as_a_whole_and_only_once(register: Reviewed) -> None:
    child = register.child(SCHOOL)
    delete(register, CLINIC)
    with writing(register.engine) as connection:
        records = records_of_child(connection, child)
        erased = erase_asked(connection, register.rules, records=records, about="child",
                             why="she asked", by="steward", now=NOW)  # fmt: skip
        assert dict(erased.by_source) == {"clinic": 1, "school": 1, "social": 1}
        assert len(records_of_child(connection, child)) == 0
        with pytest.raises(ActError, match="erased already"):
            erase_asked(connection, register.rules, records=records, about="child", why="she asked",
                        by="steward", now=NOW)  # fmt: skip
    with reading(register.engine) as connection:
        stood = find_child(connection, child)
    assert stood is not None and stood.standing is Standing.ENDED


def test_a_hold_is_never_changed(register: Reviewed) -> None:
    with writing(register.engine) as connection:
        put_hold(connection, on=NOAH, why="a complaint", **WHO)
    with pytest.raises(DBAPIError), writing(register.engine) as connection:
        connection.execute(update(Hold).values(why="another"))
