"""Where two values differ, inside them, so that a reviewer need not look for it."""

import re
from difflib import SequenceMatcher

# From the first character that differs to the one after the last.
Span = tuple[int, int]
# Of one value, and of the one beside it.
Spans = tuple[tuple[Span, ...], tuple[Span, ...]]

# Of texts that share less than this (0 to 1), single letters in common say nothing.
KINDRED = 0.5
# Of texts of several words those are marked as a whole that share less than this: letters here
# and there would be no help to anybody.
MUCH_ALIKE = 0.75

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# A date is compared by year, month and day: 12 and 21 differ as a whole.
_PARTS: tuple[Span, ...] = ((0, 4), (5, 7), (8, 10))


_WORD = re.compile(r"[\w'’/-]+|[^\w\s]")

# A code as people write it, with or without space inside: a postcode, an NHS number.
_CODE = re.compile(r"[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2}|[0-9]{3} ?[0-9]{3} ?[0-9]{4}")


def same(one: str, other: str) -> bool:
    """Whether two values are the same but for capitals and white space."""
    mine, theirs = one.casefold().split(), other.casefold().split()
    return "".join(mine) == "".join(theirs) if _are_codes(one, other) else mine == theirs


def _are_codes(*values: str) -> bool:
    return all(_CODE.fullmatch(" ".join(value.casefold().split())) for value in values)


def differing_spans(one: str, other: str) -> Spans:
    """What of each value the other does not have, in order; nothing if they are the same.

    >>> differing_spans("Aisha", "Ayesha")
    (((1, 2),), ((1, 3),))
    >>> differing_spans("2014-05-03", "2014-03-05")
    (((5, 7), (8, 10)), ((5, 7), (8, 10)))
    >>> differing_spans("65 Austin Rd, Oldham", "3 Station Rd, Oldham")
    (((0, 9),), ((0, 9),))
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
    words = [[found.span() for found in _WORD.finditer(value)] for value in (one, other)]
    if all(len(own) > 1 for own in words) and not _are_codes(one, other):
        return _differing_by_word(one, other, *words)
    differing = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    return (
        tuple((start, end) for _, start, end, _, _ in differing if end > start),
        tuple((start, end) for _, _, _, start, end in differing if end > start),
    )


def _differing_by_word(one: str, other: str, mine: list[Span], theirs: list[Span]) -> Spans:
    """Whole words that the other has not, in order; inside words that are much alike, letters."""
    texts = [
        [value[slice(*word)].casefold() for word in words]
        for value, words in ((one, mine), (other, theirs))
    ]
    marked: tuple[list[Span], list[Span]] = ([], [])
    matcher = SequenceMatcher(a=texts[0], b=texts[1], autojunk=False)
    for found, begin_l, end_l, begin_r, end_r in matcher.get_opcodes():
        if found == "equal":
            continue
        here, there = mine[begin_l:end_l], theirs[begin_r:end_r]
        if len(here) != len(there):
            marked[0].extend(here)
            marked[1].extend(there)
            continue
        for l, r in zip(here, there, strict=True):
            own, its = one[slice(*l)], other[slice(*r)]
            inside: Spans = ((0, len(own)),), ((0, len(its)),)
            if SequenceMatcher(a=own.casefold(), b=its.casefold()).ratio() >= MUCH_ALIKE:
                inside = differing_spans(own, its)
            for spans, (begin, _), parts in zip(marked, (l, r), inside, strict=True):
                spans.extend((begin + start, begin + end) for start, end in parts)
    return _run_together(one, marked[0]), _run_together(other, marked[1])


def _run_together(value: str, spans: list[Span]) -> tuple[Span, ...]:
    """Without the white space between two spans as a gap."""
    found: list[Span] = []
    for start, end in spans:
        if found and not value[found[-1][1] : start].strip():
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)
