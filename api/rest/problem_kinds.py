"""What each type of problem means, at the address that is the type."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.rest.problems import BASE, KINDS, Problem, responses

router = APIRouter(tags=["problems"])


class ProblemKind(BaseModel):
    """What a type of problem means, and what a client can do."""

    type: str = Field(examples=["/v1/problems/bad-request"])
    status: int = Field(examples=[400])
    title: str = Field(examples=["The request cannot be read"])
    remedy: str = Field(examples=["Mend the request."])


@router.get(
    BASE + "{kind}", summary="What a type of problem means", responses=responses("not-found")
)
def problem_kind(kind: str) -> ProblemKind:
    """The title and the remedy of a type that a problem document names."""
    if kind not in KINDS:
        raise Problem("not-found")
    known = KINDS[kind]
    return ProblemKind(
        type=BASE + kind, status=known.status, title=known.title, remedy=known.remedy
    )
