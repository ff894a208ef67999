"""The trained model: m and u of every level, as a readable file with a content hash.

A level of a comparison has ``m`` = P(level | match) and ``u`` = P(level | non-match). A
level of an interaction, which is made of other comparisons' levels, has a ``weight`` in
bits that corrects the sum of theirs.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, model_validator

from matcher.errors import ModelError, RuleError, RuleProblem
from matcher.rules.document import Location, Mistake, Rule, load_document, parse_rules, placed
from matcher.rules.matching import Comparison, MatchingRules

Probability = Annotated[float, Field(gt=0, le=1)]


class LevelModel(Rule):
    """Either m and u, or a weight in bits."""

    m: Probability | None = None
    u: Probability | None = None
    weight: float | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "LevelModel":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if given not in (["m", "u"], ["weight"]):
            found = " and ".join(given) or "none"
            raise ValueError(f"a level has m and u, or a weight, found {found}")
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
        return header + str(
            yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100)
        )


def load_model(path: Path, rules: MatchingRules) -> Model:
    """As `read_model`, for those who ask for one model. Raises ModelError."""
    try:
        return read_model(path, rules)
    except RuleError as error:
        raise ModelError(str(error)) from error


def read_model(path: Path, rules: MatchingRules) -> Model:
    """A model file that fits the rules.

    Raises RuleError, with every problem, if it cannot be read, was altered since it was
    trained, or does not fit the levels of the rules.
    """
    model = parse_rules(Model, path)
    _, positions = load_document(path)
    problems = placed(path, positions, _misfits(model, rules))
    if model.content_hash != model.computed_hash:
        line = positions.line_of(("content_hash",))
        problems.append(RuleProblem(path, line, _altered(model)))
    if problems:
        raise RuleError(problems)
    return model


def _altered(model: Model) -> str:
    if not model.content_hash:
        return "content_hash: is missing, so the content cannot be trusted; train the model anew"
    return "content_hash: the content does not match its hash; train the model anew"


def _misfits(model: Model, rules: MatchingRules) -> Iterator[Mistake]:
    """Levels of the rules that the model lacks or weighs otherwise, and what it has besides."""
    for comparison in rules.comparisons:
        place: Location = ("comparisons", comparison.name)
        given = model.comparisons.get(comparison.name, {})
        expected = evidence_levels(comparison)
        kind = "a weight" if comparison.is_interaction else "m and u"
        for name in sorted(expected - given.keys()):
            level = f"{comparison.name}.{name}"
            yield (
                place,
                f"no {level}, a level of matching.yaml that needs {kind}; train a model anew",
            )
        for name in sorted(given.keys() - expected):
            level = f"{comparison.name}.{name}"
            yield (*place, name), f"unknown {level}: no such level gives evidence in matching.yaml"
        for name in sorted(expected & given.keys()):
            if (given[name].weight is not None) != comparison.is_interaction:
                yield (*place, name), f"must have {kind}: {_WHY[comparison.is_interaction]}"
    known = {comparison.name for comparison in rules.comparisons}
    for name in sorted(model.comparisons.keys() - known):
        yield (
            ("comparisons", name),
            f"unknown comparison {name}: matching.yaml has none of that name",
        )


_WHY = {
    True: "this comparison is made of other comparisons' levels",
    False: "this comparison is made of columns, not of other comparisons' levels",
}


def evidence_levels(comparison: Comparison) -> set[str]:
    """Names of the levels that carry weight."""
    return {level.name for level in comparison.levels if level.evidence}
