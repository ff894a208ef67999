"""Values as people type them into forms: what is too long is told beside its field."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, StringConstraints

from api.services.text import LONGEST_REASON, plain, written
from api.web.text import sentence

# Longer than anything that a field of a person holds; it is read, so that the page can tell.
LONGEST = 100
Sent = Annotated[str, StringConstraints(max_length=20_000, strip_whitespace=True)]
# The same for what is kept as it is.
Written = Annotated[Sent, AfterValidator(plain)]
# How many of a list stood on the pages before.
After = Annotated[int, Query(ge=0, lt=2**31)]


def too_long(typed: Mapping[str, str], longest: int = LONGEST) -> dict[str, str]:
    """By name of the field, what is wrong with those that are too long."""
    return {
        name: f"Enter {longest:,} characters or fewer"
        for name, value in typed.items()
        if len(value) > longest
    }


def wrong_reason(why: str, missing: str = "Enter a reason") -> str | None:
    """What is wrong with a reason, if anything is."""
    if not why.strip():
        return missing
    if len(why) > LONGEST_REASON:
        return too_long({"why": why}, LONGEST_REASON)["why"]
    try:
        written(why)
    except ValueError as error:
        return sentence(str(error))
    return None
