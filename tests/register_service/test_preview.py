"""What a preview of other rules says is what the relink then does; before, it does nothing."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, MetaData, func, select

from api.db.engine import reading, writing
from api.db.models import Child, Pair, Run, Source, Succession
from api.services.register.kept_rules import InForce, last_rules
from api.services.register.measures import register_measures
from api.services.register.preview import Preview, preview
from api.services.register.previewed import Previewed
from api.services.register.queue import queue_counts, waiting_pairs
from api.services.register.reading import link_keys, read_crosswalk
from api.services.register.running import relink, run_register
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from matcher.errors import DataError
from tests.register_service.registers import NOW, Register, shipped
from tests.register_service.towns import accept_extract, load_town, town_files
from tests.spec.drawn import rows

LINKS = ["source_l", "record_id_l", "source_r", "record_id_r"]


def changed_rules(folder: Path, file: str, *changes: tuple[str, str]) -> InForce:
    """The shipped rules with something in one file changed."""
    book = folder / "rules"
    shutil.copytree(shipped_rules(), book)
    text = (book / file).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (book / file).write_text(text, encoding="utf-8")
    found = load_rule_book(book)
    return InForce(found, shipped_model(found))


def thresholds(folder: Path, lower: float, upper: float) -> InForce:
    now = shipped().book.linkage.matching.thresholds
    return changed_rules(
        folder,
        "matching.yaml",
        (f"upper: {now.upper:g}", f"upper: {upper:g}"),
        (f"lower: {now.lower:g}", f"lower: {lower:g}"),
    )


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Register:
    load_town(engine, town_files(100, 3))
    return Register(engine, tmp_path)


@pytest.fixture
def measured_register(engine: Engine, tmp_path: Path) -> Register:
    """With activity, so that there is something to measure."""
    load_town(engine, town_files(200, 4, native=True))
    return Register(engine, tmp_path)


def previewed(register: Register, offered: InForce) -> Preview:
    with reading(register.engine) as connection:
        return preview(connection, offered)


def shown(said: Preview) -> Previewed:
    return Previewed(said.after_run, frozenset({said.mark}))


def reported(register: Register, column: str) -> pd.DataFrame:
    with reading(register.engine) as connection:
        pairs = connection.execute(select(Pair.l, Pair.r).where(getattr(Pair, column) == 1)).all()
        frame = pd.DataFrame(pairs, columns=["l", "r"], dtype="int64")
        records = pd.DataFrame(
            [(number, *key) for key, number in register.ids(connection).items()],
            columns=["id", "source", "record_id"],
        )
    return link_keys(records, frame["l"].to_numpy(), frame["r"].to_numpy())


def queued(register: Register) -> tuple[pd.DataFrame, int]:
    """Possible links and how many conflicts wait, as the home page and the queue tell."""
    with reading(register.engine) as connection:
        waiting = waiting_pairs(connection, limit=100_000)
        counts = queue_counts(connection, doubted=True)
    pairs = [(*one.l, *one.r) for one in waiting if one.kind == "possible_link"]
    assert counts["possible_link"] == len(pairs)
    return pd.DataFrame(pairs, columns=LINKS), counts["conflicts"]


def without(one: pd.DataFrame, other: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(set(one.itertuples(index=False)) - set(other.itertuples(index=False)))


def everything(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table."""
    metadata = MetaData()
    metadata.reflect(engine)
    with reading(engine) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in metadata.sorted_tables
        }


@pytest.mark.parametrize("back", [False, True], ids=["stricter", "and back again"])
def test_a_relink_does_what_its_preview_said(
    measured_register: Register, tmp_path: Path, back: bool
) -> None:
    register = measured_register
    decide_something(register, reported(register, "link"), reported(register, "waiting"))
    before, offered = shipped(), thresholds(tmp_path, 12, 30)
    if back:
        with writing(register.engine) as connection:
            relink(connection, offered, by="analyst", now=NOW)
        before, offered = offered, before
    links = reported(register, "link")
    waiting, conflicts = queued(register)
    with reading(register.engine) as connection:
        measured = register_measures(connection, before.book)
    rows_before = everything(register.engine)
    said = previewed(register, offered)
    assert everything(register.engine) == rows_before

    with writing(register.engine) as connection:
        done = relink(connection, offered, by="analyst", now=NOW, previewed=shown(said))
    with reading(register.engine) as connection:
        founded = connection.scalars(select(Child.id).where(Child.from_run == done.run)).all()
        retired = connection.scalars(select(Child.id).where(Child.to_run == done.run)).all()
        successions = connection.execute(
            select(Succession.child, Succession.successor).where(Succession.run == done.run)
        ).all()
        after = register_measures(connection, offered.book)
        assert last_rules(connection).same_as(offered)
        kind = connection.scalar(select(Run.kind).where(Run.id == done.run))
    assert kind == "relink"
    assert said.counts == done.outcome.children
    assert not said.counts.nothing
    assert sorted(said.founded) == sorted(founded)
    assert sorted(said.retired) == sorted(retired)
    assert sorted([*said.merges, *said.splits, *said.moves]) == sorted(map(tuple, successions))
    now_waiting, now_conflicts = queued(register)
    for moved, then, now in (
        (said.links, links, reported(register, "link")),
        (said.possible, waiting, now_waiting),
    ):
        assert (moved.before, moved.after) == (len(then), len(now))
        assert list(moved.gained.columns) == LINKS
        assert sorted(moved.gained.itertuples(index=False)) == without(now, then)
        assert sorted(moved.lost.itertuples(index=False)) == without(then, now)
        assert len(moved.gained) + len(moved.lost) > 0
    assert said.queue_growth == len(now_waiting) - len(waiting)
    assert (said.conflicts.before, said.conflicts.after) == (conflicts, now_conflicts)
    assert (now_conflicts > conflicts) == back and conflicts != now_conflicts
    assert tuple(move.before for move in said.measures) == measured
    assert tuple(move.after for move in said.measures) == after
    assert any(move.moves for move in said.measures)
    assert bool(said.merges) == back
    assert bool(said.splits) != back
    assert previewed(register, offered).counts.nothing


def decide_something(register: Register, links: pd.DataFrame, waiting: pd.DataFrame) -> None:
    match, other = waiting.iloc[0], links.iloc[0]
    for kind, pair in (("match", match), ("non_match", other)):
        l, r = tuple(pair[LINKS[:2]]), tuple(pair[LINKS[2:]])
        register.decide(kind, l, r)


def test_a_preview_of_the_rules_in_force_says_that_nothing_would_change(
    register: Register,
) -> None:
    said = previewed(register, shipped())
    assert said.counts.nothing
    assert not any(move.moves for move in said.measures)
    frames = (said.links.gained, said.links.lost, said.possible.gained, said.possible.lost)
    assert all(frame.empty for frame in frames)
    assert (said.merges, said.splits, said.moves, said.contradicted) == ((), (), (), ())


def test_decisions_that_the_thresholds_speak_against_are_told_and_hold(
    register: Register, tmp_path: Path
) -> None:
    links = reported(register, "link").drop_duplicates("record_id_l").head(2)
    for kind, pair in zip(("match", "non_match"), links.to_dict("records"), strict=True):
        l, r = (pair["source_l"], pair["record_id_l"]), (pair["source_r"], pair["record_id_r"])
        register.decide(kind, l, r)
    (known,) = previewed(register, shipped()).contradicted
    assert (known.kind, known.already) == ("non_match", True)
    offered = thresholds(tmp_path, 900, 950)
    (told,) = previewed(register, offered).contradicted
    assert (told.decision, told.kind, told.already) == (1, "match", False)
    with writing(register.engine) as connection:
        relink(connection, offered, by="analyst", now=NOW)
        found = read_crosswalk(connection).set_index(["source", "record_id"])["child_id"]
    first = links.iloc[0]
    assert found[tuple(first[LINKS[:2]])] == found[tuple(first[LINKS[2:]])]
    assert found.nunique() == len(found) - 1


def test_a_relink_after_the_register_moved_on_is_refused(
    register: Register, tmp_path: Path
) -> None:
    offered = thresholds(tmp_path, 12, 30)
    said = previewed(register, offered)
    register.link_anew()
    before = everything(register.engine)
    moved_on = pytest.raises(DataError, match="at run 2 by now, not at 1; make another preview")
    with moved_on, writing(register.engine) as connection:
        relink(connection, offered, by="analyst", now=NOW, previewed=shown(said))
    assert everything(register.engine) == before


def test_an_empty_register_has_nothing_to_preview_or_relink(engine: Engine) -> None:
    with writing(engine) as connection:
        for call in (preview, lambda c, o: relink(c, o, by="analyst", now=NOW)):
            with pytest.raises(DataError, match="the register is empty"):
                call(connection, shipped())
        assert connection.scalar(select(func.count()).select_from(Run)) == 0


def test_extracts_that_wait_go_on_waiting_and_are_linked_by_the_new_rules(
    engine: Engine, tmp_path: Path
) -> None:
    files = dict(town_files(100, 3))
    late = files.pop("tribal")
    load_town(engine, files)
    offered = thresholds(tmp_path, 12, 30)
    with writing(engine) as connection:
        accept_extract(connection, "tribal", late)
        said = preview(connection, offered)
        done = relink(connection, offered, by="analyst", now=NOW)
        assert done.outcome.children == said.counts
        (later,) = run_register(connection, shipped(), by="analyst", now=NOW)
        assert later.applied
        assert last_rules(connection).same_as(offered)
        assert preview(connection, offered).counts.nothing
        assert asdict(later.outcome.children)["founded"] > 0


def test_rules_by_which_a_source_holds_children_twice_are_put_in_force(
    register: Register, tmp_path: Path
) -> None:
    once, often = "one_record_per_child: true", "one_record_per_child: false"
    offered = changed_rules(tmp_path, "sources/tribal.yaml", (once, often))
    said = previewed(register, offered)
    with writing(register.engine) as connection:
        done = relink(connection, offered, by="analyst", now=NOW)
        holds = select(Source.one_record_per_child).where(Source.name == "tribal")
        assert connection.scalar(holds) is False
    assert said.counts == done.outcome.children


def test_what_a_person_joined_is_as_compared_after_a_relink_and_an_undo(
    register: Register,
) -> None:
    siblings = rows("""
    source | record_id | forename | surname | date_of_birth | address   | postcode
    school | 1         | Aisha    | Malik   | 2014-05-03    | 2 Mill Rd | OL1 1AA
    clinic | 1         | Zara     | Malik   | 2014-05-03    | 2 Mill Rd | OL1 1AA
    """)
    for row in siblings:
        register.load(row["source"], [row])
    register.decide("match", ("school", "1"), ("clinic", "1"))
    with writing(register.engine) as connection:
        relink(connection, shipped(), by="analyst", now=NOW)
        kept = connection.scalars(select(Pair.apart).where(Pair.pattern > 0)).all()
    register.undo(register.decisions()[-1])
    assert 1 in kept
    said = previewed(register, shipped())
    assert said.counts.nothing
    assert said.possible.gained.empty
    assert said.possible.lost.empty
