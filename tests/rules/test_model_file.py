"""The model file: readable, sealed with its hash, and made for its rules."""

from pathlib import Path

import pytest
import yaml

from matcher.errors import ModelError, RuleError
from matcher.rules.model import LevelModel, Model, load_model, read_model
from tests.spec import shipped


def written(tmp_path: Path, model: Model | None = None) -> Path:
    path = tmp_path / "model.yaml"
    path.write_text((model or shipped.model()).to_yaml(), encoding="utf-8")
    return path


def load(path: Path) -> Model:
    return load_model(path, shipped.rules().matching)


def test_a_model_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert load(path) == shipped.model()
    assert load(path).to_yaml() == path.read_text(encoding="utf-8")


def test_a_model_that_was_altered_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["comparisons"]["sex"]["same"]["m"] = 0.5
    path.write_text(yaml.dump(data), encoding="utf-8")
    with pytest.raises(ModelError, match="does not match its hash"):
        load(path)


def test_layout_and_comments_may_change(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text("# Ours\n" + yaml.dump(data, default_flow_style=True), encoding="utf-8")
    assert load(path) == shipped.model()


def test_everything_that_does_not_fit_the_rules_is_told_at_once(tmp_path: Path) -> None:
    comparisons = {name: dict(levels) for name, levels in shipped.model().comparisons.items()}
    del comparisons["sex"]["same"]
    comparisons["sex"]["odd"] = LevelModel(m=0.5, u=0.5)
    comparisons["eyes"] = {}
    other = shipped.model().model_copy(update={"comparisons": comparisons}).sealed()
    with pytest.raises(ModelError) as error:
        load(written(tmp_path, other))
    message = str(error.value)
    assert "no sex.same" in message
    assert "unknown sex.odd" in message
    assert "unknown comparison eyes" in message


def test_each_misfit_is_told_at_its_line(tmp_path: Path) -> None:
    comparisons = {name: dict(levels) for name, levels in shipped.model().comparisons.items()}
    comparisons["sex"]["odd"] = LevelModel(m=0.5, u=0.5)
    comparisons["sex"]["same"] = LevelModel(weight=1.5)
    comparisons["household"]["twins"] = LevelModel(m=0.5, u=0.5)
    del comparisons["upn"]["near"]
    other = shipped.model().model_copy(update={"comparisons": comparisons})
    path = written(tmp_path, other)
    altered = path.read_text(encoding="utf-8").replace("trained_on: ", "trained_on: more than ")
    path.write_text(altered, encoding="utf-8")
    lines = altered.splitlines()
    with pytest.raises(RuleError) as error:
        read_model(path, shipped.rules().matching)
    told = {
        (lines[found.line - 1].strip(), found.message.split(":")[0])
        for found in error.value.problems
    }
    assert told == {
        ("odd:", "comparisons.sex.odd"),
        ("same:", "comparisons.sex.same"),
        ("twins:", "comparisons.household.twins"),
        ("upn:", "comparisons.upn"),
        (lines[-1], "content_hash"),
    }
    messages = "\n".join(found.message for found in error.value.problems)
    assert "comparisons.sex.same: must have m and u" in messages
    assert "comparisons.household.twins: must have a weight" in messages


@pytest.mark.parametrize(
    "level",
    [
        {"m": 0.0, "u": 0.5},
        {"m": 1.5, "u": 0.5},
        {"m": 0.5},
        {"weight": 1, "m": 1, "u": 1},
        {},
        {"weight": float("inf")},
        {"weight": float("nan")},
        {"m": float("nan"), "u": 0.5},
    ],
)
def test_a_level_has_two_probabilities_or_a_weight(tmp_path: Path, level: dict[str, float]) -> None:
    path = written(tmp_path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["comparisons"]["sex"]["same"] = level
    path.write_text(yaml.dump(data), encoding="utf-8")
    with pytest.raises(ModelError, match=r"model\.yaml:\d+: comparisons\.sex\.same"):
        load(path)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    for text in ("", "version: 1\n", "[1, 2]\n", "a: [\n"):
        path.write_text(text)
        with pytest.raises(ModelError):
            load(path)
    with pytest.raises(ModelError, match="cannot be read"):
        load(tmp_path / "absent.yaml")


def test_the_hash_is_of_the_content_alone() -> None:
    model = shipped.model()
    assert model.sealed().content_hash == model.content_hash
    renamed = model.model_copy(update={"trained_on": "elsewhere"})
    assert renamed.computed_hash != model.content_hash
    assert model.model_copy(update={"content_hash": "0" * 64}).computed_hash == model.content_hash
