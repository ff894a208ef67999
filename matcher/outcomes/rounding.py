"""Rounding as official tables do it."""

from decimal import Decimal
from fractions import Fraction


def round_half_up(value: Fraction | int, places: int = 1) -> Decimal:
    """An exact value to so many decimals; a half goes away from zero.

    Takes fractions, not floats: 100 * 57 / 80 is 71.25 exactly and must give 71.3, however
    the float nearest to it lies.

    >>> round_half_up(Fraction(5700, 80)), round_half_up(Fraction(-134238, 10000))
    (Decimal('71.3'), Decimal('-13.4'))
    """
    size = abs(Fraction(value)) * 10**places
    rounded = int(size + Fraction(1, 2))
    result = Decimal(rounded).scaleb(-places)
    return -result if value < 0 and rounded else result
