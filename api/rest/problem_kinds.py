"""What each type of problem means, at the address that is the type."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.rest.problems import BASE, KINDS, Problem, responses

router = APIRouter(tags=["problems"])


class ProblemKind(BaseModel):
    """What a type of problem means, and what a client can do."""

    type: str = Field(
        description="As `type` of a problem has it.", examples=["/v1/problems/bad-request"]
    )
    status: int = Field(description="What it is answered with.", examples=[400])
    title: str = Field(description="What is the matter.", examples=["The request cannot be read"])
    remedy: str = Field(description="What a client can do.", examples=["Mend the request."])


@router.get(
    BASE + "{kind}", summary="What a type of problem means", responses=responses("not-found")
)
def problem_kind(
    kind: Annotated[str, Path(description="The last part of the type.", examples=["not-found"])],
) -> ProblemKind:
    """The title and the remedy of a type that a problem document names."""
    if kind not in KINDS:
        raise Problem("not-found")
    known = KINDS[kind]
    return ProblemKind(
        type=BASE + kind, status=known.status, title=known.title, remedy=known.remedy
    )
