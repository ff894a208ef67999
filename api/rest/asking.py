"""What routes that tell of children have in common: which run, which source, where a child went."""

from collections.abc import Sequence
from typing import Annotated, Any, NoReturn
from urllib.parse import quote

from fastapi import Query, Response

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.extracts.receiving import did_you_mean
from api.services.register.history import ChildStanding, Standing
from api.services.register.reading import check_run, last_run
from api.services.register.viewing import has_source, view_standing
from matcher.errors import DataError
from matcher.register.ids import is_child_id

AsOf = Annotated[
    int | None,
    Query(ge=1, le=2**63 - 1, description="A past run, to be told how things were after it."),
]
Follow = Annotated[
    bool,
    Query(description="No: tell of a child that is no more, instead of leading to its successor."),
]

# For the OpenAPI document.
MOVED: dict[int | str, dict[str, Any]] = {
    307: {
        "description": "The child was merged into another; follow Location",
        "headers": {
            "Location": {
                "description": "The same of the child that it was merged into.",
                "schema": {"type": "string"},
            }
        },
    }
}


def require_run(access: Access, run: int | None, place: str = "query.as_of") -> None:
    """Raises Problem if there was no such run."""
    if run is not None:
        try:
            check_run(access.connection, run)
        except DataError:
            latest = last_run(access.connection)
            known = (
                f"the last one is {latest}; /v1/runs lists them" if latest else "there is none yet"
            )
            invalid(place, f"there was no such run; {known}")


def invalid(place: str, message: str) -> NoReturn:
    """Ends a request of which one part says what cannot be."""
    raise Problem("invalid", None, errors=[{"place": place, "message": message}])


def require_source(access: Access, source: str, refused: str = "forbidden", *places: str) -> None:
    """Raises Problem, about these places, if the source is not known, or may not be seen."""
    if source not in access.view.sources:
        if has_source(access.connection, source):
            _refuse(refused, _why_not(access, source), places)
        meant = did_you_mean(source, access.view.sources)
        _refuse("unknown-source", f"{meant[:1].upper()}{meant[1:]}".strip() or None, places)


def require_named(access: Access, source: str, refused: str = "forbidden", *places: str) -> None:
    """The same, and if none of its records may be asked for, or told, by its id there."""
    require_source(access, source, refused, *places)
    if not access.view.may_name(source):
        detail = "Record ids of this source may not be used for this purpose."
        _refuse(refused, detail, places)


def _why_not(access: Access, source: str) -> str:
    """Whether it is the key or the purpose for which a source that there is may not be seen."""
    own = ", ".join(sorted(access.view.sources)) or "none"
    of_key = access.caller.sources
    if of_key is not None and source not in of_key:
        return f"Your key is not for this source; those that you may see with it are: {own}."
    purpose = access.view.purpose
    return (
        f"This source may not be seen for the purpose {purpose}; those that you may see for it "
        f"are: {own}."
    )


def _refuse(kind: str, detail: str | None, places: Sequence[str]) -> NoReturn:
    message = detail or "there is no such source"
    errors = [{"place": place, "message": message} for place in places or ("path.source",)]
    raise Problem(kind, detail, errors=errors)


def current_child(
    access: Access, child_id: str, rest: str, *, follow: bool = True, as_of: int | None = None
) -> ChildStanding | Response:
    """A child that is current, or was after a run; see `settled`."""
    require_run(access, as_of)
    access.saw(child_id)
    found = view_standing(access.connection, access.view, child_id, as_of_run=as_of)
    return settled(access, child_id, found, rest, follow)


def settled(
    access: Access, child_id: str, found: ChildStanding | None, rest: str, follow: bool
) -> ChildStanding | Response:
    """A child that may be told of, or the way to its survivor, with ``rest`` of the address.

    Raises Problem if the id was never given, as far as they may see, or, if successors are to
    be followed, the child is no more and has not exactly one.
    """
    if found is None:
        raise Problem("not-found", _hint(child_id))
    if not follow or found.standing is Standing.CURRENT:
        return found
    access.saw(*found.successors)
    if found.standing is Standing.MERGED:
        access.status = 307
        return Response(status_code=307, headers={"Location": _address(access, found, rest)})
    raise Problem("gone", None, successors=list(found.successors))


def _hint(child_id: str) -> str | None:
    """What is wrong with an id that was never given, if that can be seen of it."""
    if is_child_id(child_id):
        return None
    if is_child_id(child_id.upper()):
        return "Ids are written in capital letters; write this one so."
    return "The check character does not fit; check the id."


def _address(access: Access, found: ChildStanding, rest: str) -> str:
    asked = access.request.scope["query_string"].decode("ascii", "replace")
    return f"/v1/children/{found.successors[0]}{rest}" + (f"?{asked}" if asked else "")


def record_address(source: str, record_id: str) -> str:
    """Where a record is."""
    return f"/v1/sources/{source}/records/{quote(record_id, safe='')}"
