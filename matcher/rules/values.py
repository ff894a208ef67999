"""What is known about dates, postcodes, addresses: ``values.yaml``."""

from functools import cached_property

from pydantic import Field

from matcher.rules.document import Rule
from matcher.rules.names import Example


class ValueRules(Rule):
    """The whole of ``values.yaml``. Addresses and postcodes are in upper case."""

    version: int
    placeholder_days: list[str]
    earliest_birth_year: int
    uncertain_days: list[int]
    pseudo_postcodes: list[str]
    placeholder_addresses: list[str]
    abbreviations: dict[str, str]
    examples: list[Example] = Field(default_factory=list)

    @cached_property
    def street_types(self) -> frozenset[str]:
        """Short forms of words that tell kinds of street, which systems write or leave out."""
        return frozenset(self.abbreviations.values()) - {"FLAT", "ST"}
