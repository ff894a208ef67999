"""Survivorship rules: which record each golden value comes from."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from matcher.rules.document import Mistake, Rule

Criterion = Literal["agreement", "source_rank", "recency"]

GOLDEN_FIELDS = (
    "forename",
    "surname",
    "date_of_birth",
    "sex",
    "nhs_number",
    "upn",
    "address",
    "postcode",
)


class FieldRule(Rule):
    """Criteria in order; ``sources`` overrides the ranking for this field."""

    order: Annotated[list[Criterion], Field(min_length=1)]
    sources: list[str] | None = None


class SurvivorshipExample(Rule):
    """Records of one child and the golden values that they must give."""

    title: str
    records: Annotated[list[dict[str, str]], Field(min_length=1)]
    expect: dict[str, str]


class SurvivorshipRules(Rule):
    """The whole of ``survivorship.yaml``."""

    version: int
    sources: list[str]
    fields: dict[str, FieldRule]
    examples: list[SurvivorshipExample] = Field(default_factory=list)

    @classmethod
    def disagreements(cls, data: Any) -> Iterable[Mistake]:
        """Fields of the register without a rule, and rules for what is none of them."""
        fields = data.get("fields") if isinstance(data, dict) else None
        if not isinstance(fields, dict):
            return
        if missing := [name for name in GOLDEN_FIELDS if name not in fields]:
            yield ("fields",), f"no rule for {', '.join(missing)}"
        for name in fields:
            if name not in GOLDEN_FIELDS:
                yield ("fields", str(name)), "no such golden field"
