"""The crosswalk: by which ids other systems know a child, as IHE's PIXm asks for it."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.rest.access import Access
from api.rest.allowed import KeyHeader, reads
from api.rest.asking import AsOf, require_named, require_run
from api.rest.bodies import Body, example, whole
from api.rest.guarding import GuardedRoute
from api.rest.problems import Problem, asking
from api.rest.record_schemas import RecordKey
from api.rest.text import AnySource, AnySourcePath, RecordId, RecordPath
from api.services.access.roles import Permission
from api.services.register.crosswalking import Crossed, crosswalk, known_sources
from api.services.register.lookalikes import lookalikes

router = APIRouter(route_class=GuardedRoute, tags=["crosswalk"])

# How many ids may be asked for at once.
LARGEST = 1_000

MayRead = Annotated[Access, reads(Permission.READ_CHILDREN)]
_PROBLEMS = asking("unknown-source", "target-not-permitted")


class AskedKey(Body):
    """An id of one system."""

    source: AnySource = Field(description="Its name, as in `/v1/sources`.", examples=["systmone"])
    record_id: RecordId = Field(description="The id that it has there.", examples=["90012"])


class CrosswalkBody(Body):
    """Ids, and the systems whose ids are wanted."""

    model_config = whole(
        {"records": [{"source": "swift", "record_id": "5500094"}], "targets": ["systmone"]}
    )

    records: list[AskedKey] = Field(description="Answered in this order.", max_length=LARGEST)
    targets: list[AnySource] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Left out: all that may be seen for the purpose.",
        examples=[["school_census", "estart"]],
    )
    as_of: int | None = Field(None, ge=1, le=2**63 - 1, description="A past run.", examples=[None])


class CrosswalkAnswer(BaseModel):
    """The other ids of a record's child."""

    child_id: str = Field(
        description="The child of the record that was asked for.", examples=["5QK2M8ZR0T4WF"]
    )
    ids: list[RecordKey] = Field(
        description="Without the id that was asked for; empty if no other system has one."
    )


class CrosswalkItem(BaseModel):
    """One id of many, and what was found."""

    source: str = Field(description="As it was asked for.", examples=["systmone"])
    record_id: str = Field(description="As it was asked for.", examples=["90012"])
    status: Literal[200, 404] = Field(description="404: no child has this id there.")
    child_id: str | None = Field(
        description="The child of the record; null with 404.", examples=["5QK2M8ZR0T4WF"]
    )
    ids: list[RecordKey] = Field(
        description="Ids of its child in other systems, without the one that was asked for."
    )


class CrosswalkAnswers(BaseModel):
    """As many items as were asked for, in that order."""

    model_config = example(
        {
            "items": [
                {
                    "source": "systmone",
                    "record_id": "90012",
                    "status": 200,
                    "child_id": "5QK2M8ZR0T4WF",
                    "ids": [{"source": "estart", "record_id": "10482"}],
                }
            ]
        }
    )

    items: list[CrosswalkItem]


@router.post("/crosswalk", summary="Other systems' ids of many records", responses=_PROBLEMS)
def cross_many(body: CrosswalkBody, access: MayRead, _key: KeyHeader = None) -> CrosswalkAnswers:
    """Up to 1,000 ids at once; in a body, since systems' ids are personal.

    A source that is not known, may not be seen, or whose ids may not be told, ends the whole
    request; `errors` names where it is. An id that is not known has the status 404 among the items.
    """
    require_run(access, body.as_of, "body.as_of")
    for source, places in _places("body.records.{}.source", [one.source for one in body.records]):
        require_named(access, source, "forbidden", *places)
    keys = [(one.source, one.record_id) for one in body.records]
    found = _cross(access, keys, body.targets, "body.targets.{}", body.as_of)
    return CrosswalkAnswers.model_construct(
        items=[
            CrosswalkItem.model_construct(
                source=source,
                record_id=record_id,
                status=404 if one is None else 200,
                child_id=None if one is None else one.child_id,
                ids=[] if one is None else _keys(one),
            )
            for (source, record_id), one in zip(keys, found, strict=True)
        ]
    )


@router.get(
    "/sources/{source}/records/{record_id}/crosswalk",
    summary="Other systems' ids of a record",
    responses={**_PROBLEMS, **asking("unknown-source", "target-not-permitted", "not-found")},
)
def cross_one(
    source: AnySourcePath,
    record_id: RecordPath,
    access: MayRead,
    target: Annotated[
        list[AnySource] | None,
        Query(max_length=100, description="May be given several times; left out: all."),
    ] = None,
    as_of: AsOf = None,
) -> CrosswalkAnswer:
    """The ids by which the sources asked for, or all, know the child of the record."""
    require_run(access, as_of)
    require_named(access, source)
    (found,) = _cross(access, [(source, record_id)], target, "query.target.{}", as_of)
    if found is None:
        raise Problem("not-found", "No child has this id in this source.")
    return CrosswalkAnswer(child_id=found.child_id, ids=_keys(found))


def _cross(
    access: Access,
    keys: list[tuple[str, str]],
    targets: list[str] | None,
    place: str,
    as_of: int | None,
) -> list[Crossed | None]:
    for target, places in _places(place, targets or ()):
        require_named(access, target, "target-not-permitted", *places)
    numbers = known_sources(access.connection)
    wanted = frozenset(targets) if targets else access.view.named
    untold = lookalikes(access.connection, access.view).records
    found = crosswalk(access.connection, keys, numbers, wanted, as_of_run=as_of, untold=untold)
    access.saw(*(one.child_id for one in found if one is not None))
    return found


def _places(place: str, names: Sequence[str]) -> Iterable[tuple[str, list[str]]]:
    """Each name with all the places where it is; ``place`` is one, without its number."""
    found: dict[str, list[str]] = {}
    for number, name in enumerate(names):
        found.setdefault(name, []).append(place.format(number))
    return found.items()


def _keys(found: Crossed) -> list[RecordKey]:
    return [RecordKey.model_construct(source=s, record_id=r) for s, r in found.ids]
