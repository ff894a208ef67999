"""Folding text, and the words of a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.standardise.text import fold, name_tokens
from tests.property.strategies import steady

PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=20)


@steady
@given(PRINTABLE)
def test_the_words_of_a_name_are_the_same_when_read_again(text: str) -> None:
    tokens = name_tokens(text)
    assert name_tokens(" ".join(tokens)) == tokens


@steady
@given(PRINTABLE)
def test_the_words_of_a_name_hold_no_spaces_digits_or_signs(text: str) -> None:
    for token in name_tokens(text):
        assert token
        assert not any(char.isspace() or char.isdigit() or char in "-_'.," for char in token)


@steady
@given(st.text("abcdefghijklmnopqrstuvwxyz -'", max_size=20))
def test_case_does_not_matter(text: str) -> None:
    assert name_tokens(text) == name_tokens(text.upper()) == name_tokens(text.title())


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Zoë", "ZOE"),
        ("Łukasz", "LUKASZ"),
        ("Straße", "STRASSE"),
        ("O&#39;Brien", "O'BRIEN"),
        ("soft\u00adhyphen", "SOFTHYPHEN"),
        ("zero\u200bwidth", "ZEROWIDTH"),
        ("Æsa Þórr", "AESA THORR"),
        ("ﬁona", "FIONA"),
    ],
)
def test_folding_keeps_letters_and_drops_marks(written: str, folded: str) -> None:
    assert fold(written) == folded


def test_a_sign_that_counts_is_no_letter() -> None:
    assert name_tokens("𒐀 ② Ada") == ["ADA"]
