"""A register kept at the command line, on both databases."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from api import cli
from api.services.demo import TOWN, TOWN_DAY, town_folder
from tests.databases import Databases
from tests.end_to_end.command import DATA_PROBLEM, GOOD, Answer

SWIFT = town_folder() / TOWN["swift"]
DAY = TOWN_DAY.isoformat()


Call = Callable[..., Answer]


@pytest.fixture
def matcher(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls the command in this process, which saves its start-up."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr("sys.argv", ["matcher", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def call(matcher: Call, databases: Databases) -> Call:
    """Calls the command with one database named."""
    database = databases.empty()
    return lambda *arguments: matcher(*arguments, "--database", database)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def people(path: Path, *names: str) -> Path:
    """A list of invented people, by surname."""
    lines = [
        f"{number},Ada,{name},{2010 + number % 8}-03-{number % 28 + 1:02d},{number} Elm St,OL1 1AA"
        for number, name in enumerate(names, start=1)
    ]
    header = "record_id,forename,surname,date_of_birth,address,postcode"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_extracts_are_brought_in_decided_on_exported_backed_up_and_restored(
    matcher: Call, call: Call, databases: Databases, tmp_path: Path
) -> None:
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
    assert (preview["merges"], preview["splits"], preview["links_lost"]) == ([], [], 0)
    assert call("relink").out.strip() == "Nothing waits to be linked."

    assert call("backup", tmp_path / "all.zip").status == GOOD
    copy = databases.empty()
    restored = matcher("restore", tmp_path / "all.zip", "--database", copy)
    assert restored.status == GOOD, restored.err
    matcher("export", "crosswalk", "--out", tmp_path / "c.csv", "--database", copy)
    assert (tmp_path / "c.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()


def test_an_implausible_extract_waits_until_a_person_accepts_it(call: Call, tmp_path: Path) -> None:
    many = people(tmp_path / "many.csv", *(f"Lees{chr(65 + n % 26)}{n}" for n in range(60)))
    few = people(tmp_path / "few.csv", "Booth", "Lees")
    assert call("ingest", "nursery", many, "--as-of", "2024-09-01").status == GOOD
    stopped = call("ingest", "nursery", few, "--as-of", "2024-09-08")
    assert stopped.status == DATA_PROBLEM
    assert "waits for a person" in stopped.out
    status = json.loads(call("status", "--json").out)
    assert status["sources"][0]["as_of"] == "2024-09-01"
    assert [one["state"] for one in status["waiting"]] == ["validated"]
    assert call("accept", 2).status == GOOD
    assert call("relink").status == GOOD
    status = json.loads(call("status", "--json").out)
    assert (status["children"], status["waiting"]) == (2, [])


@pytest.mark.parametrize(
    ("source", "path", "day", "says"),
    [
        ("nowhere", SWIFT, DAY, "no definition of this source"),
        ("estart", SWIFT, DAY, "laid out like"),
        ("swift", SWIFT, "2020-01-01", "older than"),
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
