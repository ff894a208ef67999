"""Counts of pairs and B-cubed against drawn tables, brute force and recordlinkage."""

from collections.abc import Callable
from itertools import combinations

import pandas as pd
import pytest
import recordlinkage
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import DataError
from matcher.evaluate import GroupScores, PairScores, evaluate
from matcher.evaluate.pairs import size_scores

Table = Callable[[str], pd.DataFrame]

TRUTH = """
    source   record_id  person_id  ethnic_group  typing_error
    estart   1          anna       Asian         0
    estart   2          anna       Asian         1
    caf      1          anna       Asian         0
    estart   3          ben        White         0
    caf      2          ben        White         0
    caf      3          carl       -             1
"""
CROSSWALK = """
    source   record_id  child_id
    estart   1          C1
    caf      1          C1
    estart   2          C2
    estart   3          C2
    caf      2          C2
    caf      3          C3
"""


def by_value(groups: tuple[GroupScores, ...], column: str) -> dict[str, GroupScores]:
    return {group.value: group for group in groups if group.column == column}


def test_pairs_are_counted_overall_across_sources_and_within_them(table: Table) -> None:
    result = evaluate(table(TRUTH), table(CROSSWALK))
    assert result.pairs == PairScores(correct=2, predicted=4, actual=4)
    assert result.cross_source == PairScores(correct=2, predicted=3, actual=3)
    assert result.within_source == PairScores(correct=0, predicted=1, actual=1)
    assert (result.pairs.false, result.pairs.missed) == (2, 2)
    assert result.pairs.precision.value == result.pairs.recall.value == result.pairs.f1 == 0.5
    assert (result.records, result.children, result.clusters) == (6, 3, 3)


def test_a_false_pair_counts_for_the_groups_of_both_its_people(table: Table) -> None:
    groups = by_value(evaluate(table(TRUTH), table(CROSSWALK)).groups, "ethnic_group")
    assert list(groups) == ["Asian", "White", "not known"]
    assert groups["Asian"].pairs == PairScores(correct=1, predicted=3, actual=3)
    assert groups["White"].pairs == PairScores(correct=1, predicted=3, actual=1)
    assert groups["not known"].pairs == PairScores(correct=0, predicted=0, actual=0)
    assert groups["not known"].pairs.recall.value is None
    assert (groups["Asian"].records, groups["Asian"].children) == (3, 1)


def test_a_flag_counts_for_a_pair_if_either_record_has_it(table: Table) -> None:
    flags = by_value(evaluate(table(TRUTH), table(CROSSWALK)).groups, "typing_error")
    assert flags["1"].pairs == PairScores(correct=0, predicted=2, actual=2)
    assert flags["0"].pairs == PairScores(correct=2, predicted=2, actual=2)


@pytest.mark.parametrize("as_flag", [int, float, bool, str])
def test_a_flag_is_known_in_any_type(table: Table, as_flag: type) -> None:
    truth = table(TRUTH)
    truth["typing_error"] = [as_flag(int(cell)) for cell in truth["typing_error"]]
    flags = by_value(evaluate(truth, table(CROSSWALK)).groups, "typing_error")
    assert flags["1"].pairs.predicted == 2


def test_records_that_the_crosswalk_lacks_are_alone_and_counted(table: Table) -> None:
    crosswalk = table(CROSSWALK).iloc[1:]
    result = evaluate(table(TRUTH), crosswalk)
    assert result.not_in_crosswalk == 1
    assert result.pairs == PairScores(correct=1, predicted=3, actual=4)
    assert evaluate(table(TRUTH), crosswalk.iloc[:0]).pairs == PairScores(0, 0, 4)


def test_crosswalk_records_outside_the_truth_are_left_out_and_counted(table: Table) -> None:
    result = evaluate(table(TRUTH).iloc[:3], table(CROSSWALK))
    assert result.not_in_truth == 3
    assert result.pairs == PairScores(correct=1, predicted=1, actual=3)


def test_carers_are_left_out(table: Table) -> None:
    truth = table("""
        source  record_id  person_id  role
        estart  1          anna       child
        estart  2          maria      carer
        caf     1          anna       -
    """)
    result = evaluate(truth, table(CROSSWALK))
    assert (result.records, result.carers_left_out) == (2, 1)
    assert result.groups == ()


def test_columns_with_too_many_values_are_named_and_passed_over_unless_asked_for() -> None:
    truth = pd.DataFrame({"record_id": range(60), "household": range(60)}).assign(
        source="caf", person_id=lambda rows: rows["record_id"]
    )
    crosswalk = truth.assign(child_id=truth["record_id"])
    assert evaluate(truth, crosswalk).columns_passed_over == ("household",)
    assert len(evaluate(truth, crosswalk, group_by=["household"]).groups) == 60
    assert evaluate(truth, crosswalk, group_by=[]).groups == ()


def test_numbers_order_groups_by_size() -> None:
    truth = pd.DataFrame({"record_id": [1, 2, 3], "deprivation_band": [10, 9, 2]})
    truth = truth.assign(source="caf", person_id=truth["record_id"])
    groups = evaluate(truth, truth.assign(child_id=truth["record_id"])).groups
    assert [group.value for group in groups] == ["2", "9", "10"]


@pytest.mark.parametrize(
    ("frame", "change", "message"),
    [
        ("truth", lambda rows: rows.drop(columns="person_id"), "missing column person_id"),
        ("crosswalk", lambda rows: rows.drop(columns="child_id"), "missing column child_id"),
        ("truth", lambda rows: pd.concat([rows, rows.iloc[:2]]), "2 rows repeat"),
        ("crosswalk", lambda rows: pd.concat([rows, rows.iloc[:1]]), "1 row repeats"),
        ("truth", lambda rows: rows.assign(person_id=None), "person_id is empty in 6 rows"),
        ("crosswalk", lambda rows: rows.assign(child_id=""), "child_id is empty in 6 rows"),
        ("truth", lambda rows: rows.assign(role="parent"), "only child or carer"),
        ("truth", lambda rows: rows.assign(role="carer"), "no record of a child"),
        ("truth", lambda rows: rows.assign(source=rows["source"] + "2"), "none of its rec"),
    ],
)
def test_bad_input_is_refused_without_showing_values(
    table: Table, frame: str, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    frames = {"truth": table(TRUTH), "crosswalk": table(CROSSWALK)}
    frames[frame] = change(frames[frame])
    with pytest.raises(DataError, match=message) as error:
        evaluate(frames["truth"], frames["crosswalk"])
    assert str(error.value).startswith(frame)
    assert "anna" not in str(error.value)
    assert "parent" not in str(error.value)


def test_recordlinkage_finds_the_same_precision_recall_and_f_score(table: Table) -> None:
    truth, crosswalk = table(TRUTH), table(CROSSWALK)
    joined = truth.merge(crosswalk)

    def pairs(column: str) -> pd.MultiIndex:
        labels = joined[column]
        found = [(i, j) for i, j in combinations(joined.index, 2) if labels[i] == labels[j]]
        return pd.MultiIndex.from_tuples(found)

    actual, predicted = pairs("person_id"), pairs("child_id")
    result = evaluate(truth, crosswalk).pairs
    assert result.precision.value == recordlinkage.precision(actual, predicted)
    assert result.recall.value == recordlinkage.recall(actual, predicted)
    assert result.f1 == recordlinkage.fscore(actual, predicted)
    assert result.false == recordlinkage.false_positives(actual, predicted)
    assert result.missed == recordlinkage.false_negatives(actual, predicted)


@st.composite
def labelled_records(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 14))

    def column(values: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(values, min_size=size, max_size=size))

    rows = pd.DataFrame(
        {
            "source": column(st.sampled_from(["caf", "estart"])),
            "record_id": [str(number) for number in range(size)],
            "person_id": column(st.sampled_from("pqrs")),
            "child_id": column(st.sampled_from("wxyz")),
            "flag": column(st.sampled_from([0, 1])),
        }
    )
    group_of = {person: draw(st.sampled_from(["A", "B", None])) for person in "pqrs"}
    rows["group"] = rows["person_id"].map(group_of)
    return rows


def by_hand(rows: pd.DataFrame, counts: Callable[[pd.Series, pd.Series], bool]) -> PairScores:
    correct = predicted = actual = 0
    for (_, left), (_, right) in combinations(rows.iterrows(), 2):
        if counts(left, right):
            together = left["child_id"] == right["child_id"]
            same = left["person_id"] == right["person_id"]
            correct, predicted, actual = (
                correct + (together and same),
                predicted + together,
                actual + same,
            )
    return PairScores(correct, predicted, actual)


@given(labelled_records())
def test_counting_equals_listing_every_pair(rows: pd.DataFrame) -> None:
    truth, crosswalk = rows.drop(columns="child_id"), rows[["source", "record_id", "child_id"]]
    result = evaluate(truth, crosswalk)
    assert result.pairs == by_hand(rows, lambda left, right: True)
    assert result.cross_source == by_hand(
        rows, lambda left, right: left["source"] != right["source"]
    )
    assert result.within_source == by_hand(
        rows, lambda left, right: left["source"] == right["source"]
    )
    rows = rows.fillna({"group": "not known"})
    for value, scores in by_value(result.groups, "group").items():
        expected = by_hand(rows, lambda left, right, v=value: v in (left["group"], right["group"]))
        assert scores.pairs == expected
        assert scores.children == rows.loc[rows["group"] == value, "person_id"].nunique()
    flags = by_value(result.groups, "flag")
    assert flags["1"].pairs == by_hand(rows, lambda left, right: 1 in (left["flag"], right["flag"]))
    assert flags["0"].pairs == by_hand(
        rows, lambda left, right: 1 not in (left["flag"], right["flag"])
    )


@settings(max_examples=50)
@given(labelled_records())
def test_b_cubed_equals_the_mean_over_records(rows: pd.DataFrame) -> None:
    precision, recall = [], []
    for _, record in rows.iterrows():
        cluster = rows["child_id"] == record["child_id"]
        person = rows["person_id"] == record["person_id"]
        precision.append((cluster & person).sum() / cluster.sum())
        recall.append((cluster & person).sum() / person.sum())
    found = evaluate(rows.drop(columns="child_id"), rows).b_cubed
    assert found.precision == pytest.approx(sum(precision) / len(rows))
    assert found.recall == pytest.approx(sum(recall) / len(rows))
    assert found.f1 == pytest.approx(2 / (1 / found.precision + 1 / found.recall))


@settings(max_examples=20)
@given(labelled_records())
def test_the_order_of_rows_does_not_matter(rows: pd.DataFrame) -> None:
    truth = rows.drop(columns="child_id")
    one, other = evaluate(truth, rows), evaluate(truth.iloc[::-1], rows.iloc[::-1])
    assert one.pairs == other.pairs
    assert one.groups == other.groups


def test_groups_are_added_up_by_their_number_of_children() -> None:
    def group(value: str, children: int, correct: int, *, is_flag: bool = False) -> GroupScores:
        pairs, reviewed = PairScores(correct, 10, 10), PairScores(10, 10, 10)
        return GroupScores("g", is_flag, value, children, children, pairs, reviewed)

    found = size_scores(
        [group("a", 49, 5), group("b", 1_000, 9), group("c", 3, 8), group("1", 50, 1, is_flag=True)]
    )
    assert [(one.fewest, one.most, one.groups, one.pairs) for one in found] == [
        (1, 49, 2, PairScores(13, 20, 20)),
        (1_000, None, 1, PairScores(9, 10, 10)),
    ]
    assert [one.after_review for one in found] == [PairScores(20, 20, 20), PairScores(10, 10, 10)]
    assert size_scores([]) == ()
