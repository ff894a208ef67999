"""Numbers of linkage as answers tell them: with the same places wherever they stand.

The places are those of the exported links. What a weight is the sum of has more, so that the
rounded parts add up to the rounded weight.
"""

from typing import Annotated

from pydantic import AfterValidator


def _with_places(places: int) -> AfterValidator:
    # Zero is added for that which is rounded to minus zero.
    return AfterValidator(lambda number: round(number, places) + 0.0)


# In bits.
Weight = Annotated[float, _with_places(3)]
PartOfWeight = Annotated[float, _with_places(6)]
# From 0 to 1.
Probability = Annotated[float, _with_places(6)]
