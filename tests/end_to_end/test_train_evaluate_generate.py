"""The commands around linking: train, evaluate, generate."""

import gzip
import json
from pathlib import Path

import pytest

from api.cli import main
from tests.end_to_end.command import DATA_PROBLEM, GOOD, TOWN, files_in, matcher, write


@pytest.fixture(scope="module")
def small_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    call = ("generate", "--children", "300", "--seed", "11", "--out", "town", "--generic")
    assert matcher(folder, *call).status == GOOD
    return folder / "town"


def extracts(town: Path) -> list[str]:
    known = {"truth", "twins", "adoptions"}
    return [f"{path.stem}={path}" for path in sorted(town.glob("*.csv")) if path.stem not in known]


def test_the_same_seed_gives_the_same_town(small_town: Path, tmp_path: Path) -> None:
    call = ("generate", "--children", "300", "--generic", "--out", "again", "--seed")
    assert matcher(tmp_path, *call, "11").status == GOOD
    assert files_in(tmp_path / "again") == files_in(small_town)
    assert matcher(tmp_path, *call, "12").status == GOOD
    assert files_in(tmp_path / "again") != files_in(small_town)


def test_a_native_town_links_under_the_names_of_its_systems(tmp_path: Path) -> None:
    call = ("generate", "--children", "100", "--seed", "3", "--out", "town")
    assert matcher(tmp_path, *call).status == GOOD
    answer = matcher(
        tmp_path, "link", "systmone=town/systmone.zip", "estart=town/estart", "--out", "out"
    )
    assert answer.status == GOOD, answer.err


@pytest.fixture(scope="module")
def model(small_town: Path) -> Path:
    """A model trained on the small town without labels."""
    folder = small_town.parent
    answer = matcher(folder, "train", *extracts(small_town), "--out", "model.yaml")
    assert answer.status == GOOD, answer.err
    return folder / "model.yaml"


def test_a_trained_model_is_a_file_that_links(
    model: Path, small_town: Path, tmp_path: Path
) -> None:
    text = model.read_text(encoding="utf-8")
    call = ("link", *extracts(small_town), "--model", model, "--out", "out", "--json")
    answer = matcher(tmp_path, *call)
    assert answer.status == GOOD, answer.err
    assert f"content_hash: {json.loads(answer.out)['model']['hash']}" in text


def test_training_again_gives_the_same_file(model: Path, small_town: Path, tmp_path: Path) -> None:
    answer = matcher(tmp_path, "train", *reversed(extracts(small_town)), "--out", "again.yaml")
    assert answer.status == GOOD, answer.err
    assert (tmp_path / "again.yaml").read_bytes() == model.read_bytes()


def test_training_with_a_truth_gives_another_model(
    model: Path, small_town: Path, tmp_path: Path
) -> None:
    call = ("train", *extracts(small_town), "--truth", small_town / "truth.csv")
    assert matcher(tmp_path, *call, "--out", "labelled.yaml").status == GOOD
    assert (tmp_path / "labelled.yaml").read_bytes() != model.read_bytes()


TRUTH = "source,record_id,person_id,area\na,1,p,north\nb,1,p,north\na,2,q,south\nb,2,q,south\n"
CROSSWALK = "source,record_id,child_id\na,1,X\nb,1,X\na,2,Y\nb,2,Z\n"


def test_evaluation_counts_false_and_missed_pairs_by_group(tmp_path: Path) -> None:
    write(tmp_path / "truth.csv", TRUTH)
    write(tmp_path / "crosswalk.csv", CROSSWALK)
    call = ("evaluate", "--truth", "truth.csv", "--crosswalk", "crosswalk.csv")
    answer = matcher(tmp_path, *call, "--json")
    assert answer.status == GOOD, answer.err
    found = json.loads(answer.out)
    assert found["pairs"]["precision"] == 1
    assert found["pairs"]["recall"] == 0.5
    recall = {group["value"]: group["recall"] for group in found["groups"]}
    assert recall == {"north": 1, "south": 0}
    text = matcher(tmp_path, *call)
    assert text.status == GOOD
    assert "precision" in text.out
    assert "area" in text.out


@pytest.mark.parametrize(
    "truth",
    ["source,record_id\na,1\n", TRUTH + "a,1,r,north\n", TRUTH + "a,,r,north\n", ""],
    ids=["a column missing", "a record twice", "an empty id", "nothing"],
)
def test_a_truth_that_cannot_be_one_is_a_problem_of_the_data(truth: str, tmp_path: Path) -> None:
    write(tmp_path / "truth.csv", truth)
    write(tmp_path / "crosswalk.csv", CROSSWALK)
    answer = matcher(tmp_path, "evaluate", "--truth", "truth.csv", "--crosswalk", "crosswalk.csv")
    assert answer.status == DATA_PROBLEM
    assert answer.out == ""
    assert answer.err.startswith("matcher: ")


NOT_CSV = {
    "nothing": (b"", "is empty"),
    "empty lines": (b"\n\n", "is empty"),
    "a workbook": ((TOWN / "swift.xlsx").read_bytes(), "is a workbook or a zip"),
    "a PDF": (b"%PDF-1.7\n\x80\x81", "is a PDF"),
    "a compressed file": (gzip.compress(TRUTH.encode()), "is a compressed file"),
    "UTF-16": (TRUTH.encode("utf-16"), "is text in UTF-16"),
    "Windows-1252": (TRUTH.replace("north", "caf\xe9").encode("cp1252"), "not text in UTF-8"),
    "null bytes": (TRUTH.replace("north", "\0").encode(), "is not text"),
    "semicolons": (TRUTH.replace(",", ";").encode(), "not separated by commas"),
    "tabs": (TRUTH.replace(",", "\t").encode(), "not separated by commas"),
    "a longer row": (TRUTH.encode() + b"c,1,r,west,9\n", "line 6 has more cells"),
    "longer rows": (TRUTH.replace("th\n", "th,9\n").encode(), "more cells than the header"),
    "an open quote": (TRUTH.encode() + b'c,1,"r,west\n', "a quote that opens near line 6"),
    "a column twice": (TRUTH.replace("area", "source", 1).encode(), "a column twice"),
    "a shorter row": (TRUTH.encode() + b"c,1\n", "column person_id is empty"),
    "a role of neither": (TRUTH.replace("area", "role", 1).encode(), "only child or carer"),
}


@pytest.mark.parametrize(("content", "message"), NOT_CSV.values(), ids=NOT_CSV.keys())
def test_a_truth_that_is_no_table_is_told_as_what_it_is(
    content: bytes,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "truth.csv").write_bytes(content)
    write(tmp_path / "crosswalk.csv", CROSSWALK)
    monkeypatch.chdir(tmp_path)
    call = ["evaluate", "--truth", "truth.csv", "--crosswalk", "crosswalk.csv"]
    monkeypatch.setattr("sys.argv", ["matcher", *call])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == DATA_PROBLEM
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("matcher: truth")
    assert message in shown.err


def test_data_that_cannot_be_evaluated_is_told_as_json_too(tmp_path: Path) -> None:
    write(tmp_path / "truth.csv", TRUTH)
    call = ("evaluate", "--truth", "truth.csv", "--crosswalk", "truth.csv", "--json")
    answer = matcher(tmp_path, *call)
    assert answer.status == DATA_PROBLEM
    assert json.loads(answer.out) == {
        "error": {"status": DATA_PROBLEM, "message": "crosswalk: missing column child_id"}
    }
