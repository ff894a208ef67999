"""What is exported is what `matcher link` writes of the same extracts."""

from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, insert, select

from api.db.engine import reading, writing
from api.db.models import Run, Shield, Source
from api.services.extracts import current_records
from api.services.linking import Extract, link_extracts
from api.services.observe import Recorder
from api.services.register import shielding
from api.services.register.decisions import as_positions
from api.services.register.exporting import EXPORT_COLUMNS, Export, export
from api.services.register.history import Member
from api.services.register.past_links import links_as_of
from api.services.register.why import why_pair
from api.services.register.withholding import seen_pairs
from matcher.deciding import decide
from matcher.errors import DataError
from matcher.links import ALONE, COMMON, REFUSED, RIVAL, SAID, link_table
from matcher.pipeline import score
from tests.register_service.registers import NOW, Register, shipped
from tests.register_service.seen import seen
from tests.register_service.towns import load_town, town_files
from tests.spec.background import town
from tests.spec.drawn import rows


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which `matcher link` wrote the town."""
    out = tmp_path_factory.mktemp("linked")
    extracts = [Extract(source, path) for source, path in town_files().items()]
    link_extracts(extracts, shipped().book, shipped().model, out, Recorder())
    return out


def exported(engine: Engine, what: Export, folder: Path, **when: int) -> Path:
    out = folder / f"{what}.csv"
    with reading(engine) as connection:
        written = export(connection, what, out, as_of_run=when.get("as_of_run"))
    frame = table(out)
    assert tuple(frame.columns) == EXPORT_COLUMNS[what]
    assert len(frame) == written
    return out


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_a_register_exports_the_very_files_that_linking_its_extracts_writes(
    engine: Engine, tmp_path: Path, linked: Path
) -> None:
    load_town(engine, town_files())
    for what in (Export.CROSSWALK, Export.LINKS, Export.REGISTER):
        found = exported(engine, what, tmp_path)
        assert found.read_bytes() == (linked / f"{what}.csv").read_bytes(), what


def test_loaded_one_by_one_the_links_and_the_partition_are_those_of_linking_at_once(
    engine: Engine, tmp_path: Path, linked: Path
) -> None:
    load_town(engine, dict(reversed(town_files().items())), at_once=False)
    links = exported(engine, Export.LINKS, tmp_path)
    assert links.read_bytes() == (linked / "links.csv").read_bytes()
    found, wanted = (
        table(folder / "crosswalk.csv").groupby("child_id").groups
        for folder in (exported(engine, Export.CROSSWALK, tmp_path).parent, linked)
    )
    assert {tuple(rows) for rows in found.values()} == {tuple(rows) for rows in wanted.values()}
    golden = table(exported(engine, Export.REGISTER, tmp_path)).drop(columns="child_id")
    pd.testing.assert_frame_equal(golden, table(linked / "register.csv").drop(columns="child_id"))


def test_the_notes_of_rivals_company_and_decisions_are_those_of_linking(
    engine: Engine, tmp_path: Path
) -> None:
    load_town(engine, town_files(150, 7))
    register = Register(engine, tmp_path)
    links = table(exported(engine, Export.LINKS, tmp_path))
    rivals = links["reason"].str.contains(RIVAL)
    waiting = links[(links["designation"] == "possible") & ~rivals]
    for kind, row in (("match", waiting.iloc[0]), ("non_match", waiting.iloc[1])):
        register.decide(
            kind, (row["source_l"], row["record_id_l"]), (row["source_r"], row["record_id_r"])
        )
    found = told_as_if_linked_at_once(engine)
    for note in (RIVAL, ALONE, SAID):
        assert found["reason"].str.contains(note).any(), note


def told_as_if_linked_at_once(engine: Engine) -> pd.DataFrame:
    """The links of a register, which are those that linking all of its records tells."""
    with reading(engine) as connection:
        found = links_as_of(connection, None)
        records = current_records(connection)
        linkage = shipped().book.linkage
        single = connection.scalars(select(Source.name).where(Source.one_record_per_child)).all()
        scored = score(records, linkage, shipped().model, single_sources=single)
        decisions = as_positions(connection, scored.prepared.records["id"].to_numpy())
    wanted = link_table(decide(scored, linkage.matching.thresholds, decisions), linkage.matching)
    pd.testing.assert_frame_equal(found, wanted)
    return found


AISHA, ZARA = rows("""
record_id | forename | surname | date_of_birth | sex | address   | postcode | nhs_number
1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA  | 9434765919
2         | Zara     | Malik   | 2011-01-09    | F   | 2 Mill Rd | OL1 1AA  |
""")


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Register:
    return Register(engine, tmp_path)


def load_a_birthday_that_comes_alone(register: Register) -> None:
    """Record 3 of social care says nothing but a birthday that Aisha alone has in a town."""
    born = {"date_of_birth": "2019-02-27", "sex": "F"}
    frame = town().astype(object)
    frame["date_of_birth"] = frame["date_of_birth"].astype(str).str[:10]
    for source in ("school", "clinic"):
        around = frame[frame["source"] == source].fillna("").to_dict("records")
        register.load(source, [*around, {**AISHA, **born}])
    register.load("social", [{"record_id": "3", **born}])


def test_a_birthday_that_comes_alone_waits_and_is_told_to_be_alone(register: Register) -> None:
    """Where systems hold nearly every child, their company speaks for one child."""
    load_a_birthday_that_comes_alone(register)
    found = told_as_if_linked_at_once(register.engine)
    waiting = found[found["record_id_r"] == "3"]
    assert (waiting["match_weight"] >= shipped().book.linkage.matching.thresholds.upper).any()
    assert set(waiting["designation"]) == {"possible"}
    assert waiting["reason"].str.contains(COMMON).all()
    assert not waiting["reason"].str.contains(REFUSED).any()
    assert register.children() == register.linked_at_once()
    with seen(register.engine) as (connection, view):
        ids = register.ids(connection)
        clinic, social = (Member(*key, ids[key]) for key in (("clinic", "1"), ("social", "3")))
        told = why_pair(connection, view, clinic, social, shielded=False)
        ends = clinic.record, social.record
        pair = seen_pairs(connection, view, [ends])[frozenset(ends)]
    assert told is not None and told.because == "common"
    assert COMMON in pair.reasons
    assert COMMON in pair.cases


def test_of_a_shielded_child_it_is_not_told_that_nothing_agrees_but_a_birthday(
    register: Register,
) -> None:
    """That its home is another one would be told with it."""
    load_a_birthday_that_comes_alone(register)
    with writing(register.engine) as connection:
        ids = register.ids(connection)
        ends = ids["clinic", "1"], ids["social", "3"]
        before = seen_pairs(connection, None, [ends])[frozenset(ends)]
        shielding.shield(connection, record=("clinic", "1"), why="a test", by="x", now=NOW)
        after = seen_pairs(connection, None, [ends])[frozenset(ends)]
    assert COMMON in before.reasons
    assert COMMON not in after.reasons
    assert COMMON not in after.cases


def test_a_crosswalk_and_golden_values_can_be_had_as_of_any_run(
    register: Register, tmp_path: Path
) -> None:
    files = []
    moved = {**AISHA, "address": "8 Dale Rd", "postcode": "OL9 5BB"}
    for source, listed in (("school", [AISHA]), ("clinic", [AISHA, ZARA]), ("clinic", [moved])):
        register.load(source, listed)
        files.append([
            exported(register.engine, what, tmp_path).read_bytes()
            for what in (Export.CROSSWALK, Export.REGISTER, Export.EVENTS)
        ])  # fmt: skip
    for run, then in enumerate(files, start=1):
        again = [
            exported(register.engine, what, tmp_path, as_of_run=run).read_bytes()
            for what in (Export.CROSSWALK, Export.REGISTER, Export.EVENTS)
        ]
        assert again == then
    assert len({tuple(then) for then in files}) == 3


def test_a_run_between_two_that_there_are_is_told_with_those(
    register: Register, tmp_path: Path
) -> None:
    """PostgreSQL gives no number twice, so that of a run that did not come to its end is none's."""
    for day in range(3):
        register.load("school", [{**AISHA, "forename": f"Aisha{day}"}], day=day)
    with writing(register.engine) as connection:
        values = connection.execute(select(Run.__table__).where(Run.id == 3)).one()._asdict()
        connection.execute(insert(Run).values({**values, "id": 9}))
    with pytest.raises(DataError, match="no run 6; the nearest are 3 and 9, the last one is 9"):
        exported(register.engine, Export.CROSSWALK, tmp_path, as_of_run=6)


@pytest.mark.parametrize("what", Export)
def test_what_cannot_be_exported_is_refused_and_leaves_the_file_as_it_was(
    register: Register, tmp_path: Path, what: Export
) -> None:
    with pytest.raises(DataError, match="the register is empty"):
        exported(register.engine, what, tmp_path)
    register.load("school", [AISHA])
    (tmp_path / f"{what}.csv").write_text("as it was")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(DataError, match=r"no run 7; the last one is 1|which is 1"):
        exported(register.engine, what, tmp_path, as_of_run=7)
    with reading(register.engine) as connection, pytest.raises(DataError, match=r"end in \.csv"):
        export(connection, what, tmp_path / "file.parquet")
    away = tmp_path / "none such" / "links.csv"
    with reading(register.engine) as connection, pytest.raises(DataError, match="make it first"):
        export(connection, Export.LINKS, away)
    assert not away.parent.exists()
    assert (tmp_path / f"{what}.csv").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_where_a_shielded_child_lives_is_in_no_export(register: Register, tmp_path: Path) -> None:
    register.load("school", [AISHA, ZARA])
    register.load("clinic", [AISHA])
    with writing(register.engine) as connection:
        shielded = register.ids(connection)["clinic", "1"]
        shield = {"why": "a test", "by": "reviewer", "at": NOW, "lookalike": False}
        connection.execute(insert(Shield).values(record=shielded, **shield))
    for run in (None, 2, 1):
        when = {} if run is None else {"as_of_run": run}
        found = table(exported(register.engine, Export.REGISTER, tmp_path, **when))
        hidden = found.set_index("forename").loc["Aisha"]
        place = hidden[["address", "address_source", "postcode", "postcode_source"]].tolist()
        assert place == [""] * 4
        assert found.set_index("forename").loc["Zara", "postcode"] == "OL1 1AA"
