"""The commands around linking: train, evaluate, generate."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.command import DATA_PROBLEM, GOOD, files_in, matcher, write


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
