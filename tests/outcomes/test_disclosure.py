"""What may be told of small counts, as tables that can be read."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.intervals import Proportion
from matcher.outcomes import (
    PROFILES,
    Profile,
    ToldShare,
    empty_groups,
    protect_all,
    tell_parts,
    tell_share,
)


def result(numerator: int, denominator: int, **more: Any) -> dict[str, Any]:
    """As `as_dict` gives it."""
    nothing: dict[str, Any] = {
        "numerator": numerator,
        "denominator": denominator,
        "unit": "child",
        "reception_year": 2023,
        "compared": False,
        "parts": [],
        "cohort": denominator,
        "value": 100 * numerator / denominator if denominator else None,
        "value_rounded": "exact",
        "interval": {"lower": 0.0, "upper": 100.0},
        "range": None,
        "excluded": [],
        "unlinked": 0,
        "unlinked_by_source": [],
        "unlinked_in_denominator": 0,
    }
    return nothing | more


def part(name: str, numerator: int, denominator: int) -> dict[str, Any]:
    return {
        "name": name,
        "text": name,
        "share": {"numerator": numerator, "denominator": denominator},
    }


def protect(exact: dict[str, Any], profile: Profile) -> dict[str, Any]:
    (shown,) = protect_all([exact], profile)
    return shown


@pytest.mark.parametrize(
    ("profile", "numerator", "denominator", "shown"),
    [
        ("none", 3, 11, (3, 11, "exact")),
        ("nhs_digital", 353, 663, (355, 665, "53.4")),
        ("nhs_digital", 8, 100, (10, 100, "10.0")),
        ("nhs_digital", 7, 100, (None, 100, None)),
        ("nhs_digital", 93, 100, (None, 100, None)),
        ("nhs_digital", 0, 100, (0, 100, "0.0")),
        ("nhs_digital", 100, 100, (100, 100, "100.0")),
        ("nhs_digital", 0, 4, (None, None, None)),
        ("round5", 4, 50, (None, 50, None)),
        ("round5", 5, 50, (5, 50, "10.0")),
        ("threshold10", 9, 60, (None, 60, None)),
        ("threshold10", 12, 61, (12, 61, "19.7")),
    ],
)
def test_a_numerator_its_remainder_and_their_percentage_are_protected_together(
    profile: Any, numerator: int, denominator: int, shown: tuple[Any, ...]
) -> None:
    found = protect(result(numerator, denominator), PROFILES[profile])
    assert (found["numerator"], found["denominator"], found["value_rounded"]) == shown
    assert found["suppressed"] == (shown[0] is None)
    assert found["disclosure"] == profile


def test_one_hidden_side_of_a_comparison_hides_another_since_the_total_would_tell() -> None:
    sides = [part("yes", 3, 40), part("no", 30, 90), part("unknown", 20, 60)]
    found = protect(result(53, 190, compared=True, parts=sides), PROFILES["nhs_digital"])
    assert [one["share"]["numerator"] for one in found["parts"]] == [None, 30, None]
    assert (found["value"], found["interval"], found["numerator"]) == (None, None, None)


def test_a_gap_is_that_of_the_rounded_counts() -> None:
    sides = [part("yes", 353, 663), part("no", 1896, 2844)]
    found = protect(result(2249, 3507, compared=True, parts=sides), PROFILES["nhs_digital"])
    assert found["value_rounded"] == "-13.2"
    assert [one["share"]["numerator"] for one in found["parts"]] == [355, 1895]


def test_a_percentage_that_rounding_could_move_far_is_not_told() -> None:
    found = protect(result(13, 22), PROFILES["nhs_digital"])
    assert (found["numerator"], found["denominator"], found["value"]) == (15, 20, None)
    assert protect(result(35, 50), PROFILES["nhs_digital"])["value_rounded"] == "70.0"


def test_the_range_tells_nothing_that_the_value_does_not() -> None:
    range_ = {
        "refused": 50.0,
        "accepted": 53.0,
        "accepted_numerator": 53,
        "accepted_denominator": 100,
        "accepted_unlinked": 3,
    }
    shown = protect(result(50, 100, range=range_), PROFILES["nhs_digital"])
    assert shown["range"] == {
        "refused": 50.0,
        "accepted": 55.0,
        "accepted_numerator": 55,
        "accepted_denominator": 100,
        "accepted_unlinked": None,
    }
    hidden = protect(result(5, 100, range=range_), PROFILES["nhs_digital"])
    assert set(hidden["range"].values()) == {None}


def test_small_counts_of_those_left_out_or_not_linked_are_hidden() -> None:
    found = protect(
        result(
            50,
            100,
            excluded=[{"code": "meals_unknown", "text": "...", "count": 2}],
            unlinked_by_source=[{"code": "estart", "text": "...", "count": 12}],
            unlinked=12,
        ),
        PROFILES["nhs_digital"],
    )
    assert found["excluded"][0]["count"] is None
    assert found["unlinked_by_source"][0]["count"] == 10
    assert found["unlinked"] == 10
    assert found["suppressed"]


@given(
    numerator=st.integers(0, 400),
    rest=st.integers(0, 400),
    profile=st.sampled_from(sorted(set(PROFILES) - {"none"})),
)
def test_no_small_count_can_be_worked_out_of_what_is_shown(
    numerator: int, rest: int, profile: Any
) -> None:
    rules = PROFILES[profile]
    found = protect(result(numerator, numerator + rest), rules)
    if rules.hides(numerator) or rules.hides(rest) or rules.hides(numerator + rest):
        assert found["numerator"] is None
        assert (found["value"], found["value_rounded"], found["interval"]) == (None, None, None)
    else:
        assert abs(found["numerator"] - numerator) <= rules.base // 2 + rules.base % 2
        assert 0 <= found["numerator"] <= found["denominator"]


def gap(yes: int, no: int, unknown: int, others: int = 0) -> dict[str, Any]:
    """A comparison over a cohort, half of each side in the numerator."""
    counts = {"yes": yes, "no": no, "unknown": unknown}
    return result(
        (yes // 2) + (no // 2),
        yes + no,
        compared=True,
        cohort=yes + no + unknown + others,
        parts=[part(name, one // 2, one) for name, one in counts.items()],
        excluded=[left_out("meals_unknown", unknown)] if unknown else [],
    )


def left_out(code: str, count: int) -> dict[str, Any]:
    return {"code": code, "text": code, "count": count}


def test_few_who_are_left_out_of_a_cohort_are_not_what_is_left_of_it() -> None:
    profile = PROFILES["threshold10"]
    (alone,) = protect_all([gap(59, 202, 3)], profile)
    assert alone["cohort"] is None
    assert [one["share"]["denominator"] for one in alone["parts"]] == [59, 202, None]
    assert alone["value"] is not None
    both = protect_all([gap(59, 202, 3), result(130, 264)], profile)
    assert [one["denominator"] for one in both] == [None, 264]
    assert [one["share"]["denominator"] for one in both[0]["parts"]] == [None, 202, None]
    assert both[0]["value"] is None
    (enough,) = protect_all([gap(59, 202, 30)], profile)
    assert enough["cohort"] == 291


def of(*denominator: str, numerator: str = "good level", compare: str | None = None) -> Any:
    return {"denominator": ["cohort", *denominator], "numerator": [numerator], "compare": compare}


def test_a_part_of_whom_another_measure_counts_is_hidden_if_the_rest_are_few() -> None:
    profile = PROFILES["threshold10"]
    all_ = result(60, 200, conditions=of())
    # All but 5 are eligible for meals.
    eligible = result(58, 195, cohort=200, conditions=of("meals"))
    for told in (protect_all([all_, eligible], profile), protect_all([eligible, all_], profile)):
        by_whole = {one["denominator"]: one for one in told}
        assert by_whole[200]["numerator"] == 60
        assert (by_whole[None]["numerator"], by_whole[None]["value"]) == (None, None)
    # Other children, or enough of them.
    for other in (
        result(58, 195, cohort=200, unit="family", conditions=of("meals")),
        result(58, 195, cohort=200, reception_year=2024, conditions=of("meals")),
        result(40, 180, cohort=200, conditions=of("meals")),
    ):
        assert protect_all([all_, other], profile)[1]["denominator"] == other["denominator"]


def test_a_part_of_those_who_meet_a_condition_is_hidden_if_the_rest_are_few() -> None:
    # Of the 60 at a good level 57 are eligible, and 3 are not.
    told = protect_all(
        [
            result(60, 200, conditions=of()),
            result(57, 150, cohort=200, conditions=of("meals")),
        ],
        PROFILES["threshold10"],
    )
    assert [one["numerator"] for one in told] == [60, None]


def test_a_side_of_a_comparison_is_a_part_too() -> None:
    sides = [part("yes", 57, 150), part("no", 12, 50)]
    compared = result(69, 200, compared=True, parts=sides, conditions=of(compare="meals"))
    few = result(50, 145, cohort=200, conditions=of("meals"))
    told = protect_all([compared, few], PROFILES["threshold10"])
    assert told[1]["denominator"] is None


def test_those_left_out_by_one_measure_alone_are_not_what_two_measures_differ_by() -> None:
    told = protect_all(
        [
            result(60, 190, cohort=200, conditions=of("meals")),
            result(30, 186, cohort=200, conditions=of("meals", numerator="contact")),
        ],
        PROFILES["threshold10"],
    )
    assert [one["denominator"] for one in told] == [190, None]


# Children by whether they are eligible, at a good level, and in contact.
_CONDITIONS = ("meals", "good level", "contact")
_CELLS = list(product((True, False), repeat=3))
_MEASURES = st.tuples(st.sets(st.sampled_from(_CONDITIONS[:2])), st.sampled_from(_CONDITIONS))


@given(
    counts=st.lists(st.sampled_from((0, 2, 4, 15, 40)), min_size=8, max_size=8),
    measures=st.lists(_MEASURES, min_size=2, max_size=3),
)
def test_no_few_are_what_two_counts_of_measures_differ_by(
    counts: list[int], measures: list[tuple[set[str], str]]
) -> None:
    size = dict(zip(_CELLS, counts, strict=True))

    def who(*met: str) -> frozenset[tuple[bool, ...]]:
        return frozenset(one for one in _CELLS if all(one[_CONDITIONS.index(name)] for name in met))

    def how_many(cells: Iterable[tuple[bool, ...]]) -> int:
        return sum(size[one] for one in cells)

    exact, counted = [], []
    for within, numerator in measures:
        all_, some = who(*within), who(*within, numerator)
        counted.append((all_, some))
        exact.append(
            result(how_many(some), how_many(all_), cohort=sum(counts),
                   conditions=of(*sorted(within), numerator=numerator))
        )  # fmt: skip
    told: set[frozenset[tuple[bool, ...]]] = set()
    for shown, (all_, some) in zip(
        protect_all(exact, PROFILES["threshold10"]), counted, strict=True
    ):
        told |= {all_} if shown["denominator"] is not None else set()
        told |= {some, all_ - some} if shown["numerator"] is not None else set()
    for whole, one in product(told, repeat=2):
        assert not one <= whole or not 1 <= how_many(whole - one) <= 9


def told_of(shown: dict[str, Any], at: int) -> dict[str, int]:
    """What is told of a measure, by what it is of."""
    found = {"cohort": shown["cohort"], f"{at} all": shown["denominator"]}
    found |= {f"{at} {one['code']}": one["count"] for one in shown["excluded"]}
    for one in shown["parts"]:
        found[f"{at} {one['name']}"] = one["share"]["denominator"]
        found[f"{at} of {one['name']}"] = one["share"]["numerator"]
    found[f"{at} of all"] = shown["numerator"]
    return {name: count for name, count in found.items() if count is not None}


def sums_of(exact: dict[str, Any], at: int) -> list[tuple[str, list[str]]]:
    """What the counts of a measure add up to, as anybody knows who reads its definition."""
    sides = [one["name"] for one in exact["parts"] if one["name"] != "unknown"]
    codes = [one["code"] for one in exact["excluded"]]
    sums = [("cohort", [f"{at} {name}" for name in (sides or ["all"])])]
    sums[0][1].extend(f"{at} {code}" for code in codes)
    if sides:
        sums.append((f"{at} all", [f"{at} {name}" for name in sides]))
        sums.append((f"{at} of all", [f"{at} of {name}" for name in sides]))
    if "meals_unknown" in codes:
        sums.append((f"{at} unknown", [f"{at} meals_unknown"]))
    shares = [*sides, "all"]
    return sums + [(f"{at} {name}", [f"{at} of {name}", f"{at} not of {name}"]) for name in shares]


def subtracted(known: dict[str, int], sums: list[tuple[str, list[str]]]) -> dict[str, int]:
    """All that can be found of what is told by adding and subtracting."""
    found, before = dict(known), -1
    while len(found) > before:
        before = len(found)
        for whole, parts in sums:
            missing = [name for name in parts if name not in found]
            if not missing:
                found.setdefault(whole, sum(found[name] for name in parts))
            elif len(missing) == 1 and whole in found:
                rest = sum(found[name] for name in parts if name in found)
                found[missing[0]] = found[whole] - rest
    return found


_COUNTS = st.integers(0, 12) | st.integers(0, 300)


@given(
    gaps=st.lists(st.tuples(_COUNTS, _COUNTS, _COUNTS), min_size=1, max_size=2),
    share=st.none() | st.integers(0, 12),
)
def test_nothing_that_is_few_can_be_found_by_subtraction(
    gaps: list[tuple[int, int, int]], share: int | None
) -> None:
    cohort = max(sum(one) for one in gaps)
    exact = [gap(yes, cohort - yes - unknown, unknown) for yes, _, unknown in gaps]
    if share is not None and share <= cohort:
        lost = [left_out("results_incomplete", share)] if share else []
        exact.append(result((cohort - share) // 2, cohort - share, cohort=cohort, excluded=lost))
    shown = protect_all(exact, PROFILES["threshold10"])
    told = {name: n for at, one in enumerate(shown) for name, n in told_of(one, at).items()}
    sums = [one for at, result in enumerate(exact) for one in sums_of(result, at)]
    few = {name for name, count in subtracted(told, sums).items() if 1 <= count <= 9}
    assert not few


@given(_COUNTS, _COUNTS, st.integers(1, 7))
def test_rounded_counts_leave_open_how_many_are_hidden(yes: int, no: int, unknown: int) -> None:
    profile = PROFILES["nhs_digital"]
    known = protect(gap(yes, no, unknown), profile)
    told = [one["share"]["denominator"] for one in known["parts"][:2]]
    if known["cohort"] is None or None in told:
        return
    lowest, highest = (known["cohort"] + off - sum(told) for off in (-6, 6))
    assert max(lowest, 1) < min(highest, 7)


@pytest.mark.parametrize(
    ("profile", "numerator", "denominator", "told"),
    [
        ("threshold10", 120, 180, ToldShare(Proportion(120, 180))),
        ("threshold10", 180, 180, ToldShare(Proportion(180, 180))),
        ("threshold10", 179, 180, ToldShare(at_least=95)),
        ("threshold10", 171, 180, ToldShare(at_least=95)),
        ("threshold10", 3, 180, ToldShare(at_most=5)),
        ("threshold10", 9, 18, ToldShare()),
        ("threshold10", 15, 17, ToldShare()),
        ("threshold10", 5, 7, ToldShare()),
        ("threshold10", 0, 0, ToldShare()),
        ("none", 5, 7, ToldShare(Proportion(5, 7))),
    ],
)
def test_a_share_that_may_not_be_told_has_a_limit_where_that_says_enough(
    profile: Any, numerator: int, denominator: int, told: ToldShare
) -> None:
    assert tell_share(Proportion(numerator, denominator), PROFILES[profile]) == told


@given(st.integers(1, 9), st.integers(1, 9), st.integers(19, 5000))
def test_a_limit_is_the_same_whatever_the_hidden_count(one: int, other: int, whole: int) -> None:
    profile = PROFILES["threshold10"]
    told = {tell_share(Proportion(whole - rest, whole), profile) for rest in (one, other)}
    assert len(told) == 1
    (limit,) = {found.at_least for found in told}
    assert limit is None or 100 * (whole - max(one, other)) / whole >= limit


@given(st.lists(st.integers(0, 60), max_size=6))
def test_no_part_of_a_total_is_hidden_alone(counts: list[int]) -> None:
    told = tell_parts(counts, PROFILES["threshold10"])
    hidden = [count for count, shown in zip(counts, told, strict=True) if shown is None]
    few = len(hidden) == 1 or 1 <= sum(hidden) <= 9
    assert not few or not any(told), "what is left of the total would tell it"
    assert all(shown in (None, count) for count, shown in zip(counts, told, strict=True))
    assert all(not 1 <= (shown or 0) <= 9 for shown in told)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_group_is_empty_only_if_nobody_is_in_it_never_because_it_is_hidden(
    profile: Profile,
) -> None:
    parts = [part("yes", 0, 0), part("no", 2, 3), part("unknown", 0, 0)]
    gap = protect(result(2, 3, compared=True, parts=parts), profile)
    assert empty_groups(gap) == (True, False)
    assert empty_groups(protect(result(0, 0), profile)) == (True,)
    assert empty_groups(protect(result(1, 2), profile)) == (False,)
