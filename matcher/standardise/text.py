"""Plain upper-case text: marks, apostrophes and typing accidents removed."""

import html
import re
import unicodedata

# Letters that Unicode does not split into a base letter and a mark.
_UNSPLIT = str.maketrans(
    {"Ł": "L", "Ø": "O", "Đ": "D", "Ð": "D", "Þ": "TH", "Æ": "AE", "Œ": "OE", "ẞ": "SS", "İ": "I"}
)
_APOSTROPHES = re.compile("['’‘`´ʼʻ]")
_LOOKALIKES = str.maketrans({"0": "O", "1": "I", "5": "S"})
_WORDS = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Upper case without diacritics, entities or invisible characters.

    >>> fold("Zoë O&#39;Łuk")
    "ZOE O'LUK"
    """
    if text.isascii() and "&" not in text:
        return text.upper()
    text = unicodedata.normalize("NFKD", html.unescape(text)).upper().translate(_UNSPLIT)
    return "".join(
        char
        for char in text
        if not unicodedata.combining(char) and unicodedata.category(char) != "Cf"
    )


def name_tokens(text: str) -> list[str]:
    """The words of a name: letters only, apostrophes closed up, other signs are breaks.

    A 0, 1 or 5 inside a word is the O, I or S that a scanner misread.

    >>> name_tokens("o'brien-sm1th")
    ['OBRIEN', 'SMITH']
    """
    if text.isascii() and text.isalpha():
        return [text.upper()]
    folded = _APOSTROPHES.sub("", fold(text))
    tokens = []
    for word in words_of(folded):
        if word.isalpha():
            tokens.append(word)
        elif any(char.isalpha() for char in word):
            cleaned = word.translate(_LOOKALIKES)
            tokens.append(
                "".join(char for char in cleaned if char.isalpha() or _is_vowel_sign(char))
            )
    return tokens


def words_of(folded: str) -> list[str]:
    """Runs of letters and digits, of any script, in text that was folded."""
    if folded.isascii():
        return _WORDS.findall(folded)
    spaced = (char if char.isalnum() or _is_vowel_sign(char) else " " for char in folded)
    return "".join(spaced).split()


def _is_vowel_sign(char: str) -> bool:
    # What is left of marks after folding: the vowels of Bengali, Hindi and their like.
    return unicodedata.category(char) in {"Mc", "Mn"}
