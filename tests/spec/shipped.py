"""The rules and the model that ship, read once."""

from functools import cache
from pathlib import Path

from matcher.rules.library import LinkageRules, load_linkage_rules
from matcher.rules.model import Model, load_model

RULES = Path(__file__).parents[2] / "linkage_rules"


@cache
def rules() -> LinkageRules:
    return load_linkage_rules(RULES)


@cache
def model() -> Model:
    return load_model(RULES / "models" / "shipped.yaml", rules().matching)
