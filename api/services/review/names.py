"""Names that two systems keep in different shapes: one field here, forename and surname there.

They are shown as one name each, and compared as linking compares them: by the parts that
standardising makes of them.
"""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher

from api.services.review.differences import KINDRED, Span, Spans, differing_spans
from matcher.rules.library import LinkageRules
from matcher.standardise.frame import standardise_record
from matcher.standardise.text import name_tokens

Values = Mapping[str, str]

# What one name is made of, in the order in which it is written.
IN_PARTS = ("forename", "middle_names", "surname")
NAME_FIELDS = (*IN_PARTS, "name")

_COMPARED = ("name_prefix", "forename", "forename_whole", "middle_names", "surname")

# By field, the parts that comparisons use.
_GIVEN = ("forename", "forename_whole", "middle_names")
_COUNTED = {
    "forename": _GIVEN,
    "middle_names": _GIVEN,
    "surname": ("surname",),
    "name": (*_GIVEN, "surname"),
}
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")

# Those of them that are told, besides which none is a name of its own.
_TOLD = ("name_prefix", "forename", "middle_names", "surname")
Word = tuple[Span, str]
NameParts = Mapping[str, str]


def shapes_differ(one: Values, other: Values) -> bool:
    """Whether one of the two has its name in a single field, and the other has parts of one."""
    shapes = [(_has_parts(values), bool(values.get("name"))) for values in (one, other)]
    return sorted(shapes) == [(False, True), (True, False)]


def whole_name(values: Values) -> str:
    """The name as it is written, in one."""
    return values.get("name") or " ".join(values[part] for part in IN_PARTS if values.get(part))


def parts_compared(
    rules: LinkageRules, one: Values, other: Values
) -> tuple[NameParts, NameParts] | None:
    """By name, the parts of both names that are compared; none if they are what the fields say.

    A field may hold several: of Lily-Grace the forename is Lily, and Grace a middle name. Of
    a name in a single field nothing is told.
    """
    if one.get("name") or other.get("name"):
        return None
    found = [(_standardised(rules, values), values) for values in (one, other)]
    if all(_is_as_written(made, values) for made, values in found):
        return None
    mine, theirs = (
        {
            name: made[name].title()
            for name in _TOLD
            if made.get(name) and (name, made[name]) != ("name_prefix", made.get("forename"))
        }
        for made, _ in found
    )
    return mine, theirs


def _is_as_written(made: Values, values: Values) -> bool:
    return all(
        name_tokens(values.get(part) or "") == (made.get(part) or "").split()
        for part in ("forename", "middle_names")
    )


def _standardised(rules: LinkageRules, values: Values) -> Values:
    said = {name: values[name] for name in (*NAME_FIELDS, "name_order") if values.get(name)}
    return standardise_record(said, rules.names, rules.values)


def same_name(rules: LinkageRules, one: Values, other: Values) -> bool:
    """Whether both are of the same words, and standardising makes the same parts of them.

    Both may have ``name_order``.
    """
    words = [sorted(name_tokens(whole_name(values))) for values in (one, other)]
    mine, theirs = (_standardised(rules, values) for values in (one, other))
    return words[0] == words[1] and all(mine.get(part) == theirs.get(part) for part in _COMPARED)


def is_counted(rules: LinkageRules, field: str, one: Values, other: Values) -> bool:
    """Whether linking counts that two names differ in a field.

    It does not count what standardising drops or sets apart, such as a prefix of a forename, nor
    another spelling of a prefix. Of what is no part of a name it counts all.
    """
    parts = _COUNTED.get(field)
    if parts is None:
        return True
    mine, theirs = (_standardised(rules, values) for values in (one, other))
    told = any(mine.get(part) for part in parts)
    return not told or any(mine.get(part) != theirs.get(part) for part in parts)


def differing_words(one: str, other: str) -> Spans:
    """Where two names differ, whatever the order of their words; all of them if only that does.

    >>> differing_words("KHAN, Aisha", "Ayesha Khan")
    (((7, 8),), ((1, 3),))
    """
    mine, theirs = _words(one), _words(other)
    for word in list(mine):
        alike = next((found for found in theirs if found[1] == word[1]), None)
        if alike is not None:
            mine.remove(word)
            theirs.remove(alike)
    if not mine and not theirs:
        return ((0, len(one)),), ((0, len(other)),)
    marked: tuple[list[Span], list[Span]] = ([], [])
    for place, text in mine:
        nearest = max(theirs, key=lambda found: _alike(text, found[1]), default=None)
        if nearest is None or _alike(text, nearest[1]) < KINDRED:
            marked[0].append(place)
            continue
        theirs.remove(nearest)
        inside = differing_spans(one[slice(*place)], other[slice(*nearest[0])])
        for spans, begin, found in zip(marked, (place[0], nearest[0][0]), inside, strict=True):
            spans += [(begin + start, begin + end) for start, end in found]
    marked[1].extend(place for place, _ in theirs)
    return tuple(sorted(marked[0])), tuple(sorted(marked[1]))


def _has_parts(values: Values) -> bool:
    return bool(values.get("forename") or values.get("surname"))


def _words(name: str) -> list[Word]:
    return [(found.span(), "".join(name_tokens(found[0]))) for found in _WORD.finditer(name)]


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(a=one, b=other, autojunk=False).ratio()
