"""A register kept at the command line, on both databases."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from api.services.demo import TOWN, TOWN_DAY, town_folder
from tests.databases import Databases, SqliteFiles
from tests.end_to_end.command import DATA_PROBLEM, GOOD, RULES, WRONG_CALL, Call, rows

SWIFT = town_folder() / TOWN["swift"]
DAY = TOWN_DAY.isoformat()


def people(path: Path, *names: str) -> Path:
    """A list of invented people, by surname."""
    lines = [
        f"{number},Ada,{name},{2010 + number % 8}-03-{number % 28 + 1:02d},{number} Elm St,OL1 1AA"
        for number, name in enumerate(names, start=1)
    ]
    header = "record_id,forename,surname,date_of_birth,address,postcode"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def activity(folder: Path, contacts: int, forename: str = "Amy") -> Path:
    """An eStart folder of one member, with so many contacts."""
    folder.mkdir()
    members = f"Member ID,Type,Name,DOB\nm1,Child,{forename} Lees,04/05/2019\n"
    rows = [f"m1,01/08/2024,Royton,Play {number},Y\n" for number in range(contacts)]
    (folder / "members.csv").write_text(members, encoding="utf-8")
    header = "Member ID,Date,Centre,Activity,Attended\n"
    (folder / "contacts.csv").write_text("".join([header, *rows]), encoding="utf-8")
    return folder


def test_extracts_are_brought_in_decided_on_exported_backed_up_and_restored(
    matcher: Call, call_anew: Call, databases: Databases, tmp_path: Path
) -> None:
    call = call_anew
    for source in ("tribal", "swift"):
        done = call("ingest", source, town_folder() / TOWN[source], "--as-of", DAY)
        assert done.status == GOOD, done.err
    again = call("ingest", "swift", SWIFT, "--as-of", DAY)
    assert "Nothing changed" in again.out

    call("export", "crosswalk", "--out", tmp_path / "before.csv")
    before = {(r["source"], r["record_id"]): r["child_id"] for r in rows(tmp_path / "before.csv")}
    call("export", "links", "--out", tmp_path / "links.csv")
    pair = next(row for row in rows(tmp_path / "links.csv") if row["designation"] == "link")
    one = (pair["source_l"], pair["record_id_l"])
    other = (pair["source_r"], pair["record_id_r"])
    decided = call("decide", "non-match", *one, *other, "--why", "a test")
    assert decided.status == GOOD, decided.err
    call("export", "crosswalk", "--out", tmp_path / "after.csv")
    after = {(r["source"], r["record_id"]): r["child_id"] for r in rows(tmp_path / "after.csv")}
    assert before[one] == before[other]
    assert after[one] != after[other]

    assert call("undo", "1", "--why", "a mistake").status == GOOD
    call("export", "crosswalk", "--out", tmp_path / "undone.csv")
    assert (tmp_path / "undone.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()
    call("export", "crosswalk", "--out", tmp_path / "then.csv", "--as-of", "3")
    assert (tmp_path / "then.csv").read_bytes() == (tmp_path / "after.csv").read_bytes()

    preview = json.loads(call("relink", "--preview", "--json").out)
    assert (preview["merges"], preview["splits"], preview["links_lost"]) == ([], [], [])
    assert call("relink").out.strip() == "Nothing waits to be linked."

    assert call("backup", tmp_path / "all.zip").status == GOOD
    copy = databases.empty()
    restored = matcher("restore", tmp_path / "all.zip", "--database", copy)
    assert restored.status == GOOD, restored.err
    matcher("export", "crosswalk", "--out", tmp_path / "c.csv", "--database", copy)
    assert (tmp_path / "c.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()


def test_a_preview_lists_every_pair_and_decision_that_other_rules_move(
    call: Call, tmp_path: Path
) -> None:
    few = people(tmp_path / "few.csv", "Booth", "Lees", "Quigley")
    for source in ("nursery", "clinic"):
        call("ingest", source, few, "--as-of", "2024-09-01", "--new-source")
    call("decide", "non-match", "nursery", 1, "clinic", 1, "--why", "a test")
    strict = tmp_path / "rules"
    shutil.copytree(RULES, strict)
    matching = strict / "matching.yaml"
    text = matching.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^(  upper:) \S+", r"\1 500", re.sub(r"(?m)^(  lower:) \S+", r"\1 0", text))
    matching.write_text(text, encoding="utf-8")
    found = json.loads(call("relink", "--preview", "--rules", strict, "--json").out)
    lost = [{"source_l": "clinic", "record_id_l": n, "source_r": "nursery", "record_id_r": n}
            for n in "23"]  # fmt: skip
    assert found["links_lost"] == found["possible_links_gained"] == lost
    assert found["queue_growth"] == len(lost)
    table = call("relink", "--preview", "--rules", strict).out
    assert re.search(
        rf"children with other values\D+{found['children']['values_changed']}\b", table
    )
    now = json.loads(call("relink", "--preview", "--json").out)
    assert [one["decision"] for one in now["decisions_contradicted"]] == [1]
    assert now["decisions_contradicted"][0]["kind"] == "non_match"
    assert now["decisions_contradicted"][0]["already"]
    table = call("relink", "--preview").out
    assert re.search(r"decisions newly contradicted +│ 0\b", table), table
    assert re.search(r"decisions contradicted already +│ 1\b", table), table


def test_a_preview_says_that_a_measure_would_have_no_figure_and_why(call_anew: Call) -> None:
    call = call_anew
    for source in ("school_census", "eyfsp"):
        done = call("ingest", source, town_folder() / TOWN[source], "--as-of", DAY)
        assert done.status == GOOD, done.err
    call("withdraw", 2, "--why", "a test")
    said = call("relink", "--preview").out
    name = "gld_gap_by_fsm"
    told = re.search(
        rf"measure {name}: no figure any more\n    before: (.+)\n    after: (.+)\n", said
    )
    assert told, said
    found = json.loads(call("relink", "--preview", "--json").out)["measures"]
    (moved,) = [one for one in found if one["name"] == name]
    before, after = moved["before"], moved["after"]
    assert moved["moves"]
    assert told[1].startswith(f"{before['value_rounded']} {before['value_unit']}")
    assert (after["value"], after["title"]) == (None, before["title"])
    assert told[2] == f"Not computed: {after['why_not']}."


def test_a_relink_of_what_waits_does_what_its_preview_said_or_nothing(
    call: Call, tmp_path: Path
) -> None:
    """An extract was withdrawn and another accepted; then more comes between the two."""
    names = ("Booth", "Lees", "Quigley")
    for source, held in (("nursery", names), ("clinic", names[:2])):
        listed = people(tmp_path / f"{source}.csv", *held)
        call("ingest", source, listed, "--as-of", "2024-09-01", "--new-source")
    call("withdraw", 2, "--why", "a slip")
    assert "withdrawn, a slip" in call("extracts", "show", 2).out
    more = people(tmp_path / "more.csv", *names, "Ibbotson")
    call("ingest", "social", more, "--as-of", "2024-09-01", "--link-later", "--new-source")
    call("decide", "non-match", "nursery", 1, "clinic", 1, "--why", "a test", "--link-later")
    before = json.loads(call("status", "--json").out)

    said = json.loads(call("relink", "--preview", "--json").out)
    assert (said["children"]["left"], said["children"]["joined"]) == (2, 4)
    assert (len(said["founded"]), len(said["links_gained"]), len(said["links_lost"])) == (1, 3, 2)
    after = json.loads(call("status", "--json").out)
    assert (after["children"], after["runs"]) == (before["children"], before["runs"])

    again = ["relink", "--after-run", said["after_run"]]
    call("undo", 1, "--why", "a mistake", "--link-later")
    refused = call(*again)
    assert refused.status == DATA_PROBLEM
    assert "otherwise than at the preview" in refused.err
    assert call("relink", "--preview").status == GOOD
    call("withdraw", 3, "--why", "a slip")
    assert call(*again).status == DATA_PROBLEM
    assert json.loads(call("status", "--json").out)["runs"] == before["runs"]
    said = json.loads(call("relink", "--preview", "--json").out)
    (run,) = json.loads(call(*again, "--json").out)["runs"]
    assert run["children"] == said["children"]
    assert call(*again).status == DATA_PROBLEM


def test_other_rules_are_put_in_force_as_previewed_or_not_at_all(
    call: Call, tmp_path: Path
) -> None:
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    for source in ("nursery", "clinic"):
        call("ingest", source, few, "--as-of", "2024-09-01", "--new-source")
    call("ingest", "social", few, "--as-of", "2024-09-01", "--link-later", "--new-source")
    rules = tmp_path / "rules"
    shutil.copytree(RULES, rules)
    again = ("relink", "--rules", rules, "--after-run", 2)
    assert "you have not previewed this" in call(*again).err
    assert "1 extract waits and goes on" in call("relink", "--preview", "--rules", rules).out
    matching = rules / "matching.yaml"
    text = matching.read_text(encoding="utf-8")
    matching.write_text(re.sub(r"(?m)^(  upper:) \S+", r"\1 500", text), encoding="utf-8")
    assert "otherwise than at the preview" in call(*again).err
    matching.write_text(text, encoding="utf-8")
    call("decide", "non-match", "nursery", 1, "clinic", 1, "--why", "a test", "--link-later")
    assert "otherwise than at the preview" in call(*again).err
    assert len(json.loads(call("relink", "--preview", "--rules", rules, "--json").out)["founded"])
    assert call(*again).status == GOOD


def test_other_rules_are_put_in_force_unseen_only_if_it_is_said_and_the_run_says_so(
    call: Call, tmp_path: Path
) -> None:
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    for source in ("nursery", "clinic"):
        call("ingest", source, few, "--as-of", "2024-09-01", "--new-source")
    rules = tmp_path / "rules"
    shutil.copytree(RULES, rules)
    same = call("relink", "--rules", rules)
    assert (same.status, same.out.strip()) == (GOOD, "Run 3: nothing changed in the register.")
    matching = rules / "matching.yaml"
    text = matching.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^(  upper:) \S+", r"\1 500", text)
    matching.write_text(text, encoding="utf-8")
    refused = call("relink", "--rules", rules)
    assert refused.status == DATA_PROBLEM
    assert "add --preview, and then --after-run RUN" in refused.err
    assert "--without-preview" in refused.err
    assert len(json.loads(call("status", "--json").out)["runs"]) == 3
    for how in (("--preview",), ("--after-run", 3)):
        assert call("relink", "--rules", rules, "--without-preview", *how).status == WRONG_CALL
    lost = call("relink", "--rules", rules, "--without-preview").out
    assert re.search(r"links lost +│ 2", lost), lost
    assert "Other rules are in force from now on." in lost
    back = call("relink", "--rules", RULES, "--without-preview", "--json").out
    moved = {"rules": True, "model": False, "links_gained": 2, "links_lost": 0}
    assert json.loads(back)["runs"][0]["moved"] == moved


def test_activity_that_is_lost_or_comes_back_is_told_though_no_child_changes(
    call: Call, tmp_path: Path
) -> None:
    whole, cut = (activity(tmp_path / name, rows) for name, rows in (("whole", 60), ("cut", 0)))
    assert call("ingest", "estart", whole, "--as-of", "2024-09-01").status == GOOD
    stopped = call("ingest", "estart", cut, "--as-of", "2024-09-08")
    assert stopped.status == DATA_PROBLEM
    assert re.search(r"contacts: gone +│ 60", stopped.out), stopped.out
    assert "contacts: it holds 100% fewer than the source has now" in stopped.out
    assert re.search(r"contacts: gone +│ 60", call("extracts", "show", 2).out)
    change = json.loads(call("extracts", "show", 2, "--json").out)["report"]["change"]
    assert (change["gone"], change["activity"]["contacts"]["gone"]) == (0, 60)
    assert call("accept", 2).status == GOOD
    ended = "Run 2: no child changed; 60 rows of activity ended."
    assert call("relink").out.strip() == ended
    call("withdraw", 2, "--why", "a slip")
    (run,) = json.loads(call("relink", "--json").out)["runs"]
    assert run["extracts"]["2"]["activity_begun"] == 60
    assert run["extracts"]["2"]["activity_ended"] == 0
    more = call("ingest", "estart", activity(tmp_path / "more", 61), "--as-of", "2024-09-09")
    assert "Run 4: no child changed; 1 row of activity began." in more.out
    less = activity(tmp_path / "less", 59, "Seb")
    fewer = call("ingest", "estart", less, "--as-of", "2024-09-10").out
    assert re.search(r"rows of activity that ended +│ 2", fewer), fewer


def test_an_implausible_extract_waits_until_a_person_accepts_it(call: Call, tmp_path: Path) -> None:
    many = people(tmp_path / "many.csv", *(f"Lees{chr(65 + n % 26)}{n}" for n in range(60)))
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    assert call("ingest", "nursery", many, "--as-of", "2024-09-01", "--new-source").status == GOOD
    stopped = call("ingest", "nursery", few, "--as-of", "2024-09-08")
    assert stopped.status == DATA_PROBLEM
    assert "waits for a person" in stopped.out
    status = json.loads(call("status", "--json").out)
    assert status["sources"][0]["as_of"] == "2024-09-01"
    assert [one["state"] for one in status["waiting"]] == ["validated"]
    more = people(tmp_path / "more.csv", *(f"Lees{chr(65 + n % 26)}{n}" for n in range(61)))
    assert call("ingest", "nursery", more, "--as-of", "2024-09-08").status == GOOD
    again = call("accept", 2)
    assert (again.status, "same date" in again.out) == (DATA_PROBLEM, True)
    assert call("accept", 2).status == GOOD
    assert call("relink").status == GOOD
    status = json.loads(call("status", "--json").out)
    assert (status["children"], status["waiting"]) == (2, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("export", "crosswalk", "--out", "crosswalk.csv"),
        ("relink",),
        ("relink", "--preview"),
        ("accept", 1),
        ("undo", 1, "--why", "a test"),
        ("backup", "all.zip"),
        ("jobs",),
        ("worker",),
    ],
)
def test_where_there_is_no_register_nothing_but_bringing_an_extract_makes_one(
    call_anew: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        refused = call_anew(*arguments)
        assert refused.status == DATA_PROBLEM
        assert "there is no register in this database" in refused.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("record_id,forename,surname\n1,Ada\0,Booth\n", "holds NUL bytes"),
        ("record_id,forename,surname\n", "no row below them"),
        ("a,b\n1,2\n", "is no plain list of people"),
    ],
)
def test_a_first_extract_that_cannot_be_received_says_why_and_leaves_no_register(
    matcher: Call, tmp_path: Path, content: str, says: str
) -> None:
    first = tmp_path / "first.csv"
    first.write_text(content, encoding="utf-8")
    database = f"sqlite:///{tmp_path}/register.db"
    refused = matcher(
        "ingest", "nursery", first, "--as-of", DAY, "--new-source", "--database", database
    )
    assert refused.status == DATA_PROBLEM
    assert says in " ".join(refused.err.split())
    assert list(tmp_path.iterdir()) == [first]


def test_what_is_written_about_people_is_for_its_owner_only(matcher: Call, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/register.db"
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    matcher(
        "ingest", "nursery", few, "--as-of", "2024-09-01", "--new-source", "--database", database
    )
    matcher("export", "crosswalk", "--out", tmp_path / "out.csv", "--database", database)
    written = {*tmp_path.glob("register.db*"), tmp_path / "out.csv"}
    assert len(written) > 2
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}


def test_queued_work_that_failed_is_seen_and_done_again(
    call: Call, tmp_path: Path, work_through: Callable[[], None]
) -> None:
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    ingest = ("ingest", "nursery", few, "--as-of", "2024-09-01", "--queue", "--new-source")
    assert "job 1 does the rest" in call(*ingest).out
    assert call("jobs", "cancel", 1).status == GOOD
    assert [job["state"] for job in json.loads(call("status", "--json").out)["jobs"]] == []
    assert "job 1 does the rest" in call(*ingest).out
    assert call("jobs", "retry", 1).status == DATA_PROBLEM
    assert "job 1 (ingest): queued" in call("status").out
    work_through()
    assert "job 1 (ingest): done" in call("jobs").out
    (job,) = json.loads(call("jobs", "--json").out)["jobs"]
    assert job["outcome"] == {"extract": 1, "state": "current", "runs": [1]}
    assert json.loads(call("status", "--json").out)["children"] == 2
    assert "Nothing changed" in call(*ingest).out
    assert call("jobs", "cancel", 1).status == DATA_PROBLEM
    assert call("jobs", "cancel", 99).status == DATA_PROBLEM


def test_a_queued_extract_that_is_none_is_seen_as_refused(
    call: Call, tmp_path: Path, work_through: Callable[[], None]
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    call("ingest", "swift", wrong, "--as-of", DAY, "--queue")
    work_through()
    found = call("status").out
    assert "extract 1 of swift" in found
    assert "refused" in found
    job = json.loads(call("jobs", "--json").out)["jobs"][0]
    assert job["outcome"] == {"extract": 1, "state": "refused", "runs": []}


def test_a_name_that_nobody_knows_is_a_new_source_only_if_it_is_said_to_be(
    call: Call, tmp_path: Path
) -> None:
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    named = ("ingest", "nursery", few, "--as-of", "2024-09-01")
    for how in ((), ("--queue",)):
        refused = call(*named, *how)
        assert refused.status == DATA_PROBLEM
        assert "say so: --new-source" in refused.err
    assert call(*named, "--new-source").status == GOOD
    assert "Nothing changed" in call(*named).out
    assert "did you mean nursery?" in call("ingest", "nursry", few, "--as-of", "2024-09-01").err


@pytest.mark.parametrize(
    ("source", "path", "day", "says"),
    [
        ("swfit", SWIFT, DAY, "did you mean swift?"),
        ("nowhere", SWIFT.parent, DAY, "no source of this name is known; known sources are"),
        ("No Such", SWIFT, DAY, "matcher: write the name of a source in small letters"),
        ("estart", SWIFT, DAY, "the same file is there already"),
        ("swift", SWIFT, "2020-01-01", "older than that of extract 1, which is current"),
        ("swift", SWIFT, "2999-01-01", "is in the future"),
    ],
)
def test_what_cannot_be_right_is_refused_and_changes_nothing(
    call: Call, source: str, path: Path, day: str, says: str
) -> None:
    call("ingest", "swift", SWIFT, "--as-of", DAY)
    before = json.loads(call("status", "--json").out)
    refused = call("ingest", source, path, "--as-of", day)
    assert refused.status == DATA_PROBLEM
    assert says in refused.out + refused.err
    after = json.loads(call("status", "--json").out)
    assert (after["children"], after["runs"]) == (before["children"], before["runs"])
    assert after["waiting"] == []
    assert [source["name"] for source in after["sources"]] == ["swift"]
    assert ": :" not in refused.err


@pytest.mark.parametrize("how", [(), ("--preview",), ("--rules", RULES)])
def test_a_relink_after_another_run_than_the_last_is_refused(
    call: Call, tmp_path: Path, how: tuple[object, ...]
) -> None:
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    call("ingest", "nursery", few, "--as-of", "2024-09-01", "--new-source")
    refused = call("relink", *how, "--after-run", 99)
    assert refused.status == DATA_PROBLEM
    assert "at run 1 by now, not at 99" in refused.err
    call("relink", *(one for one in how if one != "--preview"), "--preview")
    assert call("relink", *how, "--after-run", 1).status == GOOD


# PostgreSQL keeps all of it in one database.
def test_a_register_without_the_file_beside_it_says_so_until_it_is_put_back(
    matcher: Call, sqlite_files: SqliteFiles, tmp_path: Path
) -> None:
    url = sqlite_files.empty()
    file = Path(url.removeprefix("sqlite:///"))
    (tmp_path / "few.csv").write_text("record_id,surname\n1,Quixotic\n", encoding="utf-8")
    few = ("ingest", "swift", tmp_path / "few.csv", "--as-of", "2024-09-01", "--database", url)
    assert "warning" not in matcher(*few).err
    shutil.copy(file, tmp_path / "copy.db")
    copy = ("--database", f"sqlite:///{tmp_path / 'copy.db'}")
    assert "copy.db-aside.db, which belongs to this register, is missing" in (
        matcher("status", *copy).err
    )
    for _ in range(2):
        found = matcher("audit", "verify", *copy)
        assert found.status == DATA_PROBLEM
        assert "does not belong to this register, or was begun anew" in found.out
    assert "was begun anew" in matcher("status", *copy).err
    shutil.copy(f"{file}-aside.db", tmp_path / "copy.db-aside.db")
    found = matcher("audit", "verify", *copy)
    assert (found.status, found.err) == (GOOD, "")
    assert matcher("backup", tmp_path / "all.zip", *copy).status == GOOD
    anew = ("--database", f"sqlite:///{tmp_path / 'anew.db'}")
    assert matcher("restore", tmp_path / "all.zip", *anew).status == GOOD
    assert matcher("audit", "verify", *anew).status == GOOD


def test_an_extract_that_waits_to_be_linked_is_not_told_as_another_when_it_is_sent_again(
    call: Call, tmp_path: Path
) -> None:
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    named = ("ingest", "nursery", few, "--as-of", "2024-09-01", "--new-source")
    assert "rows" in call(*named, "--link-later").out
    again = call(*named, "--link-later").out
    assert again.splitlines() == [
        "The register has this extract of nursery already: extract 1.",
        "It is accepted. Link it with: matcher relink",
    ]
    assert "extract 1" in call(*named).out
    assert "Nothing changed" in call(*named).out


def test_a_backup_that_cannot_be_restored_leaves_no_register(matcher: Call, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(b"nothing")
    database = f"sqlite:///{tmp_path}/register.db"
    refused = matcher("restore", tmp_path / "all.zip", "--database", database)
    assert refused.status == DATA_PROBLEM
    assert list(tmp_path.iterdir()) == [tmp_path / "all.zip"]
