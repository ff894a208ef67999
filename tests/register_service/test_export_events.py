"""The event feed, replayed from the start, gives the register after every run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from api.db.engine import reading, writing
from api.db.models import Record, Source
from api.services.register.children import update_children
from api.services.register.exporting import Export, export
from api.services.register.feed_frames import feed_frames
from api.services.register.planning import Clustered
from api.services.register.reading import read_crosswalk
from matcher.errors import DataError
from matcher.frames import join_records, records_from
from matcher.prepared import prepare
from matcher.register import replay
from tests.databases import delete_everything
from tests.register_service.extracts import new_run
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed
from tests.spec.drawn import rows

PEOPLE = rows("""
source | record_id | forename | surname | date_of_birth
school | 1         | Aisha    | Malik   | 2014-05-03
school | 2         | Zara     | Malik   | 2014-05-03
school | 10        | Yusuf    | Hussain | 2013-06-15
clinic | 1         | Aisha    | Malik   | 2014-05-03
clinic | é         | Zara     | Malik   | 2014-05-03
clinic | Z         | Lily     | Lees    | 2015-02-11
""")

# A history: after each run, by record, the cluster that it is in, or that it is gone.
step = st.lists(st.sampled_from([0, 0, 1, 2, 3, None]), min_size=6, max_size=6)
histories = st.lists(step, min_size=1, max_size=6)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories)
def test_events_replayed_up_to_any_run_give_the_crosswalk_as_of_it(
    engine: Engine, history: list[list[int | None]]
) -> None:
    delete_everything(engine)
    with writing(engine) as connection:
        live_through(connection, history)
    with reading(engine) as connection:
        for run in range(1, len(history) + 1):
            events = pd.concat(feed_frames(connection, as_of_run=run))
            pd.testing.assert_frame_equal(replay(events), plain(connection, as_of_run=run))
            assert partition(connection, run) == drawn(history[run - 1])
        events = pd.concat(feed_frames(connection))
        pd.testing.assert_frame_equal(replay(events), plain(connection))


def live_through(connection: Connection, history: list[list[int | None]]) -> None:
    """Runs that find these clusters, one after another."""
    frame = join_records([records_from(PEOPLE)])
    names = sorted(set(frame["source"].astype(str)))
    rows_ = [
        {"number": at, "name": name, "title": name, "one_record_per_child": False}
        for at, name in enumerate(names, start=1)
    ]
    connection.execute(insert(Source), rows_)
    number = {name: at for at, name in enumerate(names, start=1)}
    keys = zip(frame["source"].astype(str), frame["record_id"], strict=True)
    ids = [{"source": number[source], "record_id": key} for source, key in keys]
    connection.execute(insert(Record), ids)
    frame.insert(0, "id", connection.scalars(select(Record.id).order_by(Record.id)).all())
    linkage = shipped().book.linkage
    for state in history:
        run = new_run(connection)
        here = np.array([cluster is not None for cluster in state])
        gone = frame["id"].to_numpy()[~here]
        clustered = None
        if here.any():
            prepared = prepare(frame[here], linkage, ())
            label = np.array([state[at - 1] for at in prepared.records["id"]], dtype=np.int64)
            clustered = Clustered(prepared, label)
        update_children(linkage, connection, run, clustered, gone)


def plain(connection: Connection, **when: int) -> pd.DataFrame:
    return read_crosswalk(connection, **when).astype(object)


def partition(connection: Connection, run: int) -> set[frozenset[tuple[str, str]]]:
    found = plain(connection, as_of_run=run)
    keys = pd.Series(list(zip(found["source"], found["record_id"], strict=True)), dtype=object)
    return {frozenset(group) for _, group in keys.groupby(found["child_id"])}


def drawn(state: list[int | None]) -> set[frozenset[tuple[str, str]]]:
    groups: dict[int, set[tuple[str, str]]] = {}
    for person, cluster in zip(PEOPLE, state, strict=True):
        if cluster is not None:
            groups.setdefault(cluster, set()).add((person["source"], person["record_id"]))
    return {frozenset(group) for group in groups.values()}


def test_an_exported_feed_replays_as_read_from_its_file(engine: Engine, tmp_path: Path) -> None:
    with writing(engine) as connection:
        live_through(connection, [[0, 0, 1, 1, None, 2], [0, 1, 1, None, 2, 2]])
    with reading(engine) as connection:
        export(connection, Export.EVENTS, tmp_path / "events.csv")
        events = pd.read_csv(tmp_path / "events.csv", dtype=str)
        pd.testing.assert_frame_equal(replay(events), plain(connection))
    assert events["id"].astype(int).is_monotonic_increasing
    assert set(events["at"]) == {"2024-09-01T12:00:00Z"}
    assert '{"successor":"' in "".join(events["detail"].dropna())


def test_a_feed_with_a_gap_or_out_of_order_is_refused(engine: Engine) -> None:
    with writing(engine) as connection:
        live_through(connection, [[0, 0, 1, 1, None, 2], [0, 1, 1, None, 2, 2]])
    with reading(engine) as connection:
        events = pd.concat(feed_frames(connection), ignore_index=True)
    for broken in (events[events["run"] == 2], events.iloc[::-1]):
        with pytest.raises(DataError, match="replay all events from the first one on"):
            replay(broken)


def test_no_events_are_an_empty_crosswalk() -> None:
    nothing = pd.DataFrame({name: [] for name in ("kind", "child_id", "source", "record_id")})
    assert replay(nothing).empty


def test_exported_events_lead_from_no_severed_side_to_the_other(
    register: Reviewed, tmp_path: Path
) -> None:
    """Neither the split nor what both sides did while they were one child."""
    register.say("match", AISHA[0], UNSURE)
    register.sever([AISHA[0], UNSURE], AISHA[1:])
    with reading(register.engine) as connection:
        export(connection, Export.EVENTS, tmp_path / "events.csv")
        export(connection, Export.EVENTS, tmp_path / "then.csv", as_of_run=1)
        events, then = (pd.read_csv(tmp_path / f"{name}.csv", dtype=str)
                        for name in ("events", "then"))  # fmt: skip
        pd.testing.assert_frame_equal(replay(events), plain(connection))
    for told in (events, then):
        by_child = told.dropna(subset="record_id").groupby("child_id")[["source", "record_id"]]
        held = [set(map(tuple, rows.to_numpy())) for _, rows in by_child]
        assert not any(AISHA[0] in own and own & set(AISHA[1:]) for own in held)
    sides = {register.child(AISHA[0]), register.child(AISHA[1])}
    assert len(sides) == 2
    for row in events[events["child_id"].isin(sides)].itertuples():
        assert not any(other in str(row.detail) for other in sides - {row.child_id})
    assert replay(then)["record_id"].tolist()
