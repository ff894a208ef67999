"""The least number of edits never exceeds the edits that it takes."""

import jellyfish
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.compare.edits import fewest_edits

texts = st.text("AB1- ", max_size=7) | st.text(max_size=7)


@given(st.lists(st.tuples(texts, texts), max_size=20))
def test_no_text_becomes_the_other_by_fewer(pairs: list[tuple[str, str]]) -> None:
    a, b = (np.array([pair[side] for pair in pairs], dtype=object) for side in (0, 1))
    taken = [jellyfish.damerau_levenshtein_distance(one, other) for one, other in pairs]
    assert (fewest_edits(a, b) <= np.array(taken, dtype=np.int64)).all()


@pytest.mark.parametrize(
    ("one", "other", "fewest"),
    [
        ("AISHA", "AISHA", 0),
        ("AISHA", "IASHA", 0),  # a swap changes no letter
        ("AISHA", "ASHA", 1),
        ("AISHA", "AYSHA", 1),
        ("ANNA", "ANN", 1),  # a letter that is there twice
        ("2014-05-03", "2013-06-21", 3),
        ("", "", 0),
        ("Zoë", "NOAH", 0),  # beyond ASCII nothing is said
    ],
)
def test_it_is_told_by_letters_alone(one: str, other: str, fewest: int) -> None:
    assert fewest_edits(np.array([one], object), np.array([other], object)).tolist() == [fewest]
