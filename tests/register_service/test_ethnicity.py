"""Ethnic groups are kept beside records, and nothing that links ever sees them."""

import shutil
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, Engine, func, select

from api.db.engine import reading, writing
from api.db.models import ACTIVITY, Ethnicity, Event, Golden, Membership, Pair, Record, Source
from api.services.extracts import current_activity
from api.services.register.journeys import journey_of
from api.services.register.running import run_register
from matcher.frames import RECORD_COLUMNS
from matcher.standardise import STANDARDISED_COLUMNS
from tests.docs.pages import ROOT
from tests.register_service.registers import NOW, shipped
from tests.register_service.seen import seen
from tests.register_service.towns import accept_extract, load_town, town_files

# All that may know of ethnic groups and deprivation: reading and keeping them, telling quality.
KNOWS = {
    "api/db/deprivation.py",
    "api/db/models.py",
    "api/db/records.py",
    "api/keep_commands.py",
    "api/services/demo.py",
    "api/services/deprivation.py",
    "api/services/child_groups.py",
    "api/services/group_quality.py",
    "api/services/register/journeys.py",
    "api/services/rules.py",
    "api/web/extracts_report.py",
    "api/web/audit_words.py",
    "api/web/quality_groups.py",
    "matcher/evaluate/inputs.py",
    "matcher/frames.py",
    "matcher/read/activity.py",
    "matcher/rules/groups.py",
    "matcher/rules/tables.py",
}


def test_only_what_reads_keeps_and_tells_them_speaks_of_ethnic_groups_or_deprivation() -> None:
    modules = [*(ROOT / "matcher").rglob("*.py"), *(ROOT / "api").rglob("*.py")]
    spoken = {
        path.relative_to(ROOT).as_posix()
        for path in modules
        if any(
            word in path.read_text(encoding="utf-8").lower()
            for word in ("ethnic", "deprivation", "grouprules")
        )
    }
    assert {name for name in spoken if "/migrations/" not in name} == KNOWS
    for column in (*RECORD_COLUMNS, *STANDARDISED_COLUMNS):
        assert "ethnic" not in column and "depriv" not in column
    for name in ("matching.yaml", "survivorship.yaml", "names.yaml", "values.yaml"):
        text = (ROOT / "linkage_rules" / name).read_text(encoding="utf-8").lower()
        assert "ethnic" not in text and "depriv" not in text


def shuffled(census: Path, folder: Path) -> Path:
    """A school census in which everybody has somebody else's ethnic group."""
    copy = Path(shutil.copytree(census, folder / "census"))
    path = copy / "pupilonroll.csv"
    text = {"dtype": str, "keep_default_na": False, "on_bad_lines": "skip"}
    frame = pd.read_csv(path, **text)  # type: ignore[call-overload]
    frame["ethnicity"] = frame["ethnicity"].sample(frac=1, random_state=7).to_numpy()
    frame.to_csv(path, index=False)
    return copy


def linked(connection: Connection) -> list[object]:
    """Everything that linking made."""
    tables = (Membership.__table__, Golden.__table__, Pair.__table__)
    made = [connection.execute(select(one).order_by(*one.c)).all() for one in tables]
    return [*made, connection.scalar(select(func.count()).select_from(Event))]


def test_other_ethnic_groups_change_no_link_and_no_value(engine: Engine, tmp_path: Path) -> None:
    files = town_files(native=True)
    load_town(engine, files)
    with reading(engine) as connection:
        before, said = linked(connection), current_activity(connection)["ethnicities"]
    assert set(said["source"]) == {"ctf", "school_census"}
    assert {"APKN", "ABAN", "WBRI"} <= set(said["ethnicity"])
    with writing(engine) as connection:
        accept_extract(connection, "school_census", shuffled(files["school_census"], tmp_path))
        (result,) = run_register(connection, shipped(), by="analyst", now=NOW)
    (counts,) = result.applied.values()
    assert counts["changed"] == counts["new"] == counts["gone"] == 0
    with reading(engine) as connection:
        assert linked(connection) == before
        now = current_activity(connection)["ethnicities"]
    assert len(now) == len(said)
    assert not now.equals(said)


def test_an_ethnic_group_is_no_step_of_a_journey_and_in_a_copy_for_the_child(
    engine: Engine,
) -> None:
    load_town(engine, town_files(native=True))
    with seen(engine) as (connection, view):
        child = connection.scalar(
            select(Membership.child)
            .join(Ethnicity, Ethnicity.record == Membership.record)
            .join(Record, Record.id == Membership.record)
            .join(Source, Source.number == Record.source)
            .where(Membership.to_run.is_(None), Source.name == "school_census")
            .order_by(Membership.child)
            .limit(1)
        )
        assert child is not None
        steps = journey_of(connection, view, child, limit=1_000).steps
        assert "ethnicities" not in {step.kind for step in steps}
        every = journey_of(connection, view, child, limit=1_000, kinds=tuple(ACTIVITY)).steps
        assert [step for step in every if step.kind != "ethnicities"] == steps
        (kept, *_) = (step for step in every if step not in steps)
        assert (kept.kind, set(kept.values)) == ("ethnicities", {"ethnicity"})
