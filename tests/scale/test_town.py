"""The shipped rules and model give the same on Splink for the records of an invented town."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fixtures.generator import generate_town, write_generic
from fixtures.generator.rates import GENERIC_SOURCES
from matcher.frames import join_records
from matcher.prepared import Prepared, prepare
from matcher.read import read_extract
from matcher.rules.matching import BlockingRule, MatchingRules
from matcher.rules.sources import load_source_definitions
from matcher.scale import score_on_splink
from matcher.table import Column, Table
from tests.property import engine, reference
from tests.scale.test_engines_agree import assert_same, on_the_core
from tests.spec import shipped


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder: Path = tmp_path_factory.mktemp("town")
    write_generic(generate_town(120, seed=4, only=GENERIC_SOURCES), folder)
    layout = load_source_definitions(shipped.RULES / "sources")["generic"]
    extracts = [read_extract(name, folder / f"{name}.csv", layout) for name in GENERIC_SOURCES]
    records = join_records([extract.records for extract in extracts])
    return prepare(records, shipped.rules(), {"school_census"})


def everybody(town: Prepared, rules: MatchingRules) -> tuple[Prepared, MatchingRules]:
    """The town and rules that propose every pair."""
    same = Column(np.zeros(town.table.size, dtype=np.int32), np.array(["1"], dtype=object))
    table = Table({**town.table.columns, "everybody": same}, town.table.size)
    everyone = BlockingRule(name="everybody", key=["everybody"])
    return replace(town, table=table), rules.model_copy(update={"blocking": [everyone]})


def test_candidate_pairs_of_the_shipped_rules(town: Prepared) -> None:
    rules, model = shipped.rules().matching, shipped.model()
    found = score_on_splink(town, rules, model)
    assert len(found) > 400
    assert_same(found, on_the_core(town, rules, model))


def test_every_pair_under_the_shipped_rules(town: Prepared) -> None:
    (records, rules), model = everybody(town, shipped.rules().matching), shipped.model()
    found = score_on_splink(records, rules, model)
    size = len(records.records)
    assert size > 300
    assert size * (size - 1) / 2 * 0.9 < len(found) < size * (size - 1) / 2
    assert_same(found, on_the_core(records, rules, model))


def test_levels_of_the_shipped_rules_are_those_of_the_reference(town: Prepared) -> None:
    rules, model = shipped.rules().matching, shipped.model()
    found = score_on_splink(town, rules, model)
    frame = town.standardised.astype(object).where(town.standardised.notna(), None)
    rows = frame.to_dict("records")
    assert len(found) > 400
    for pair in found.to_dict("records"):
        levels = reference.grade_all(rules.comparisons, rows[pair["l"]], rows[pair["r"]])
        assert {x.name: engine.name_of(x, pair[x.name]) for x in rules.comparisons} == levels
