"""Values as people type them into forms: what is too long is told beside its field."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

# Longer than anything that a field of a person holds; it is read, so that the page can tell.
LONGEST = 100
Sent = Annotated[str, StringConstraints(max_length=20_000, strip_whitespace=True)]


def too_long(typed: Mapping[str, str]) -> dict[str, str]:
    """By name of the field, what is wrong with those that are too long."""
    return {
        name: f"Enter {LONGEST} characters or fewer"
        for name, value in typed.items()
        if len(value) > LONGEST
    }
