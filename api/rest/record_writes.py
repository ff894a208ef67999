"""Single records: put and deleted."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Header, Query

from api.rest.access import Write
from api.rest.allowed import writes
from api.rest.asking import record_address, require_named
from api.rest.bodies import AnyDay
from api.rest.etags import TAGGED, IfMatch, names
from api.rest.guarding import GuardedRoute
from api.rest.problems import Problem, acting
from api.rest.record_schemas import (
    Affected,
    RecordBody,
    RecordPut,
    Succeeded,
    document_of,
    notes_on,
)
from api.rest.records import AT, etag_of
from api.rest.text import RecordPath, SourcePath, Text
from api.services.access.roles import Permission
from api.services.extracts.quality import unusable_fields
from api.services.register.affected import affected_children
from api.services.register.history import child_of
from api.services.register.lookalikes import lookalikes
from api.services.register.running import lock_register
from api.services.register.shields import WHEREABOUTS
from api.services.register.single import (
    OlderDayError,
    Put,
    RecordRefusedError,
    delete_record,
    put_record,
)
from api.services.register.standing import Standing
from api.services.register.viewing import (
    ShownRecord,
    record_number,
    view_record,
)

router = APIRouter(route_class=GuardedRoute, tags=["records"])

MayWrite = Annotated[Write, writes(Permission.WRITE_RECORDS)]
WithInfo = Annotated[bool, Query(description="Whether to be told which children it changed.")]
GoneOn = Annotated[
    AnyDay | None,
    Query(
        description="A day on which the source had the record no more, as YYYY-MM-DD.",
        examples=["2024-09-01"],
    ),
]
IfNoneMatch = Annotated[
    Text | None,
    Header(description="`*`: only if there is no such record yet. Or an ETag it must not have."),
]


@router.put(
    AT,
    summary="Let a record say something, and link it",
    response_model=RecordPut,
    responses={
        **acting("unknown-source", "conflict", "stale", "refused"),
        200: {
            "description": "There was such a record; `changed` says whether it is another now",
            "headers": TAGGED,
        },
        201: {
            "model": RecordPut,
            "description": "There was no such record",
            "headers": {
                "Location": {"description": "The record.", "schema": {"type": "string"}},
                **TAGGED,
            },
        },
    },
)
def put_one_record(
    source: SourcePath,
    record_id: RecordPath,
    body: RecordBody,
    write: MayWrite,
    with_info: WithInfo = False,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Any:
    """The whole record: a field that is left out is missing from now on, unless it is one that
    you may not see. Such a field stays as it is; where a shielded child or a carer lives, unless
    you send it, or make the carer a child or the child a carer: `notes` then name what is gone.
    A field that may not be used for the purpose is refused (403).

    It is linked before the answer is sent. What says the same as before changes nothing; with a
    later `as_of` it is of that day from then on.
    With an `as_of` before the day of what the record says now, other values are refused with 409
    `conflict`, so that changes which arrive in the wrong order lose nothing.
    Send `If-None-Match: *` to be sure that the record is new, or `If-Match` with the ETag that
    you read to be sure that nobody else changed it.
    """
    require_named(write, source)
    said = body.said()
    _require_usable(write, source, said)
    before = _require_state(write, source, record_id, if_match, if_none_match).record
    kept = _kept(before, said)
    with _refused_at("body"):
        done = put_record(
            write.connection,
            _rules(write),
            source=source,
            record_id=record_id,
            values={**kept, **said},
            as_of=body.as_of,
            by=write.caller.name,
            now=write.now,
            anew=before is not None and not before.hidden.keys().isdisjoint(said),
        )
    state = _state_of(write, source, record_id)
    headers = {"ETag": state.etag or ""}
    if done.created:
        headers["Location"] = record_address(source, record_id)
    content = _answer(write, source, record_id, done, with_info, hidden=state.child_hidden)
    content.notes = notes_on(
        unusable_fields(said, _rules(write).book.linkage), _not_kept(before, kept, said)
    )
    return write.answer(content, 201 if done.created else 200, headers)


@router.delete(
    AT,
    summary="Let a record say nothing any more",
    response_model=RecordPut,
    responses=acting("unknown-source", "not-found", "conflict", "stale", "refused"),
)
def delete_one_record(
    source: SourcePath,
    record_id: RecordPath,
    write: MayWrite,
    with_info: WithInfo = False,
    as_of: GoneOn = None,
    if_match: IfMatch = None,
) -> Any:
    """The record belongs to nobody from now on; what it said stays in its history.

    One that is gone already is answered with `changed: false`. With an `as_of` before the day of
    what the record says now it stays, and the answer is 409 `conflict`.
    """
    require_named(write, source)
    if record_number(write.connection, source, record_id) is None:
        raise Problem("not-found")
    state = _require_state(write, source, record_id, if_match, None)
    if state.record is None:
        done = Put(False, False, None, None, None)
    else:
        with _refused_at("query"):
            done = delete_record(
                write.connection,
                _rules(write),
                source=source,
                record_id=record_id,
                by=write.caller.name,
                now=write.now,
                as_of=as_of,
            )
    content = _answer(write, source, record_id, done, with_info, hidden=state.child_hidden)
    return write.answer(content)


@contextmanager
def _refused_at(part: str) -> Iterator[None]:
    """Raises Problem, about this part of the request, if what it says of a record cannot be."""
    try:
        yield
    except RecordRefusedError as error:
        where = f"{part}.{error.field}" if error.field else part
        wrong = {"place": where, "message": str(error), "code": error.code}
        raise Problem("refused", str(error), errors=[wrong]) from None
    except OlderDayError as error:
        wrong = {"place": f"{part}.as_of", "message": str(error)}
        raise Problem("conflict", str(error), errors=[wrong]) from None


def _rules(write: Write) -> Any:
    """Those of the last run, read once in a process; those offered before the first."""
    standing = Standing.at(write.connection)
    return write.service.offered if standing is None else standing.read.rules


def _require_usable(write: Write, source: str, said: Collection[str]) -> None:
    """Raises Problem if a field is sent that may not be used for the purpose: it is a key too."""
    barred = sorted(name for name in said if not write.view.may_see(source, name))
    if barred:
        detail = "A value may not be used for this purpose; leave it out."
        errors = [{"place": f"body.{name}", "message": detail} for name in barred]
        raise Problem("forbidden", detail, errors=errors)


def _kept(before: ShownRecord | None, said: Mapping[str, str]) -> dict[str, str]:
    """What stays as it is, since whoever writes may not see it.

    No place does where a carer is made a child or a child a carer: what is hidden of the one
    may be told of the other.
    """
    if before is None:
        return {}
    same = before.values.get("role") == said.get("role", "child")
    hidden = before.hidden.items()
    return {name: str(value) for name, value in hidden if same or name not in WHEREABOUTS}


def _not_kept(
    before: ShownRecord | None, kept: Mapping[str, str], said: Mapping[str, str]
) -> list[str]:
    """What was hidden and is no more: neither kept nor sent."""
    return [] if before is None else sorted(before.hidden.keys() - kept.keys() - said.keys())


class _State(NamedTuple):
    """A record as it may be seen, and the ETag of that; nothing of one that is gone.

    ``child_hidden`` says that it may not be told whose it is, or was.
    """

    record: ShownRecord | None
    etag: str | None
    child_hidden: bool


def _state_of(write: Write, source: str, record_id: str) -> _State:
    hidden = (source, record_id) in lookalikes(write.connection, write.view).keys
    found = view_record(write.connection, write.view, source, record_id)
    if found is None:
        return _State(None, None, hidden)
    child = child_of(write.connection, source, record_id)
    return _State(found, etag_of(document_of(found, child, child_hidden=hidden)), hidden)


def _require_state(
    write: Write,
    source: str,
    record_id: str,
    if_match: str | None,
    if_none_match: str | None,
) -> _State:
    """What is written over. Raises Problem if it is not what was meant."""
    lock_register(write.connection)
    found = _state_of(write, source, record_id)
    wanted = if_match is None or names(if_match, found.etag)
    unwanted = if_none_match is not None and names(if_none_match, found.etag, weakly=True)
    if unwanted or not wanted:
        raise Problem("stale", None, headers={"ETag": found.etag} if found.etag else {})
    return found


def _answer(
    write: Write, source: str, record_id: str, done: Put, with_info: bool, *, hidden: bool
) -> RecordPut:
    number = record_number(write.connection, source, record_id)
    child = None if hidden else done.child
    write.saw(f"record {number}", *([child] if child else []))
    info = None
    if with_info and not hidden:
        found = affected_children(write.connection, write.view, done.run, done.child)
        info = Affected(
            created=found.created,
            merged=[Succeeded(child_id=c, successors=s) for c, s in found.merged.items()],
            split=[Succeeded(child_id=c, successors=s) for c, s in found.split.items()],
            emptied=found.emptied,
            joined=found.joined,
            left=found.left,
            values_changed=found.values_changed,
        )
    return RecordPut(
        source=source,
        record_id=record_id,
        created=done.created,
        changed=done.changed,
        child_id=child,
        child_hidden=hidden,
        run=done.run,
        children=info,
        notes=[],
    )
