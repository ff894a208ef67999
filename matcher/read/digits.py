"""Digits and signs of other keyboards as the plain ones: full width, Bengali, Arabic."""

import unicodedata

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")


def plain(text: str) -> str:
    """Text in compatibility form, with ASCII digits and hyphens.

    For numbers and dates only: a name is kept as it is written.

    >>> plain("\uff10\uff13\uff0f04\u20112014")
    '03/04-2014'
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return "".join(str(int(char)) if char.isdecimal() else char for char in text)
