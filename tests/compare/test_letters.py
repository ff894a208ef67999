"""What letters alone say of two texts never excludes what comparing them finds."""

import jellyfish
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.letters import Letters, fewest_edits, most_alike

texts = st.text("AB1- ", max_size=7) | st.text(max_size=7)


@given(st.lists(st.tuples(texts, texts), max_size=20))
def test_no_text_becomes_the_other_by_fewer(pairs: list[tuple[str, str]]) -> None:
    a, b = (Letters.of([pair[side] for pair in pairs]) for side in (0, 1))
    taken = [jellyfish.damerau_levenshtein_distance(one, other) for one, other in pairs]
    assert (fewest_edits(a, b) <= np.array(taken, dtype=np.int64)).all()


@given(st.lists(st.tuples(texts, texts), max_size=20))
def test_no_texts_are_more_alike(pairs: list[tuple[str, str]]) -> None:
    a, b = (Letters.of([pair[side] for pair in pairs]) for side in (0, 1))
    alike = [jellyfish.jaro_winkler_similarity(one, other) for one, other in pairs]
    assert (most_alike(a, b) >= np.array(alike) - 1e-12).all()


@pytest.mark.parametrize(
    ("one", "other", "most"),
    [
        ("AISHA", "AISHA", 1.0),
        ("AISHA", "YUSUF", 0.6),  # one letter in common
        ("AAAA", "AAAB", 0.95),  # of those that are there more than twice too
        ("ADA", "", 0.4),
        ("Zoë", "NOAH", 1.0),  # beyond ASCII nothing is said
    ],
)
def test_how_alike_is_told_by_letters_alone(one: str, other: str, most: float) -> None:
    (found,) = most_alike(Letters.of([one]), Letters.of([other])).tolist()
    assert found == pytest.approx(most, abs=0.1)
    assert found >= jellyfish.jaro_winkler_similarity(one, other)


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
    assert fewest_edits(Letters.of([one]), Letters.of([other])).tolist() == [fewest]
