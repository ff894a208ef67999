"""Golden values: which record each field's value comes from."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.register import golden_values
from matcher.rules.survivorship import GOLDEN_FIELDS, SurvivorshipRules
from matcher.standardise import standardise
from tests.spec import shipped
from tests.spec.drawn import records

RANKING = ["school", "clinic", "social"]


def survivorship(*order: str, sources: list[str] | None = None) -> SurvivorshipRules:
    """Every field by the same criteria."""
    rule = {"order": list(order), "sources": sources}
    return SurvivorshipRules.model_validate(
        {"version": 1, "sources": RANKING, "fields": dict.fromkeys(GOLDEN_FIELDS, rule)}
    )


def golden(text: str, rules: SurvivorshipRules, label: list[int] | None = None) -> pd.DataFrame:
    drawn = records(text)
    known = shipped.rules()
    frame = standardise(drawn, known.names, known.values)
    own = np.zeros(len(drawn), dtype=np.int64) if label is None else np.array(label)
    return golden_values(drawn, frame, own, rules)


def survivor(text: str, field: str, rules: SurvivorshipRules) -> tuple[object, object]:
    row = golden(text, rules).iloc[0]
    return row[field], row[f"{field}_source"]


def test_the_value_that_most_records_hold_survives_however_it_is_written() -> None:
    text = """
        source | forename
        school | Zoe
        clinic | AISHA
        social | Aisha
    """
    assert survivor(text, "forename", survivorship("agreement", "source_rank")) == (
        "AISHA",
        "clinic",
    )


def test_the_source_ranked_first_survives() -> None:
    text = """
        source | sex
        social | M
        clinic | F
        other  | M
    """
    assert survivor(text, "sex", survivorship("source_rank")) == ("F", "clinic")


def test_a_field_may_rank_sources_its_own_way_and_the_unranked_come_last_by_name() -> None:
    text = """
        source | sex
        school | M
        clinic | F
        social | M
    """
    ranked = survivorship("source_rank", sources=["social"])
    assert survivor(text, "sex", ranked) == ("M", "social")
    unknown = survivorship("source_rank", sources=["elsewhere"])
    assert survivor(text, "sex", unknown) == ("F", "clinic")


def test_the_latest_value_survives_and_an_undated_one_is_the_oldest() -> None:
    text = """
        source | postcode | as_of
        school | OL1 1AA  |
        clinic | OL2 2BB  | 2023-01-01
        social | OL3 3DD  | 2024-01-01
    """
    assert survivor(text, "postcode", survivorship("recency")) == ("OL3 3DD", "social")
    undated = text.replace("2023-01-01", "").replace("2024-01-01", "2020-01-01")
    assert survivor(undated, "postcode", survivorship("recency")) == ("OL3 3DD", "social")


def test_a_later_criterion_decides_only_where_the_earlier_leave_a_tie() -> None:
    text = """
        source | sex | as_of
        school | M   | 2020-01-01
        clinic | F   | 2024-01-01
        social | F   | 2020-01-01
    """
    assert survivor(text, "sex", survivorship("agreement", "recency")) == ("F", "clinic")
    assert survivor(text, "sex", survivorship("agreement", "source_rank")) == ("F", "clinic")
    assert survivor(text, "sex", survivorship("source_rank", "agreement")) == ("M", "school")


def test_a_full_tie_ends_with_the_first_record() -> None:
    text = "source | forename\nschool | Ana\nschool | Bea"
    assert survivor(text, "forename", survivorship("agreement", "recency")) == ("Ana", "school")


@pytest.mark.parametrize(
    ("field", "placeholder", "value"),
    [
        ("forename", "Baby", "Aisha"),
        ("surname", "Unknown", "Khan"),
        ("date_of_birth", "1900-01-01", "2014-05-03"),
        ("postcode", "ZZ99 3VZ", "OL1 1AA"),
        ("nhs_number", "9434765918", "9434765919"),
        ("upn", "B207000016049", "P207000016049"),
        ("address", "No fixed abode", "12 Mill Lane"),
    ],
)
def test_a_placeholder_or_malformed_value_never_survives(
    field: str, placeholder: str, value: str
) -> None:
    text = f"source | {field}\nschool | {placeholder}\nschool | {placeholder}\nsocial | {value}"
    rules = survivorship("source_rank", "agreement")
    assert survivor(text, field, rules) == (value, "social")
    alone = golden(f"source | {field}\nschool | {placeholder}", rules).iloc[0]
    assert pd.isna(alone[field])
    assert pd.isna(alone[f"{field}_source"])


def test_names_and_addresses_are_shown_as_they_were_written() -> None:
    text = """
        source | forename | surname     | address
        school | Zoë      | O&#39;Brien | 12, Mill Lane, Oldham
    """
    row = golden(text, survivorship("agreement")).iloc[0]
    assert (row["forename"], row["surname"], row["address"]) == (
        "Zoë",
        "O'Brien",
        "12, Mill Lane, Oldham",
    )


def test_each_child_has_its_own_values_and_one_row() -> None:
    text = """
        source | record_id | forename
        school | 1         | Ana
        clinic | 1         | Bea
        social | 1         | Ana
    """
    found = golden(text, survivorship("agreement"), label=[0, 1, 0])
    assert found.index.tolist() == [0, 1]
    assert found["forename"].tolist() == ["Ana", "Bea"]
    assert found["forename_source"].tolist() == ["school", "clinic"]


def test_fields_may_come_from_different_records() -> None:
    text = """
        source | forename | date_of_birth | upn
        school | Ana      |               | P207000016049
        clinic |          | 2014-05-03    |
    """
    row = golden(text, survivorship("source_rank")).iloc[0]
    assert (row["forename_source"], row["date_of_birth_source"]) == ("school", "clinic")
    assert row["date_of_birth"] == "2014-05-03"


def test_an_address_is_not_completed_with_the_postcode_of_another() -> None:
    text = """
        source | address          | postcode | as_of
        social | 147 Turf Rd      |          | 2024-03-01
        school | 72 Mill Lane     | OL8 1NP  | 2023-03-01
        clinic | 147 Turf Road    | OL1 2TR  | 2022-03-01
    """
    row = golden(text, survivorship("recency")).iloc[0]
    assert list(row[["address", "address_source", "postcode", "postcode_source"]]) == [
        "147 Turf Rd", "social", "OL1 2TR", "clinic",
    ]  # fmt: skip


drawn_places = st.lists(
    st.tuples(
        st.sampled_from(["", "1 Elm St", "1 Elm Street", "2 Oak Rd"]),
        st.sampled_from(["", "OL1 1AA", "OL2 2BB"]),
        st.sampled_from(["2022-03-01", "2023-03-01", "2024-03-01"]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(said=drawn_places, order=st.permutations(["agreement", "source_rank", "recency"]))
def test_golden_address_and_postcode_are_those_of_one_place(
    said: list[tuple[str, str, str, int]], order: list[str]
) -> None:
    lines = [f"school | {at} | {one[0]} | {one[1]} | {one[2]}" for at, one in enumerate(said)]
    text = "\n".join(["source | record_id | address | postcode | as_of", *lines])
    drawn, label = records(text), np.array([one[3] for one in said], dtype=np.int64)
    known = shipped.rules()
    frame = standardise(drawn, known.names, known.values)
    found = golden_values(drawn, frame, label, survivorship(*order))
    for child, row in found.iterrows():
        own = [one[:2] for one in said if one[3] == child]
        has = [isinstance(row[name], str) for name in ("address", "postcode")]
        assert any(has) == any(address or postcode for address, postcode in own)
        if all(has):
            alike = {"1 Elm St", "1 Elm Street"} if "Elm" in row["address"] else {row["address"]}
            assert any((one, row["postcode"]) in own for one in alike)
