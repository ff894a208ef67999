"""Review rules: how pairs are handed to people, and which of them two people decide."""

import hashlib
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator

from matcher.frames import RECORD_COLUMNS
from matcher.rules.document import Rule

Share = Annotated[float, Field(ge=0, le=1)]
Kind = Literal["contradiction", "held_twice", "refused_link", "changed_values", "possible_link"]

_NEVER_MASKED = ("source", "record_id", "role", "name_order", "as_of")


class Second(Rule):
    """Which pairs two people decide who do not know of each other."""

    share: Share
    kinds: tuple[Kind, ...]

    @field_validator("kinds", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class ReviewExample(Rule):
    """A pair by its kind and the number (0 to 1) drawn for it, and whether two people decide it."""

    title: str
    kind: Kind
    draw: Share
    second: bool


class ReviewRules(Rule):
    """The whole of ``review.yaml``."""

    version: int
    lease_minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    skip_hours: Annotated[int, Field(ge=1, le=24 * 366)]
    masked: tuple[str, ...]
    second: Second
    known_share: Share
    sample_share: Share
    examples: list[ReviewExample] = Field(default_factory=list)

    @field_validator("masked", mode="before")
    @classmethod
    def _known_columns(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        for name in value:
            if name not in RECORD_COLUMNS or name in _NEVER_MASKED:
                raise ValueError("a record has no such column, or it is never hidden")
        return tuple(value)

    def takes_two(self, kind: str, draw: float) -> bool:
        """Whether two people decide a pair of this kind with this number, see `draw_of`."""
        return kind in self.second.kinds or draw < self.second.share


def draw_of(*about: object) -> float:
    """A number in [0, 1), always the same for the same things."""
    text = "\0".join(str(part) for part in about)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def failing_examples(rules: ReviewRules) -> Iterator[tuple[int, str]]:
    """Number and message of each example that ends otherwise than it should."""
    for number, example in enumerate(rules.examples):
        if rules.takes_two(example.kind, example.draw) != example.second:
            people = "one person" if example.second else "two people"
            yield number, f"{example.title}: by these rules {people} decide it"
