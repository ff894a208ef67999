"""Runs of linkage, and the models that they weighed by."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from api.rest.access import Access
from api.rest.allowed import reads
from api.rest.guarding import GuardedRoute
from api.rest.paging import Cursor, Limit, Page, next_page, place_of
from api.rest.problems import Problem, asking
from api.services.access.roles import Permission
from api.services.runs import RunView, find_model, find_run, list_models, list_runs

router = APIRouter(route_class=GuardedRoute, tags=["runs"])

Number = Annotated[
    int, Path(ge=0, lt=2**63, description="Its number, as the list has it.", examples=[12])
]
ModelHash = Annotated[
    str, Path(max_length=64, description="Its hash, as the list has it.", examples=["5f2b6c"])
]
Reading = Annotated[Access, reads(Permission.READ_RUNS, personal=False)]


# Kinds of runs that are about whole extracts.
_OF_MANY = ("link", "undo")


class RunModel(BaseModel):
    """One execution of linkage over the register."""

    id: int = Field(description="Its number; runs are numbered in their order.", examples=[5])
    kind: str = Field(
        description="`link` and `undo` are of extracts, `record` of one record, `decision` of what "
        "people decided, `relink` of other rules, `erasure` of records that were erased.",
        examples=["link"],
    )
    at: datetime = Field(description="When, in UTC.")
    by: str = Field(description="Who asked for it.", examples=["nursery-system"])
    rules: str = Field(examples=["9d41e0"], description="Hash of the rules that it went by.")
    model: str = Field(
        examples=["5f2b9c"], description="Hash of the model that it weighed by, see /v1/models."
    )
    counts: dict[str, Any] = Field(
        description="What it found. Only those who are cleared are told it of a run that linked "
        "one record alone, or what people decided, since that would tell of these records.",
        examples=[
            {
                "founded": 3,
                "ended": 1,
                "activity_begun": 21,
                "activity_ended": 6,
                "candidate_pairs": 41,
            }
        ],
    )
    applied: list[int] = Field(examples=[[12]], description="Extracts that it linked.")
    undone: list[int] = Field(
        examples=[[]], description="Extracts whose withdrawal it carried out."
    )


class RunPage(Page):
    """Runs, newest first."""

    items: list[RunModel]


class TrainedModel(BaseModel):
    """A trained model, known by its hash."""

    hash: str = Field(
        description="SHA-256 of its file.",
        examples=["5f2b6c0ad1f4ce23a9b1e6d6c0d3a4fbb6a9f0f2b6f4de1c98a7b6c5d4e3f201"],
    )
    first_used_at: datetime = Field(description="When a run first weighed by it, in UTC.")
    in_force: bool = Field(description="Whether the last run weighed by it.")


class TrainedModelInFull(TrainedModel):
    """With its file."""

    content: str = Field(
        examples=["comparisons: ..."], description="YAML: m and u of each level of each comparison."
    )


class Models(Page):
    """Models that were ever used, the last one to come first."""

    items: list[TrainedModel]


@router.get("/runs", summary="List runs", responses=asking("bad-cursor"))
def get_runs(
    access: Reading, request: Request, response: Response, cursor: Cursor = None, limit: Limit = 50
) -> RunPage:
    """Newest first."""
    place = place_of(access.request, cursor, int)
    found = list_runs(access.connection, before=place[0] if place else None, limit=limit + 1)
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    return RunPage(next=link, items=[_model(view, access) for view in page])


@router.get("/runs/{run}", summary="Get a run", responses=asking("not-found"))
def get_run(run: Number, access: Reading) -> RunModel:
    """What it did, by which rules and model."""
    found = find_run(access.connection, run)
    if found is None:
        raise Problem("not-found")
    return _model(found, access)


def _model(run: RunView, access: Access) -> RunModel:
    told = access.caller.cleared or run.kind in _OF_MANY
    counts = run.counts if told else {}
    return RunModel(**{**asdict(run), "counts": counts})


@router.get("/models", summary="List models", responses=asking("bad-cursor"))
def get_models(
    access: Reading, request: Request, response: Response, cursor: Cursor = None, limit: Limit = 50
) -> Models:
    """All that were ever used, the last one to come first."""
    place = place_of(access.request, cursor, str)
    found = list_models(access.connection, after=place[0] if place else None, limit=limit + 1)
    views, link = next_page(request, response, found, limit, lambda one: [one.hash])
    return Models(
        next=link,
        items=[
            TrainedModel(hash=one.hash, first_used_at=one.first_used_at, in_force=one.in_force)
            for one in views
        ],
    )


@router.get("/models/{model}", summary="Get a model", responses=asking("not-found"))
def get_model(model: ModelHash, access: Reading) -> TrainedModelInFull:
    """With its file."""
    found = find_model(access.connection, model)
    if found is None:
        raise Problem("not-found")
    return TrainedModelInFull(**asdict(found))
