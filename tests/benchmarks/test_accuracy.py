"""The accuracy benchmark runs, and counts as the evaluation does."""

import json
from pathlib import Path

import numpy as np
import pytest

from api.services.rules import load_rule_book, shipped_model, shipped_rules
from benchmarks import accuracy, towns
from benchmarks.engines import Outcome, ours, ours_with_linked, plain_table
from benchmarks.gaps import Missed, gap_table, missed_by_cause
from benchmarks.sets import Absent, load_sets
from matcher.evaluate import evaluate
from matcher.frames import records_from

BOOK = load_rule_book(shipped_rules())


@pytest.fixture(scope="module")
def town() -> towns.Town:
    return towns.make_town(300, 5, BOOK)


def test_a_set_that_no_package_brings_is_left_out_and_said_to_be():
    [found] = load_sets(None, ["historical_50k"])
    assert isinstance(found, Absent)
    assert "historical_figures_with_errors_50k.parquet" in found.looked


def test_peers_see_the_same_values_cleaned_and_names_apart():
    records = records_from(
        [
            {"name": "O'Brien, Zoë-Mae", "name_order": "surname_first", "postcode": "ol11aa"},
            {"forename": "JAN", "surname": "Nowak", "date_of_birth": "2016-03-09"},
            {"forename": "Ann", "role": "carer"},
        ]
    )
    table = plain_table(records)
    assert table["forename"].tolist() == ["ZOE MAE", "JAN"]
    assert table["surname"].tolist() == ["OBRIEN", "NOWAK"]
    assert table["dob"].tolist() == [None, "2016-03-09"]
    assert table["postcode"].tolist() == ["OL1 1AA", None]


def test_febrl_is_linked_scored_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "found.json"
    chosen = ["--sets", "febrl1", "--no-towns", "--peers", "--json", str(out)]
    assert accuracy.main(chosen) == 0
    assert "febrl1: 1,000 records, 500 true pairs in one source" in capsys.readouterr().out
    settings = {row["setting"] for row in json.loads(out.read_text())["sets"]}
    assert settings == {"shipped model", "trained without labels"}


def test_a_town_counts_as_the_evaluation_counts(town: towns.Town):
    outcome = ours(town.labelled, BOOK, shipped_model(BOOK), "shipped")
    scores = towns.score_town(town, outcome, review=True)
    truth = town.labelled.truth
    crosswalk = truth[["source", "record_id"]].assign(child_id=outcome.child_id)
    across = evaluate(truth, crosswalk).cross_source
    assert scores.recall == (across.correct, across.actual)
    assert scores.recall_reviewed is not None
    assert scores.recall_reviewed[0] >= scores.recall[0]


def test_causes_of_missed_pairs_add_up_to_the_missed_pairs(town: towns.Town):
    outcome, linked = ours_with_linked(town.labelled, BOOK, shipped_model(BOOK), "shipped")
    found = missed_by_cause(town.labelled, linked, BOOK.linkage.matching)
    correct, actual = towns.score_town(town, outcome, review=False).recall
    assert found.actual.sum() == actual
    assert found.missed.to_numpy().sum() == actual - correct > 0
    both = found + found
    assert both.missed.to_numpy().sum() == 2 * (actual - correct)
    table = gap_table(Missed(found.missed * 10, found.actual * 10))
    assert table.rows[-1][0] == "all"


def test_everybody_in_one_cluster_merges_all_twins(town: towns.Town):
    size = len(town.labelled.truth)
    heap = Outcome("heap", "all", 0.0, child_id=np.full(size, "one", dtype=object))
    scores = towns.score_town(town, heap, review=False)
    assert scores.twins_merged[0] == scores.twins_merged[1] > 0
    assert scores.recall[0] == scores.recall[1]
