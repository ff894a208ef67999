"""Text that clients send: what every database can keep and every screen can show."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from api.rest.slashes import with_slashes


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
    if printable(text) != " ".join(text.split()):
        raise ValueError("leave out space at either end, and all but one between")
    if text in (".", ".."):
        raise ValueError("an address cannot hold this id")
    return text


# Of a value, a reason, an id: length in characters.
Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(plain)]
Short = Annotated[str, StringConstraints(max_length=64), AfterValidator(plain)]
# By which a client knows one of its requests.
Key = Annotated[str, StringConstraints(min_length=8, max_length=64), AfterValidator(plain)]
Said = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
    AfterValidator(plain),
]
# As systems may ask for one that is not there.
AnySource = Annotated[
    str, StringConstraints(max_length=500), BeforeValidator(with_slashes), AfterValidator(plain)
]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
RecordId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    BeforeValidator(with_slashes),
    AfterValidator(tidy_id),
]
ChildIdText = Annotated[str, StringConstraints(max_length=32), AfterValidator(plain)]
