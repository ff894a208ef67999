"""What linking promises of any data, held on a small invented town."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.classify import probability
from matcher.deciding import Linked
from matcher.frames import join_records, records_from
from matcher.links import link_table
from matcher.pipeline import crosswalk, link, register
from matcher.prepared import Prepared
from matcher.table import Sides
from matcher.weigh import Weights
from tests.property.strategies import steady
from tests.spec import shipped
from tests.spec.background import town
from tests.spec.drawn import rows
from tests.spec.linking import link_in_town

# Records that are wrong in the ways of real ones, so that there is something to decide.
DIRT = """
source | record_id | forename   | surname | date_of_birth | sex | address   | postcode | nhs_number
school | 1         | Aisha      | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA  | 9434765919
clinic | 1         | Ayesha     | Malik   | 2014-03-05    | F   | 2 Mill Rd | OL1 1AA  | 9434765919
social | 1         | Baby       | Malik   | 2014-05-03    |     | 2 Mill Rd | ZZ99 3VZ |
school | 2         | Zara       | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA  | 9990000018
clinic | 2         | Zara       | Begum   | 2014-05-03    | F   | 8 Dale Rd | OL9 5BB  |
social | 2         | Malik      | Zara    | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA  |
school | 3         | Mohd Yusuf | Hussain | 2013-06-15    | M   | 4 Elm St  | OL2 2BB  |
clinic | 3         | Md Yousuf  | Hussein | 2013-06-21    | M   | 4 Elm St  | OL2 2BB  |
clinic | 4         | Yusuf      | Hussain |               | M   |           |          |
social | 4         |            |         |               |     |           |          |
school | 5         | Ruby       | Marsh   | 2015-04-18    | F   | 9 Ash Rd  | OL3 3CC  |
clinic | 5         | Ruby       | Khan    | 2015-04-18    | F   | 3 Elm St  | OL9 9ZZ  |
"""


def dirty_town() -> pd.DataFrame:
    return join_records([records_from(rows(DIRT)), town()])


def linked(records: pd.DataFrame) -> Linked:
    return link(records, shipped.rules(), shipped.model(), threads=1)


def written(found: Linked) -> dict[str, str]:
    """What a run writes, as text."""
    rules = shipped.rules()
    ids = crosswalk(found)
    return {
        "crosswalk": ids.to_csv(index=False),
        "links": link_table(found, rules.matching).to_csv(index=False),
        "register": register(found, ids, rules).to_csv(index=False),
        "candidates": str(found.candidates),
    }


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return written(linked(dirty_town()))


def shuffled_rows(records: pd.DataFrame) -> pd.DataFrame:
    return records.iloc[np.random.default_rng(5).permutation(len(records))].reset_index(drop=True)


def reversed_rows(records: pd.DataFrame) -> pd.DataFrame:
    return records.iloc[::-1].reset_index(drop=True)


def extracts_in_another_order(records: pd.DataFrame) -> pd.DataFrame:
    parts = [part.reset_index(drop=True) for _, part in records.groupby("source", observed=True)]
    return join_records(parts[::-1])


def extracts_cut_in_pieces(records: pd.DataFrame) -> pd.DataFrame:
    """Every piece with the categories of its own rows only, as if read from its own file."""
    pieces = [records_from(_plain(records.iloc[at : at + 37])) for at in range(0, len(records), 37)]
    return join_records(pieces[1:] + pieces[:1])


def rows_with_an_odd_index(records: pd.DataFrame) -> pd.DataFrame:
    return records.set_axis(range(1_000, 1_000 - len(records), -1))


def _plain(records: pd.DataFrame) -> list[dict[str, str]]:
    texts = records.astype(object).where(records.notna(), "")
    return [
        {name: str(value)[:10] if hasattr(value, "year") else value for name, value in row.items()}
        for row in texts.to_dict("records")
    ]


@pytest.mark.parametrize(
    "arrange",
    [
        shuffled_rows,
        reversed_rows,
        extracts_in_another_order,
        extracts_cut_in_pieces,
        rows_with_an_odd_index,
    ],
)
def test_the_same_data_in_any_order_and_any_cut_gives_the_same_files(
    arrange: Callable[[pd.DataFrame], pd.DataFrame], reference: dict[str, str]
) -> None:
    assert written(linked(arrange(dirty_town()))) == reference


def test_linking_twice_and_on_more_threads_gives_the_same_files(reference: dict[str, str]) -> None:
    again = link(dirty_town(), shipped.rules(), shipped.model(), threads=3)
    assert written(again) == reference


def test_linking_leaves_the_records_as_they_were() -> None:
    records = dirty_town()
    before = records.copy(deep=True)
    linked(records)
    pd.testing.assert_frame_equal(records, before)


def test_every_record_of_a_child_is_of_exactly_one_child_and_every_child_has_one_row() -> None:
    records = dirty_town()
    carers = records_from([{"source": "school", "record_id": "carer", "role": "carer"}])
    found = linked(join_records([records, carers]))
    ids = crosswalk(found)
    keys = zip(ids["source"], ids["record_id"], strict=True)
    assert sorted(keys) == sorted(zip(records["source"], records["record_id"], strict=True))
    golden = register(found, ids, shipped.rules())
    assert golden["child_id"].is_unique
    assert set(golden["child_id"]) == set(ids["child_id"])


def test_links_join_records_of_one_child_and_possible_links_join_two() -> None:
    found = linked(dirty_town())
    ids = crosswalk(found).set_index(["source", "record_id"])["child_id"]
    table = link_table(found, shipped.rules().matching)
    for row in table.itertuples():
        together = ids[(row.source_l, row.record_id_l)] == ids[(row.source_r, row.record_id_r)]
        assert together == (row.designation == "link")
    assert {"link", "possible"} == set(table["designation"])


def test_between_two_children_there_is_one_possible_link() -> None:
    found = linked(dirty_town())
    ids = crosswalk(found).set_index(["source", "record_id"])["child_id"]
    table = link_table(found, shipped.rules().matching)
    waiting = table[table["designation"] == "possible"]
    asked = [
        frozenset((ids[(row.source_l, row.record_id_l)], ids[(row.source_r, row.record_id_r)]))
        for row in waiting.itertuples()
    ]
    assert len(set(asked)) == len(asked)


def test_the_weight_of_every_link_is_the_prior_and_one_partial_weight_per_comparison() -> None:
    found = linked(dirty_town())
    rules, prepared = shipped.rules().matching, found.prepared
    frequency = {
        level.term_frequency: found.population.shares(prepared.table, level.term_frequency)
        for comparison in rules.comparisons
        for level in comparison.levels
        if level.term_frequency
    }
    weights = Weights(rules.comparisons, shipped.model(), frequency)
    table = link_table(found, rules)
    keys = pd.MultiIndex.from_frame(prepared.records[["source", "record_id"]].astype(str))
    place = {key: at for at, key in enumerate(keys)}
    pairs = {pair: at for at, pair in enumerate(zip(found.pairs.l, found.pairs.r, strict=True))}
    assert set(table["designation"]) == {"link", "possible"}
    for row in table.itertuples():
        ends = place[row.source_l, row.record_id_l], place[row.source_r, row.record_id_r]
        at = pairs[ends]
        parts = [found.prior[at], found.company[at]]
        for own in weights.by_comparison:
            level = found.pairs.levels[own.rule.name][[at]]
            parts.append(own.partial(level, _one_pair(prepared, ends))[0])
        assert row.match_weight == pytest.approx(sum(parts), abs=0.0006)
        assert row.match_probability == pytest.approx(
            probability(np.array([sum(parts)]))[0], abs=1e-6
        )


def _one_pair(prepared: Prepared, ends: tuple[int, int]) -> Sides:
    l, r = (np.array([end], dtype=np.int32) for end in ends)
    return Sides(prepared.table, prepared.table, l, r)


def test_every_link_has_a_reason_made_of_its_levels_sentences() -> None:
    found = linked(dirty_town())
    rules = shipped.rules().matching
    sentences = {level.reason for rule in rules.comparisons for level in rule.levels}
    table = link_table(found, rules)
    assert (table["reason"] != "").all()
    told = {part for reason in table["reason"] for part in reason.split("; ")}
    assert told & sentences
    assert "forename is the same" in told


# A pair that agrees on everything; taking a value away must never make it less alike than
# giving it another value would, and a placeholder is as good as no value.
FULL = {
    "forename": "Aisha",
    "surname": "Malik",
    "date_of_birth": "2014-05-03",
    "sex": "F",
    "address": "12 Mill Lane",
    "postcode": "OL1 1AA",
    "nhs_number": "9434765919",
    "upn": "P207000016049",
    "middle_names": "Noor",
}
OTHER = {
    "forename": "Edward",
    "surname": "Dyson",
    "date_of_birth": "2011-11-27",
    "sex": "M",
    "address": "80 Dale Road",
    "postcode": "SK9 5BB",
    "nhs_number": "9990000018",
    "upn": "T353200109001",
    "middle_names": "Grace",
}


def beside(left: dict[str, str], right: dict[str, str]) -> tuple[Linked, int]:
    """A run over the two records in the town, and the place of their pair in it."""
    both = records_from(
        [
            {**left, "source": "social", "record_id": "left"},
            {**right, "source": "other", "record_id": "right"},
        ]
    )
    found = link_in_town(both)
    ids = found.prepared.records["record_id"].tolist()
    l, r = sorted((ids.index("left"), ids.index("right")))
    (at,) = np.flatnonzero((found.pairs.l == l) & (found.pairs.r == r))
    return found, int(at)


def evidence(left: dict[str, str], right: dict[str, str]) -> float:
    """Sum of partial weights of the two records."""
    found, at = beside(left, right)
    return float(found.pairs.evidence[at])


@pytest.mark.parametrize("field", sorted(set(FULL) - {"forename", "address", "postcode"}))
def test_a_value_that_is_missing_says_less_against_than_one_that_differs(field: str) -> None:
    without = {name: value for name, value in FULL.items() if name != field}
    differing = {**FULL, field: OTHER[field]}
    assert evidence(FULL, without) > evidence(FULL, differing)
    # No other child of this town has a middle name, so that sharing one is not rare.
    never_less = field == "middle_names"
    assert evidence(FULL, without) < evidence(FULL, FULL) + (0.001 if never_less else 0.0)


def test_an_address_that_is_missing_says_less_against_than_one_that_differs() -> None:
    home = ("address", "postcode")
    without = {name: value for name, value in FULL.items() if name not in home}
    differing = {**FULL, **{name: OTHER[name] for name in home}}
    assert evidence(FULL, differing) < evidence(FULL, without) < evidence(FULL, FULL)


@pytest.mark.parametrize(
    ("field", "placeholder"),
    [
        ("forename", "Baby"),
        ("forename", "Unknown"),
        ("surname", "Unknown"),
        ("date_of_birth", "2014-01-01"),
        ("date_of_birth", "1900-01-01"),
        ("postcode", "ZZ99 3VZ"),
        ("address", "No fixed abode"),
        ("nhs_number", "9999999999"),
    ],
)
@pytest.mark.parametrize("both_sides", [False, True])
def test_a_placeholder_is_as_good_as_no_value(
    field: str, placeholder: str, both_sides: bool
) -> None:
    absent, filled = {**FULL, field: ""}, {**FULL, field: placeholder}
    assert evidence(filled, filled if both_sides else FULL) == pytest.approx(
        evidence(absent, absent if both_sides else FULL)
    )


@settings(steady, max_examples=10)
@given(st.sets(st.sampled_from(sorted(set(FULL) - {"nhs_number"})), max_size=6))
def test_a_missing_value_carries_no_weight_of_its_comparison(absent: set[str]) -> None:
    left = {name: value for name, value in FULL.items() if name not in absent}
    found, at = beside(left, FULL)
    for name, field in {"sex": "sex", "upn": "upn", "date_of_birth": "date_of_birth"}.items():
        assert (found.pairs.levels[name][at] == -1) == (field in absent)


def test_pairs_of_a_source_that_holds_each_child_once_are_never_candidates() -> None:
    records = dirty_town()
    found = link(
        records, shipped.rules(), shipped.model(), single_sources=["school", "clinic"], threads=1
    )
    source = found.prepared.records["source"].astype(str).to_numpy()
    same = source[found.pairs.l] == source[found.pairs.r]
    assert not (same & np.isin(source[found.pairs.l], ["school", "clinic"])).any()
    for child in np.unique(found.clusters.label):
        held = source[found.clusters.label == child].tolist()
        assert max(held.count("school"), held.count("clinic")) <= 1


def test_no_chain_of_links_joins_more_records_of_a_source_than_fit_each_other() -> None:
    found = linked(dirty_town())
    label = found.clusters.label
    fitting = set(zip(*(side.tolist() for side in found.fitting), strict=True))
    joined = {
        (one, other)
        for child in np.unique(label)
        for one, other in itertools.combinations(np.flatnonzero(label == child).tolist(), 2)
        if found.prepared.source[one] == found.prepared.source[other]
    }
    assert joined, "the town holds no child twice in one source, so this shows nothing"
    assert joined <= fitting
