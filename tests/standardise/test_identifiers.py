"""Check characters of NHS numbers and UPNs, and dates swapped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.standardise.values import (
    is_valid_nhs_number,
    is_valid_upn,
    standardise_nhs_number,
    standardise_upn,
    swap_day_and_month,
)
from tests.property.strategies import steady

LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


@steady
@given(st.text("0123456789", min_size=12, max_size=12))
def test_one_letter_in_twenty_three_fits_a_permanent_upn(digits: str) -> None:
    total = sum(weight * int(digit) for weight, digit in enumerate(digits, start=2))
    fitting = [letter for letter in LETTERS if is_valid_upn(letter + digits)]
    assert fitting == [LETTERS[total % 23]]


@steady
@given(st.text("0123456789", min_size=11, max_size=11), st.sampled_from(LETTERS))
def test_the_last_letter_of_a_temporary_upn_counts_by_its_place_in_the_alphabet(
    digits: str, last: str
) -> None:
    values = [*map(int, digits), LETTERS.index(last)]
    total = sum(weight * value for weight, value in enumerate(values, start=2))
    fitting = [letter for letter in LETTERS if is_valid_upn(letter + digits + last)]
    assert fitting == [LETTERS[total % 23]]


@steady
@given(st.text("0123456789", min_size=8, max_size=8))
def test_at_most_one_check_digit_fits_an_nhs_number(digits: str) -> None:
    body = "9" + digits
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), body, strict=True))
    check = (11 - total % 11) % 11
    fitting = [digit for digit in "0123456789" if is_valid_nhs_number(body + digit)]
    assert fitting == ([] if check == 10 else [str(check)])


@steady
@given(st.dates())
def test_swapping_day_and_month_twice_gives_the_date_back(day: object) -> None:
    swapped = swap_day_and_month(str(day))
    if swapped:
        assert swapped != str(day)
        assert swap_day_and_month(swapped) == str(day)
    else:
        assert int(str(day)[8:]) > 12 or str(day)[5:7] == str(day)[8:]


def test_full_width_digits_are_digits() -> None:
    assert standardise_nhs_number("９４３ ４７６ ５９１９") == "9434765919"
    assert standardise_upn("Ｅ３５３２００１１６００７") == "E353200116007"


@pytest.mark.parametrize("digits", ["9434765919", "9990000018", "9990000026"])
def test_numbers_of_the_range_never_issued_can_be_valid(digits: str) -> None:
    assert is_valid_nhs_number(digits)
