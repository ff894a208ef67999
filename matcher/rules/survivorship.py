"""Survivorship rules: which record each golden value comes from."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from matcher.rules.document import Rule

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
    records: list[dict[str, str]]
    expect: dict[str, str]


class SurvivorshipRules(Rule):
    """The whole of ``survivorship.yaml``."""

    version: int
    sources: list[str]
    fields: dict[str, FieldRule]
    examples: list[SurvivorshipExample] = Field(default_factory=list)

    @model_validator(mode="after")
    def _every_field(self) -> "SurvivorshipRules":
        missing = set(GOLDEN_FIELDS) - self.fields.keys()
        unknown = self.fields.keys() - set(GOLDEN_FIELDS)
        if missing:
            raise ValueError(f"no rule for {', '.join(sorted(missing))}")
        if unknown:
            raise ValueError(f"no such golden field: {', '.join(sorted(unknown))}")
        return self
