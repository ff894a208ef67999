"""Groups by which linkage quality is told: ``groups.yaml``. Nothing that links reads it."""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated

from pydantic import Field, model_validator

from matcher.rules.document import Rule

Age = Annotated[int, Field(ge=0, le=25)]


class Expected(Rule):
    """A source that holds nearly every child from one age to another, in whole years."""

    source: str
    from_age: Age
    to_age: Age

    @model_validator(mode="after")
    def _in_order(self) -> "Expected":
        if self.to_age < self.from_age:
            raise ValueError("to_age must not be below from_age")
        return self


class GroupExample(Rule):
    """A code and the ethnic group that it counts for; none if it counts as not known."""

    code: str
    group: str | None


class GroupRules(Rule):
    """The whole of ``groups.yaml``. Codes count whatever their case."""

    version: int
    ethnic_groups: dict[str, list[str]] = Field(min_length=1)
    not_known: list[str]
    expected: list[Expected]
    examples: list[GroupExample] = Field(default_factory=list)

    @model_validator(mode="after")
    def _each_code_once(self) -> "GroupRules":
        listed = [code.upper() for codes in self.ethnic_groups.values() for code in codes]
        listed += [code.upper() for code in self.not_known]
        twice = sorted({code for code in listed if listed.count(code) > 1})
        if twice:
            raise ValueError(f"listed more than once: {', '.join(twice)}")
        return self

    @cached_property
    def _group_of(self) -> dict[str, str]:
        return {code.upper(): name for name, codes in self.ethnic_groups.items() for code in codes}

    def ethnic_group(self, code: str) -> str | None:
        """The group that a code counts for; None if that is not known."""
        return self._group_of.get(code.upper())


def failing_examples(rules: GroupRules) -> Iterator[tuple[int, str]]:
    """Number and message of each example that ends otherwise than it should."""
    for number, example in enumerate(rules.examples):
        found = rules.ethnic_group(example.code)
        if found != example.group:
            yield number, f"{example.code} counts for {found or 'no group'}"
