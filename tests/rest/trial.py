"""Routes of no use but to try what holds for every route."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from api.db.models import Audit
from api.rest.access import Access, Write
from api.rest.allowed import reads, writes
from api.rest.guarding import GuardedRoute
from api.rest.problems import Problem
from api.rest.text import Text
from api.services.access.audit import note_act
from api.services.access.roles import Permission

router = APIRouter(route_class=GuardedRoute)


class Note(BaseModel):
    text: Text
    number: int = Field(0, ge=0, le=2**63 - 1)


class Count(BaseModel):
    acts: int


def count(access: Access) -> Count:
    return Count(acts=access.connection.scalar(select(func.count()).select_from(Audit)) or 0)


@router.get("/trial/{number}")
def trial_read(number: int, access: Annotated[Access, reads(Permission.READ_CHILDREN)]) -> Count:
    access.saw(f"child {number}")
    if number == 404:
        raise Problem("not-found")
    if number == 500:
        raise RuntimeError("Aisha Malik")
    return count(access)


@router.get("/trial-of-nothing-personal")
def trial_plain(
    access: Annotated[Access, reads(Permission.READ_RUNS, personal=False)],
) -> Count:
    return count(access)


@router.post("/trial")
def trial_write(
    note: Note, write: Annotated[Write, writes(Permission.WRITE_RECORDS)], fails: bool = False
) -> Response:
    note_act(write.connection, "trial", "nothing", by=write.caller.name, now=write.now)
    if fails:
        raise Problem("conflict")
    return write.answer(count(write), 201, {"Location": "/v1/trial/1"})
