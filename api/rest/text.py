"""Kinds of text that clients send."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from api.rest.slashes import with_slashes
from api.services.text import LONGEST_ID, plain, tidy_id, written

# Of a value, a reason, an id: length in characters.
Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(plain)]
Short = Annotated[str, StringConstraints(max_length=64), AfterValidator(plain)]
# By which a client knows one of its requests: what is seen of ASCII, but for quotation marks.
Key = Annotated[str, StringConstraints(min_length=8, max_length=64, pattern=r"^[!#-~]+$")]
Said = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
    AfterValidator(written),
]
# As systems may ask for one that is not there.
AnySource = Annotated[
    str, StringConstraints(max_length=500), BeforeValidator(with_slashes), AfterValidator(plain)
]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
RecordId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_ID),
    BeforeValidator(with_slashes),
    AfterValidator(tidy_id),
]
# The same in an address.
_SOURCE = Path(description="The source, as `/v1/sources` names it.", examples=["swift"])
SourcePath = Annotated[SourceName, _SOURCE]
AnySourcePath = Annotated[AnySource, _SOURCE]
RecordPath = Annotated[
    RecordId,
    Path(
        description="The id that the source gives the record; a slash in it is sent as `%2F`.",
        examples=["5500094"],
    ),
]
ChildIdText = Annotated[str, StringConstraints(max_length=32), AfterValidator(plain)]
