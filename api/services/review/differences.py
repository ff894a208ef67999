"""Where two values differ, inside them, so that a reviewer need not look for it."""

import re
from difflib import SequenceMatcher

# From the first character that differs to the one after the last.
Span = tuple[int, int]
# Of one value, and of the one beside it.
Spans = tuple[tuple[Span, ...], tuple[Span, ...]]

# Of texts that share less than this (0 to 1), single letters in common say nothing.
KINDRED = 0.5

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# A date is compared by year, month and day: 12 and 21 differ as a whole.
_PARTS: tuple[Span, ...] = ((0, 4), (5, 7), (8, 10))


# A code as people write it, with or without space inside: a postcode, an NHS number.
_CODE = re.compile(r"[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2}|[0-9]{3} ?[0-9]{3} ?[0-9]{4}")


def same(one: str, other: str) -> bool:
    """Whether two values are the same but for capitals and white space."""
    mine, theirs = one.casefold().split(), other.casefold().split()
    codes = all(_CODE.fullmatch(" ".join(words)) for words in (mine, theirs))
    return "".join(mine) == "".join(theirs) if codes else mine == theirs


def differing_spans(one: str, other: str) -> Spans:
    """What of each value the other does not have, in order; nothing if they are the same.

    >>> differing_spans("Aisha", "Ayesha")
    (((1, 2),), ((1, 3),))
    >>> differing_spans("2014-05-03", "2014-03-05")
    (((5, 7), (8, 10)), ((5, 7), (8, 10)))
    """
    if same(one, other):
        return (), ()
    if _DAY.fullmatch(one) and _DAY.fullmatch(other):
        found = tuple(part for part in _PARTS if one[slice(*part)] != other[slice(*part)])
        return found, found
    # By character, since folding may make two letters of one.
    mine, theirs = ([letter.casefold() for letter in value] for value in (one, other))
    matcher = SequenceMatcher(a=mine, b=theirs, autojunk=False)
    if matcher.ratio() < KINDRED:
        return ((0, len(one)),), ((0, len(other)),)
    differing = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    return (
        tuple((start, end) for _, start, end, _, _ in differing if end > start),
        tuple((start, end) for _, _, _, start, end in differing if end > start),
    )
