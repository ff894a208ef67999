"""A wrong call ends with 2, wrong data with 1, and neither writes anything."""

import importlib.metadata
import json
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli import main
from api.serving import UnsafeSettingsError, check_settings
from api.settings import Settings
from tests.end_to_end.command import (
    DATA_PROBLEM,
    TOWN,
    WRONG_CALL,
    files_in,
    matcher,
    write,
)

GOOD_ROWS = "record_id,forename,surname,date_of_birth\n1,Mariam,Okoro,2019-05-04\n"


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("people.csv", b"a" * (120 * 1024**2))


ENTITIES = """\
<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>
<CTfile><CTFpupilData><Pupil><UPN>&b;</UPN></Pupil></CTFpupilData></CTfile>
"""

REFUSED: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "an empty file": ("nursery", "people.csv", lambda path: path.write_bytes(b"")),
    "a PDF renamed": (
        "nursery",
        "people.csv",
        lambda path: path.write_bytes(b"%PDF-1.7\n\x80\x81"),
    ),
    "other columns": ("nursery", "people.csv", lambda path: path.write_text("a,b\n1,2\n")),
    "a header of another system": (
        "tribal",
        "people.csv",
        lambda path: path.write_text("Customer,Amount\n1,2\n"),
    ),
    "a zip cut short": (
        "systmone",
        "extract.zip",
        lambda path: path.write_bytes((TOWN / "systmone.zip").read_bytes()[:50_000]),
    ),
    "a workbook cut short": (
        "swift",
        "clients.xlsx",
        lambda path: path.write_bytes((TOWN / "swift.xlsx").read_bytes()[:9_000]),
    ),
    "a zip bomb": ("nursery", "people.zip", zip_bomb),
    "XML with entities": ("ctf", "ctf.xml", lambda path: path.write_text(ENTITIES)),
    "XML cut short": (
        "ctf",
        "ctf.xml",
        lambda path: path.write_bytes((TOWN / "ctf.xml").read_bytes()[:20_000]),
    ),
}


@pytest.mark.parametrize("source, name, make", REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_what_it_is_said_to_be_is_refused_and_nothing_written(
    source: str, name: str, make: Callable[[Path], object], tmp_path: Path
) -> None:
    make(tmp_path / name)
    write(tmp_path / "good.csv", GOOD_ROWS)
    answer = matcher(tmp_path, "link", "good=good.csv", f"{source}={name}", "--out", "out")
    assert answer.status == DATA_PROBLEM
    messages = [line for line in answer.err.splitlines() if line.startswith("matcher: ")]
    assert len(messages) == 1
    assert source in messages[0]
    assert answer.out == ""
    assert not (tmp_path / "out").exists()


def test_a_refused_file_leaves_an_earlier_result_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "good.csv", GOOD_ROWS)
    assert matcher(tmp_path, "link", "good=good.csv", "--out", "out").status == 0
    before = files_in(tmp_path / "out")
    write(tmp_path / "bad.csv", "a,b\n1,2\n")
    answer = matcher(tmp_path, "link", "good=good.csv", "bad=bad.csv", "--out", "out")
    assert answer.status == DATA_PROBLEM
    assert files_in(tmp_path / "out") == before


def test_an_extract_without_any_child_is_a_problem_of_the_data(tmp_path: Path) -> None:
    write(tmp_path / "carers.csv", "record_id,role,surname\n1,carer,Okoro\n")
    answer = matcher(tmp_path, "link", "carers=carers.csv", "--out", "out")
    assert answer.status == DATA_PROBLEM
    assert "no record of a child" in answer.err
    assert not (tmp_path / "out").exists()


WRONG_CALLS = {
    "no extract": ["link", "--out", "out"],
    "a number larger than any": ["undo", "9" * 23, "--why", "a test"],
    "a run larger than any": ["export", "links", "--out", "x.csv", "--as-of", "9" * 23],
    "a number that is none": ["withdraw", "first", "--why", "a test"],
    "no folder for the result": ["link", "good=good.csv"],
    "no name": ["link", "good.csv", "--out", "out"],
    "a name with other characters": ["link", "a/b=good.csv", "--out", "out"],
    "a file that is not there": ["link", "good=missing.csv", "--out", "out"],
    "one name twice": ["link", "good=good.csv", "good=good.csv", "--out", "out"],
    "a result that is a file": ["link", "good=good.csv", "--out", "good.csv"],
    "rules that are not there": ["link", "good=good.csv", "--out", "out", "--rules", "missing"],
    "a model that is not there": ["link", "good=good.csv", "--out", "out", "--model", "missing"],
    "rules to check that are not there": ["rules", "check", "missing"],
    "no truth": ["evaluate", "--crosswalk", "good.csv"],
    "a truth that is not there": ["evaluate", "--truth", "no.csv", "--crosswalk", "good.csv"],
    "too few children": ["generate", "--children", "1", "--seed", "1", "--out", "out"],
    "a name that is no word": ["link", "=good.csv", "--out", "out"],
    "a name without a path": ["link", "good=", "--out", "out"],
    "a result below a file": ["link", "good=good.csv", "--out", "good.csv/out"],
    "a result where nothing can be written": ["link", "good=good.csv", "--out", "/proc/out"],
    "rules that are a file": ["link", "good=good.csv", "--out", "out", "--rules", "good.csv"],
    "a model that is a folder": ["link", "good=good.csv", "--out", "out", "--model", "."],
    "a model over an extract": ["train", "good=good.csv", "--out", "good.csv"],
    "a model that is written nowhere": ["train", "good=good.csv", "--out", "/proc/model"],
    "a truth that is a folder": ["evaluate", "--truth", ".", "--crosswalk", "good.csv"],
    "a cost without end": ["thresholds", "good=good.csv", "--missed", "inf"],
    "a cost that cannot be added up": ["thresholds", "good=good.csv", "--false", "1e308"],
    "costs of nothing": [
        *("thresholds", "good=good.csv"),
        *("--false", "0", "--missed", "0", "--review", "0"),
    ],
    "rules to check that are a file": ["rules", "check", "good.csv"],
    "an unknown option": ["link", "--fast", "good=good.csv", "--out", "out"],
    "an unknown command": ["merge"],
}


@pytest.mark.parametrize("call", WRONG_CALLS.values(), ids=WRONG_CALLS.keys())
def test_a_wrong_call_ends_with_2_and_writes_nothing(
    call: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path / "good.csv", GOOD_ROWS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["matcher", *call])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == WRONG_CALL
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err
    assert {path.name for path in tmp_path.iterdir()} == {"good.csv"}


@pytest.mark.parametrize("call", WRONG_CALLS.values(), ids=WRONG_CALLS.keys())
def test_a_wrong_call_for_json_is_told_as_json_too(
    call: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path / "good.csv", GOOD_ROWS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["matcher", *call, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == WRONG_CALL
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert error["status"] == WRONG_CALL
    assert error["message"]
    assert f"matcher: {error['message']}\n" in shown.err


def test_refused_data_is_told_as_json_with_its_code(tmp_path: Path) -> None:
    write(tmp_path / "bad.csv", "a,b\n1,2\n")
    answer = matcher(tmp_path, "link", "bad=bad.csv", "--out", "out", "--json")
    assert answer.status == DATA_PROBLEM
    error = json.loads(answer.out)["error"]
    assert {key: error[key] for key in ("status", "source", "file", "code")} == {
        "status": DATA_PROBLEM,
        "source": "bad",
        "file": "bad.csv",
        "code": "wrong_columns",
    }
    assert answer.err == f"matcher: {error['message']}\n"


def test_broken_rules_are_told_as_json_with_each_problem(tmp_path: Path) -> None:
    write(tmp_path / "good.csv", GOOD_ROWS)
    write(tmp_path / "rules/names.yaml", "version: one\n")
    call = ("link", "good=good.csv", "--rules", "rules", "--out", "out", "--json")
    answer = matcher(tmp_path, *call)
    assert answer.status == DATA_PROBLEM
    problems = json.loads(answer.out)["error"]["problems"]
    first = {"file": "rules/names.yaml", "line": 1, "message": "version: must be a whole number"}
    assert first in problems
    assert {problem["file"] for problem in problems} > {"rules/names.yaml", "rules/matching.yaml"}


def test_a_fault_of_the_software_tells_its_place_and_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*_: object) -> None:
        raise ValueError("Quillfeather")

    monkeypatch.setattr("api.cli.check_rules", fault)
    monkeypatch.setattr("sys.argv", ["matcher", "rules", "check", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == DATA_PROBLEM
    shown = capsys.readouterr()
    assert "fault of the software: ValueError at test_refusals.py:" in shown.err
    assert "Quillfeather" not in shown.out + shown.err
    assert json.loads(shown.out)["error"]["status"] == DATA_PROBLEM


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    answer = matcher(tmp_path, "--version")
    assert (answer.status, answer.out, answer.err) == (
        0,
        f"matcher {importlib.metadata.version('child-register')}\n",
        "",
    )


def test_the_installed_command_gives_the_same_status(tmp_path: Path) -> None:
    answer = matcher(tmp_path, "link", "good=missing.csv", "--out", "out")
    assert answer.status == WRONG_CALL
    assert answer.out == ""
    assert "missing.csv" in answer.err


def test_a_model_that_was_altered_by_hand_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "good.csv", GOOD_ROWS)
    shipped = Path(__file__).parents[2] / "linkage_rules/models/shipped.yaml"
    text = shipped.read_text(encoding="utf-8")
    write(tmp_path / "model.yaml", text.replace("matches_per_record: ", "matches_per_record: 1"))
    answer = matcher(tmp_path, "link", "good=good.csv", "--model", "model.yaml", "--out", "out")
    assert answer.status == DATA_PROBLEM
    assert "does not match its hash" in answer.err
    assert not (tmp_path / "out").exists()


def test_the_installed_command_is_the_one_that_these_tests_call(tmp_path: Path) -> None:
    installed = Path(sys.executable).parent / "matcher"
    said = subprocess.run(
        [installed, "link"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    answer = matcher(tmp_path, "link")
    assert (said.returncode, said.stdout, said.stderr) == (answer.status, answer.out, answer.err)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MATCHER_ENVIRONMENT", "prod", "local, demo or production"),
        ("MATCHER_LARGEST_UPLOAD_MIB", "0", "a whole number, 1 or more"),
        ("MATCHER_LARGEST_UPLOAD_MIB", "much", "a whole number, 1 or more"),
    ],
)
@pytest.mark.parametrize("command", [["serve"], ["status"], ["worker"], ["upgrade"]])
def test_a_setting_that_cannot_be_is_named_with_what_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: list[str],
    name: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["matcher", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == WRONG_CALL
    assert f"{name} must be {told}" in said.err
    assert value not in said.err.replace(told, "")
    assert not list(tmp_path.iterdir())


def test_a_port_in_use_is_told_before_anything_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["matcher", "serve", "--port", str(port)])
        with pytest.raises(SystemExit) as ended:
            main()
    said = capsys.readouterr()
    assert ended.value.code == DATA_PROBLEM
    assert "port is in use" in said.err and "--port" in said.err
    assert not said.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "address",
    [
        "https://register.example/path",
        "https://register.example/?x=1",
        "https://register.example#x",
        "https://user:secret@register.example",
        "https://user@",
    ],
)
def test_production_is_not_known_by_more_than_a_host(address: str) -> None:
    wrong = Settings(environment="production", public_url=address)
    with pytest.raises(UnsafeSettingsError, match="MATCHER_PUBLIC_URL") as told:
        check_settings(wrong, "127.0.0.1")
    assert "secret" not in str(told.value)
    for right in ("https://register.example", "https://register.example:8443/"):
        check_settings(Settings(environment="production", public_url=right), "127.0.0.1")


@pytest.mark.parametrize("lacking", ["openid_client_id", "openid_client_secret"])
def test_production_needs_all_that_a_provider_asks_for(lacking: str) -> None:
    complete = {
        "public_url": "https://register.example",
        "openid_issuer": "https://provider.example",
        "openid_client_id": "register",
        "openid_client_secret": "a secret",
    }
    check_settings(Settings(environment="production", **complete), "127.0.0.1")
    with pytest.raises(UnsafeSettingsError, match=f"MATCHER_{lacking.upper()}"):
        check_settings(Settings(environment="production", **complete | {lacking: ""}), "127.0.0.1")
