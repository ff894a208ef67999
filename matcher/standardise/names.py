"""Names: fields as systems fill them, brought to one form.

A prefix that does not distinguish (Mohammed, Md) is set apart when another given name
follows it. A placeholder ("Baby", "Twin 1") is no name, and what follows "of" or "B/O" is
the name of a parent. A last name such as Begum stays,
but is marked as saying little about the family.
"""

import html
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import jellyfish
from nicknames import NickNamer

from matcher.rules.names import NameRules
from matcher.standardise.text import name_tokens


def unescape(text: str) -> str:
    """Text with HTML entities such as &#39; resolved."""
    return html.unescape(text) if "&" in text else text


class GivenName(NamedTuple):
    """A given name's parts; empty where there is none. Flags are "1" or empty."""

    forename: str
    forename_whole: str
    middle_names: str
    name_prefix: str
    prefix_only: str
    placeholder_name: str
    multiple_birth: str


class FamilyName(NamedTuple):
    """A surname and the parts of a double one. ``honorific`` is "1" or empty."""

    surname: str
    surname_first: str
    surname_last: str
    honorific: str


def split_name(name: str, order: str | None) -> tuple[str, str]:
    """Forenames and surname of a name that was one field.

    A comma ends a surname written first. Otherwise the last word is the surname, or the
    first where ``order`` is ``surname_first``.

    >>> split_name("KHAN, Aisha Noor", None)
    ('Aisha Noor', 'KHAN')
    """
    if "," in name:
        surname, _, forenames = name.partition(",")
        return forenames.strip(), surname.strip()
    words = name.split()
    if len(words) == 1:
        return words[0], ""
    if order == "surname_first":
        return " ".join(words[1:]), words[0]
    last = len(words) - 1
    while last > 1 and words[last - 1].upper().strip("'’") in _LEADING:
        last -= 1
    return " ".join(words[:last]), " ".join(words[last:])


_FIRST_VOWEL = re.compile("^[AEIOU]")
_LEADING = frozenset(
    {"O", "MC", "MAC", "AL", "EL", "UL", "DE", "DA", "VAN", "VON", "LE", "LA", "DI"}
)


def standardise_given(forename: str | None, middle: str | None, rules: NameRules) -> GivenName:
    """Given names, prefix apart, from a forename field and a middle-names field."""
    own, marked, _ = _before_parent(forename or "", rules)
    own_middle, middle_marked, _ = _before_parent(middle or "", rules)
    first, rest = name_tokens(own), name_tokens(own_middle)
    if _is_placeholder(rest, rules):
        rest = []
    placeholder = _is_placeholder(first, rules) or (marked and not first)
    unnamed = placeholder or not first
    if placeholder and (marked or middle_marked):
        rest = []  # "B/O" as forename and the mother's name as middle name
    tokens = rest if unnamed else first + rest
    prefix = ""
    while len(tokens) > 1 and tokens[0] in rules.prefix_of:
        prefix = prefix or rules.prefix_of[tokens[0]]
        tokens = tokens[1:]
    if unnamed:
        # A middle name is not a forename, whether that is missing or a placeholder.
        multiple = not set(first).isdisjoint(rules.multiple_births)
        return GivenName("", "", " ".join(tokens), prefix, "", "1" * placeholder, "1" * multiple)
    # An initial alone may stand for any name.
    lone = tokens[0] in rules.prefix_of and not prefix and len(tokens[0]) > 1
    name = rules.prefix_of[tokens[0]] if lone else tokens[0]
    kept = prefix or (name if lone else "")
    whole = next((w for w in _double_names(own) if w.startswith(tokens[0])), name)
    return GivenName(name, whole, " ".join(tokens[1:]), kept, "1" * lone, "", "")


def _double_names(forename: str) -> Iterator[str]:
    """Each word of a forename field in letters only: MIAROSE of Mia-Rose."""
    if forename.isascii() and forename.isalpha():
        return iter([forename.upper()])
    return ("".join(name_tokens(word)) for word in forename.split())


def _before_parent(text: str, rules: NameRules) -> tuple[str, bool, str]:
    """What stands before a word such as "of", whether there is one, and what follows it."""
    found = rules.parent_marker.search(text)
    return (text[: found.start()], True, text[found.end() :]) if found else (text, False, "")


def _is_placeholder(tokens: list[str], rules: NameRules) -> bool:
    known = rules.placeholder_words
    if not known.isdisjoint(tokens):
        return True
    # Initials, such as N K.
    return len(tokens) > 1 and max(map(len, tokens)) == 1 and "".join(tokens) in known


def standardise_family(surname: str | None, rules: NameRules) -> FamilyName:
    """A surname, particles closed up, honorific words dropped where another is left.

    Of a baby that is known by its mother ("B/O Khan") the surname is hers.
    """
    own, marked, parent = _before_parent(surname or "", rules)
    tokens: list[str] = []
    particle = ""
    for token in name_tokens(parent if marked and not name_tokens(own) else own):
        if token in rules.joined_words:
            particle += token
            continue
        tokens.append(particle + token)
        particle = ""
    if particle:
        tokens.append(particle)
    if _is_placeholder(tokens, rules):
        tokens = []
    telling = [token for token in tokens if token not in rules.honorific_words]
    kept = telling or tokens[-1:]
    double = len(kept) > 1
    return FamilyName(
        " ".join(kept),
        kept[0] if double else "",
        kept[-1] if double else "",
        "1" if kept and not telling else "",
    )


def forename_forms(name: str, rules: NameRules) -> str:
    """The names that this forename may stand for, itself included, separated by spaces.

    Spellings of one name and short forms come from the rules; other English short forms
    from the package nicknames (Apache 2.0).
    """
    own = rules.forename_family_of.get(name, name)
    full = {own, name} | rules.full_names_of.get(name, frozenset())
    full |= rules.full_names_of.get(own, frozenset())
    full |= {form.upper() for form in _nicknames().canonicals_of(name.lower())}
    full |= {rules.forename_family_of.get(form, form) for form in full}
    return " ".join(sorted(full))


def forename_starts(name: str, rules: NameRules) -> str:
    """The first two letters of every spelling of this forename, separated by spaces.

    A field that is cut after a prefix (MOHAMMED EB) leaves no more of a name than that.
    """
    own = rules.forename_family_of.get(name)
    spellings = rules.forename_spellings.get(own, ()) if own else ()
    return " ".join(sorted({spelling[:2] for spelling in (name, *spellings)}))


@cache
def _nicknames() -> NickNamer:
    return NickNamer()


def surname_family(name: str, rules: NameRules) -> str:
    """The spelling that stands for this surname's family, its base form, or its sound."""
    known = rules.surname_family_of.get(name)
    if known:
        return known
    for ending, base in rules.endings.items():
        if name.endswith(ending) and len(name) > len(ending) + 2:
            return name.removesuffix(ending) + base
    if any(name.endswith(base) for base in rules.endings.values()):
        return name
    return sound(name)


def sound(name: str) -> str:
    """How a name sounds (metaphone), or the name itself where that says too little.

    Short sounds are shared by too many names. All vowels that a name may begin with count
    as one, since transliterations differ in them (Ibrahim, Ebrahim).
    """
    code = jellyfish.metaphone(name) if name.isascii() else ""
    return "~" + _FIRST_VOWEL.sub("A", code) if len(code) >= 3 else name
