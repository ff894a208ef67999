"""Text that people and systems enter: what every database can keep and every screen can show."""

# Of a system's id, in characters.
LONGEST_ID = 200


def plain(text: str) -> str:
    """The text, if it is made of characters. Raises ValueError."""
    if "\x00" in text:
        raise ValueError("leave out the null character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("half a character stands alone; send UTF-8")
    return text


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
