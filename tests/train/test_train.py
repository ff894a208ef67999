"""Training: known parameters are recovered, labels are counted, the same seed gives the same."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

import matcher.train
from matcher.errors import DataError
from matcher.frames import join_records, records_from
from matcher.pipeline import block, link, proposed
from matcher.prepared import prepare
from matcher.rules.matching import Comparison
from matcher.rules.model import evidence_levels, load_model
from matcher.train import Counts, train
from tests.property import reference
from tests.spec import shipped
from tests.spec.background import CHILDREN, town


@pytest.fixture(autouse=True)
def fewer_random_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matcher.train, "RANDOM_PAIRS", 20_000)


def comparison(name: str, levels: int) -> Comparison:
    """A comparison of so many levels; what they ask does not matter here."""
    whens = [
        {"name": str(number), "when": {"same": [name]}, "reason": "so"}
        for number in range(levels - 1)
    ]
    last = {"name": "other", "reason": "otherwise"}
    return Comparison.model_validate({"name": name, "title": name, "levels": [*whens, last]})


# P(level | match) and P(level | non-match) of three comparisons, the last entry for missing.
TRUE_M = [[0.70, 0.15, 0.05, 0.10], [0.90, 0.08, 0.02], [0.55, 0.15, 0.30]]
TRUE_U = [[0.01, 0.04, 0.85, 0.10], [0.002, 0.978, 0.02], [0.10, 0.60, 0.30]]
PAIRS, MATCHES = 10_000_000.0, 4_000.0


def simulated() -> tuple[list[Comparison], Counts, Counts]:
    """Every agreement pattern, as often as the true parameters expect it."""
    rules = [comparison(name, len(m) - 1) for name, m in zip("abc", TRUE_M, strict=True)]
    patterns = list(product(*(range(-1, len(m) - 1) for m in TRUE_M)))

    def expected(shares: list[list[float]]) -> np.ndarray:
        return np.array(
            [np.prod([s[at] for s, at in zip(shares, p, strict=True)]) for p in patterns]
        )

    matched, unmatched = MATCHES * expected(TRUE_M), (PAIRS - MATCHES) * expected(TRUE_U)
    levels = np.array(patterns, dtype=np.int8)
    every = Counts(levels, matched + unmatched)
    return rules, every, Counts(levels, (matched + unmatched) / 10)


def test_known_parameters_are_recovered_from_counts_of_patterns_alone() -> None:
    rules, candidates, sampled = simulated()
    found = matcher.train._expectation_maximisation(
        rules, candidates, sampled, PAIRS, size=5_000, base=None
    )
    assert found.matches == pytest.approx(MATCHES, rel=0.05)
    for m, true in zip(found.m, TRUE_M, strict=True):
        assert m == pytest.approx(true, abs=0.02)
    for u, true in zip(found.u, TRUE_U, strict=True):
        assert u == pytest.approx(true, abs=0.002)


def test_a_model_trained_without_labels_knows_what_agreement_is_worth() -> None:
    found = train(town(), shipped.rules())
    for name in ("forename", "surname", "date_of_birth"):
        levels = found.comparisons[name]
        same, different = levels["same"], levels["different"]
        assert same.m > 0.9 > 0.1 > same.u
        assert different.u > 0.9 > 0.1 > different.m
    # Each child of the town has one other record.
    assert found.matches_per_record == pytest.approx(1.0, rel=0.05)


def test_a_trained_model_links_what_it_was_trained_on() -> None:
    found = link(town(), shipped.rules(), train(town(), shipped.rules()), threads=1)
    assert np.unique(found.clusters.label).size == CHILDREN


def test_the_same_seed_gives_the_same_model_and_the_order_of_records_does_not_matter() -> None:
    first = train(town(), shipped.rules(), seed=3)
    shuffled = town().sample(frac=1, random_state=1).reset_index(drop=True)
    assert train(shuffled, shipped.rules(), seed=3) == first
    assert train(town(), shipped.rules(), seed=4).content_hash != first.content_hash


def test_a_trained_model_fits_its_rules_and_its_file_comes_back_the_same(tmp_path) -> None:
    rules = shipped.rules()
    found = train(town(), rules, name="the invented town")
    path = tmp_path / "model.yaml"
    path.write_text(found.to_yaml())
    assert load_model(path, rules.matching) == found
    assert found.trained_on == "the invented town"
    for own in rules.matching.comparisons:
        assert found.comparisons[own.name].keys() == evidence_levels(own)


def test_without_labels_interaction_weights_are_those_of_the_base_model() -> None:
    base = shipped.model()
    found = train(town(), shipped.rules(), base=base)
    without = train(town(), shipped.rules())
    for own in shipped.rules().matching.comparisons:
        if own.is_interaction:
            weights = {name: level.weight for name, level in base.comparisons[own.name].items()}
            kept = {name: level.weight for name, level in found.comparisons[own.name].items()}
            assert kept == weights
            assert {level.weight for level in without.comparisons[own.name].values()} == {0.0}


def truth(records: pd.DataFrame) -> "pd.Series[str]":
    """The town's record ids name the child."""
    keys = pd.MultiIndex.from_arrays([records["source"].astype(str), records["record_id"]])
    return pd.Series(records["record_id"].to_numpy(), index=keys, dtype=object)


def some_wrong(records: pd.DataFrame) -> pd.DataFrame:
    """The clinic has the sex of every fifth child wrong and lacks that of every fourth."""
    rows = records.astype(object)
    clinic = np.flatnonzero((rows["source"] == "clinic").to_numpy())
    other = {"F": "M", "M": "F"}
    for at in clinic[::5]:
        rows.loc[at, "sex"] = other[rows.loc[at, "sex"]]
    rows.loc[clinic[1::4], "sex"] = None
    return records.assign(sex=rows["sex"].astype("category"))


def test_with_labels_m_is_the_share_counted_among_matches() -> None:
    records, rules = some_wrong(town()), shipped.rules()
    found = train(records, rules, truth=truth(records))
    prepared = prepare(records, rules, [])
    frame = prepared.standardised.astype(object).where(prepared.standardised.notna(), None)
    plain = frame.to_dict("records")
    keys = prepared.records["record_id"].tolist()
    matched = [
        (int(l), int(r))
        for left, right in proposed(prepared, block(prepared, rules.matching))
        for l, r in zip(left, right, strict=True)
        if keys[l] == keys[r]
    ]
    assert len(matched) == CHILDREN
    for own in rules.matching.comparisons:
        if own.is_interaction:
            continue
        levels = [reference.grade(own, plain[l], plain[r], {}) for l, r in matched]
        compared = sum(level != "missing" for level in levels)
        for name, level in found.comparisons[own.name].items():
            # Half a pair is added to each level, so that none is impossible.
            share = (levels.count(name) + 0.5) / (compared + 0.5 * len(own.levels))
            assert level.m == pytest.approx(share, rel=0.001)


def test_records_that_the_truth_does_not_know_are_left_out() -> None:
    rules = shipped.rules()
    known = truth(town())
    strangers = records_from(
        {"source": "elsewhere", "record_id": str(number), "surname": "Khan", "forename": "Ada"}
        for number in range(30)
    )
    alone = train(town(), rules, truth=known)
    beside = train(join_records([town(), strangers]), rules, truth=known)
    for name in ("forename", "surname", "date_of_birth"):
        for level, model in alone.comparisons[name].items():
            assert beside.comparisons[name][level].m == pytest.approx(model.m, rel=0.001)


def test_where_no_two_records_are_candidates_there_is_nothing_to_learn() -> None:
    for rows in ([{"surname": "Malik"}], [{"surname": "Malik"}, {"surname": "Dyson"}]):
        with pytest.raises(DataError, match="nothing to learn"):
            train(records_from(rows), shipped.rules())


def test_that_all_candidates_were_given_up_is_told() -> None:
    rows = [{"surname": "Malik", "forename": "Ada", "address": "2 Mill Rd"} for _ in range(3_000)]
    with pytest.raises(DataError, match="blocks that are too large to compare, so there is nothi"):
        train(records_from(rows), shipped.rules())


def test_a_truth_about_other_records_is_refused() -> None:
    elsewhere = truth(town()).rename(lambda key: f"other {key}", level=0)
    with pytest.raises(DataError, match="knows none"):
        train(town(), shipped.rules(), truth=elsewhere)
