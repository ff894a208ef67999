from decimal import Decimal
from fractions import Fraction

import pytest

from matcher.outcomes import round_half_up


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(100 * 353, 663) - Fraction(100 * 1896, 2844), "-13.4"),
        (Fraction(100 * 49, 400), "12.3"),
        (Fraction(100 * 57, 80), "71.3"),
        (Fraction(-1, 4), "-0.3"),
        (Fraction(-1, 100), "0.0"),
        (Fraction(9995, 100), "100.0"),
        (0, "0.0"),
    ],
)
def test_a_half_goes_away_from_zero_as_in_official_tables(value: Fraction, expected: str) -> None:
    assert str(round_half_up(value)) == expected


def test_the_number_of_places_is_kept() -> None:
    assert round_half_up(Fraction(5, 2), 0) == Decimal(3)
    assert str(round_half_up(Fraction(1, 8), 2)) == "0.13"
