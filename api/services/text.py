"""Text that people and systems enter: what every database can keep and every screen can show."""

import unicodedata
from collections.abc import Iterable

from matcher.frames import LONGEST

# Of a system's id, in characters.
LONGEST_ID = LONGEST["record_id"]
# Of a reason.
LONGEST_REASON = 2000


def plain(text: str) -> str:
    """The text, if it is made of characters. Raises ValueError."""
    if "\x00" in text:
        raise ValueError("leave out the null character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("half a character stands alone; send UTF-8")
    return text


# Written between letters in some scripts, and within emoji.
_JOINERS = "\u200c\u200d"
_UNSEEN = ("Cc", "Cf", "Zl", "Zp")


def written(text: str) -> str:
    """What a person says in their own words, in lines. Raises ValueError for what nobody sees.

    That is what controls a screen, turns the direction of what stands around it, or has no
    width: whoever reads it would not read what was written.
    """
    for place, character in enumerate(plain(text)):
        if unicodedata.category(character) in _UNSEEN and character not in "\n\r\t" + _JOINERS:
            called = unicodedata.name(character, "").lower()
            called = called or f"control character U+{ord(character):04X}"
            # By its number: what was written may be about a child.
            word = len(f"{text[:place]}.".split())
            raise ValueError(f"leave out what cannot be seen: {called}, in or beside word {word}")
    return text


def reason(text: str) -> str:
    """What is kept of why somebody did something. Raises ValueError."""
    if not text.strip():
        raise ValueError("enter a reason, for whoever looks at this later")
    if len(text) > LONGEST_REASON:
        raise ValueError(f"the reason must be {LONGEST_REASON:,} characters or fewer")
    return written(text)


def either(words: Iterable[str]) -> str:
    """Words of which one holds, as a sentence lists them.

    >>> either(["red", "green", "blue"])
    'red, green or blue'
    """
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def printable(text: str) -> str:
    """The text, if all of it can be seen, spaces included. Raises ValueError."""
    if not plain(text).isprintable():
        raise ValueError("leave out characters that cannot be seen")
    return text


def tidy_id(text: str) -> str:
    """The text, if a system's id can look like it. Raises ValueError."""
    if not 0 < len(text) <= LONGEST_ID:
        raise ValueError(f"an id has 1 to {LONGEST_ID} characters")
    if printable(text) != " ".join(text.split()):
        raise ValueError("leave out space at either end, and all but one between")
    if text in (".", ".."):
        raise ValueError("an address cannot hold this id")
    return text
