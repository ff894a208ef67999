"""The trained model: m and u of every level, as a readable file with a content hash.

A level of a comparison has ``m`` = P(level | match) and ``u`` = P(level | non-match). A
level of an interaction, which is made of other comparisons' levels, has a ``weight`` in
bits that corrects the sum of theirs.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, model_validator

from matcher.errors import ModelError, RuleError
from matcher.rules.document import Rule, parse_rules
from matcher.rules.matching import Comparison, MatchingRules

Probability = Annotated[float, Field(gt=0, le=1)]


class LevelModel(Rule):
    """Either m and u, or a weight in bits."""

    m: Probability | None = None
    u: Probability | None = None
    weight: float | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "LevelModel":
        given = (self.m is not None, self.u is not None, self.weight is not None)
        if given not in {(True, True, False), (False, False, True)}:
            raise ValueError("a level has m and u, or a weight")
        return self


class Model(Rule):
    """One trained model. ``content_hash`` is the SHA-256 of everything else in the file.

    ``matches_per_record`` is the number of other records of the same child that a record
    is expected to have: the prior, before the data at hand are counted.
    """

    version: int
    trained_on: str
    matches_per_record: Annotated[float, Field(gt=0)]
    comparisons: dict[str, dict[str, LevelModel]]
    content_hash: str = ""

    @property
    def computed_hash(self) -> str:
        """What ``content_hash`` must be."""
        data = self.model_dump(mode="json", exclude={"content_hash"}, exclude_none=True)
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def sealed(self) -> "Model":
        """The same model with its content hash."""
        return self.model_copy(update={"content_hash": self.computed_hash})

    def to_yaml(self) -> str:
        """The model's file."""
        data = self.sealed().model_dump(mode="json", exclude_none=True)
        header = "# Trained model. Probabilities of each comparison level; change by training.\n"
        return header + str(yaml.dump(data, sort_keys=False, allow_unicode=True, width=100))


def load_model(path: Path, rules: MatchingRules) -> Model:
    """A model file that fits the rules.

    Raises ModelError if it cannot be read, was altered, or knows other levels.
    """
    try:
        model = parse_rules(Model, path)
    except RuleError as error:
        raise ModelError(str(error)) from error
    if model.content_hash != model.computed_hash:
        raise ModelError(f"{path.name}: the content does not match its hash: train it anew")
    problems = _misfits(model, rules)
    if problems:
        raise ModelError(f"{path.name} does not fit the matching rules: " + "; ".join(problems))
    return model


def _misfits(model: Model, rules: MatchingRules) -> list[str]:
    problems = []
    for comparison in rules.comparisons:
        given: dict[str, Any] = dict(model.comparisons.get(comparison.name, {}))
        expected = evidence_levels(comparison)
        missing, unknown = expected - given.keys(), given.keys() - expected
        problems += [f"no {comparison.name}.{name}" for name in sorted(missing)]
        problems += [f"unknown {comparison.name}.{name}" for name in sorted(unknown)]
    names = {comparison.name for comparison in rules.comparisons}
    problems += [f"unknown comparison {name}" for name in sorted(model.comparisons.keys() - names)]
    return problems


def evidence_levels(comparison: Comparison) -> set[str]:
    """Names of the levels that carry weight."""
    return {level.name for level in comparison.levels if level.evidence}
