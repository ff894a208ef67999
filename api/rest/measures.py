"""The headline measures of the register."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError

from api.rest.access import Access, reply
from api.rest.allowed import reads
from api.rest.guarding import GuardedRoute
from api.rest.jobs import JobModel, job_model
from api.rest.problems import asking
from api.services.access.roles import Permission
from api.services.measures_kept import Known, ask_for_measures, known_measures, measures_job
from api.services.register.kept_rules import rules_in_force
from api.services.register.reading import last_run
from api.services.work import find
from matcher.outcomes import Profile, protect_all

router = APIRouter(route_class=GuardedRoute, tags=["measures"])


class IntervalModel(BaseModel):
    """A 95% interval, in the unit of the value."""

    lower: float = Field(description="Its lower end.", examples=[68.1])
    upper: float = Field(description="Its upper end.", examples=[74.2])


class RangeModel(BaseModel):
    """The value with every possible link refused, and with every one accepted."""

    refused: float | None = Field(description="With every one refused.")
    accepted: float | None = Field(description="With every one accepted.")


class MeasurePart(BaseModel):
    """One side of a comparison."""

    name: Literal["yes", "no", "unknown"] = Field(
        description="The side of those who have what is compared, of those who do not, and of those"
        " of whom it is not known."
    )
    text: str = Field(
        description="Who is on it, in words.", examples=["at a good level of development"]
    )
    numerator: int | None = Field(
        description="How many of `denominator`; null if too small to tell."
    )
    denominator: int | None = Field(description="How many are on it; null if too small to tell.")


class CountModel(BaseModel):
    """A number of children or families, and what they have in common."""

    code: str = Field(
        description="What they have in common, for programs.", examples=["not_linked"]
    )
    text: str = Field(description="The same for people.", examples=["no record of them is linked"])
    count: int | None = Field(description="How many; null if too small to tell.")


class MeasureModel(BaseModel):
    """One measure over one reception year, with all that it rests on."""

    name: str = Field(description="Its name in the rules.", examples=["good_level_of_development"])
    version: int = Field(description="Of its definition in the rules.", examples=[1])
    title: str = Field(description="Its name for people.", examples=["Good level of development"])
    better: Literal["higher", "lower", "neither"] = Field(
        description="Which way is an improvement."
    )
    unit: Literal["child", "family"] = Field(description="What is counted.")
    definition: list[str] = Field(
        description="What it counts, in sentences.",
        examples=[["children at a good level, of all assessed"]],
    )
    why_not: str | None = Field(description="Why it was not computed; the value is null then.")
    reception_year: int | None = Field(
        description="The year in which it began; null where none can be named.", examples=[2023]
    )
    suppressed: bool = Field(description="Whether something is null because it is too small.")
    disclosure: str = Field(
        examples=["round5"], description="The profile that counts are protected by."
    )
    cohort: int | None = Field(description="How many children it is about.")
    numerator: int | None = Field(
        description="How many of `denominator` count; null if too small to tell."
    )
    denominator: int | None = Field(
        description="How many it is a share of; null if too small to tell."
    )
    value: float | None = Field(
        description="Unrounded; null if it is hidden, or nobody is in a group that it rests on, "
        "whose `denominator` is 0 then.",
        examples=[71.25],
    )
    value_rounded: str | None = Field(
        description="To one place, from the exact counts.", examples=["71.3"]
    )
    value_unit: str = Field(
        description="Of value, interval and range: `%`, or `percentage points` of a gap.",
        examples=["%"],
    )
    interval: IntervalModel | None = Field(description="Null where there is no value.")
    range: RangeModel | None = Field(description="What undecided possible links leave open.")
    parts: list[MeasurePart] = Field(description="Of a gap, its sides; else empty.")
    excluded: list[CountModel] = Field(description="Who was left out, and why.")
    unlinked: int | None = Field(description="Children without a linked record in a source needed.")


class Measures(BaseModel):
    """Measures as of a run; counts that could identify a child are null, with what tells them."""

    run: int | None = Field(description="The run that they are as of; null if there are none yet.")
    last_run: int = Field(
        examples=[5], description="The last run of the register; 0 if it is empty."
    )
    computed_at: datetime | None = Field(
        description="When these were, in UTC; null if there are none yet."
    )
    items: list[MeasureModel] = Field(description="One for each measure and reception year.")
    job: JobModel | None = Field(description="The work that computes those of the last run.")


@router.get(
    "/measures",
    summary="Read the measures",
    response_model=Measures,
    responses={
        202: {
            "model": Measures,
            "description": "Those of the last run are being computed; these are earlier ones, "
            "or none. Ask again after `Retry-After` seconds.",
            "headers": {
                "Retry-After": {
                    "description": "In how many seconds to ask again.",
                    "schema": {"type": "integer"},
                }
            },
        },
        **asking(),
    },
)
def get_measures(
    access: Annotated[Access, reads(Permission.READ_MEASURES, personal=False)],
) -> Response:
    """Each with its numerator and denominator, its interval, and the range that possible links
    leave. They are computed once for each run, by queued work, when somebody first asks.
    """
    latest = last_run(access.connection)
    known = known_measures(access.connection)
    if latest == 0 or (known is not None and known.run == latest):
        return reply(200, {}, _model(access, known, latest, None).model_dump_json())
    job = _job(access)
    return reply(202, {"Retry-After": "5"}, _model(access, known, latest, job).model_dump_json())


def _job(access: Access) -> JobModel | None:
    number = measures_job(access.connection)
    if number is None:
        try:
            number = ask_for_measures(access.service.engine, by=access.caller.name)
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
    view = None if number is None else find(access.service.engine, number)
    return None if view is None else job_model(view)


def _model(access: Access, known: Known | None, latest: int, job: JobModel | None) -> Measures:
    profile = disclosure_of(access)
    return Measures(
        run=None if known is None else known.run,
        last_run=latest,
        computed_at=None if known is None else known.computed_at,
        items=[] if known is None else measure_models(known.results, profile),
        job=job,
    )


def disclosure_of(access: Access) -> Profile:
    """How counts are protected, by the rules in force."""
    return rules_in_force(access.connection, access.service.offered).book.disclosure


def measure_models(exact: Sequence[dict[str, Any]], profile: Profile) -> list[MeasureModel]:
    """As they are told together, from `matcher.outcomes.as_dict`."""
    return [_model_of(one) for one in protect_all(exact, profile)]


def _model_of(result: dict[str, Any]) -> MeasureModel:
    parts = [
        {
            "name": part["name"],
            "text": part["text"],
            "numerator": part["share"]["numerator"],
            "denominator": part["share"]["denominator"],
        }
        for part in result["parts"]
    ]
    return MeasureModel(**{**result, "parts": parts})
