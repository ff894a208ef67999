"""Lets every error of the application end as a problem document."""

from collections.abc import Mapping
from functools import cache
from re import Pattern
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.rest.problems import BY_STATUS, Problem, refusal
from api.services.access.access_log import AccessLogError

# Such as are named when they are refused; another is what somebody wrote.
_ENCODINGS = ("gzip", "x-gzip", "deflate", "compress", "br", "zstd")
_LOG = structlog.get_logger("matcher.requests")


def add_handlers(app: FastAPI) -> None:
    """Let every error of an application end as a problem document."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        return refusal(request, error.kind, error.detail, error.headers, **error.more)

    @app.exception_handler(AccessLogError)
    async def _unlogged(request: Request, error: AccessLogError) -> Response:
        # What cannot be written down is not told.
        _LOG.error("no access log", why=str(error), request_id=request.state.request_id)
        detail = "The access log cannot be written now, and nothing is told that is not in it."
        return refusal(request, "busy", detail, headers={"Retry-After": "10"})

    @app.exception_handler(NoConnectionError)
    async def _crowded(request: Request, _: NoConnectionError) -> Response:
        _LOG.error("no connection", request_id=request.state.request_id)
        detail = "More requests came at this moment than the register can answer."
        return refusal(request, "busy", detail, headers={"Retry-After": "10"})

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        # Once each, though several that take the same parameter found it.
        found = dict.fromkeys(
            (".".join(str(part) for part in place), plainly(one))
            for one in error.errors()
            for place in _places(request, one)
        )
        errors = [{"place": place, "message": message} for place, message in found]
        kind = kind_of(error)
        if kind == "bad-request" and (why := packed(request)) is not None:
            return refusal(request, "media-type", why)
        return refusal(request, kind, errors=errors)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := methods_at(request)):
            headers["Allow"] = ", ".join(methods)
        kind = kind_of(error)
        if kind == "bad-request" and (why := packed(request)) is not None:
            return refusal(request, "media-type", why)
        if isinstance(error.__cause__, Problem):  # of reading JSON
            return await _problem(request, error.__cause__)
        unread = unreadable(error.__cause__)
        more: dict[str, Any] = {} if unread is None else {"errors": [unread]}
        return refusal(request, kind, _nowhere(request, kind), headers, **more)


def _nowhere(request: Request, kind: str) -> str | None:
    """What to say of an address of the API that is none."""
    if kind != "not-found" or not f"{request.url.path}/".startswith("/v1/"):
        return None
    return "There is no such address: /v1/openapi.json lists those there are."


def _places(request: Request, error: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Where an error is; of content that is not there, the fields that it must have."""
    place = tuple(error["loc"])
    if place == ("body",) and error["type"] == "missing":
        content = request.scope["route"].body_field.field_info.annotation
        fields = content.model_fields.items() if hasattr(content, "model_fields") else ()
        return [("body", one.alias or name) for name, one in fields if one.is_required()] or [place]
    return [place]


def packed(request: Request) -> str | None:
    """What to say of content that is packed, which is why it cannot be read; else nothing."""
    said = request.headers.get("content-encoding", "identity").strip().lower()
    if said == "identity":
        return None
    named = said if said in _ENCODINGS else "any"
    return f"Send the content as it is, without Content-Encoding: {named}."


def unreadable(cause: BaseException | None) -> dict[str, str] | None:
    """What kept content from being read as JSON, and where; nothing if that is not why."""
    if isinstance(cause, UnicodeDecodeError):
        return {"place": f"body.{cause.start}", "message": "this is not UTF-8 from here on"}
    if isinstance(cause, RecursionError):
        return {"place": "body", "message": "this is nested too deeply"}
    return None


def kind_of(error: RequestValidationError | HTTPException) -> str:
    """What kind of problem it is that the framework found."""
    if isinstance(error, HTTPException):
        return BY_STATUS.get(error.status_code, "bad-request")
    unreadable = any(one["type"] == "json_invalid" for one in error.errors())
    return "bad-request" if unreadable else "invalid"


@cache
def _addresses(templates: tuple[str, ...]) -> list[tuple[Pattern[str], str]]:
    split = (one.split(" ", 1) for one in templates)
    return [(compile_path(path)[0], method) for method, path in split]


def methods_at(request: Request) -> list[str]:
    """All methods that an address of the API takes; none if it is not one."""
    known: Mapping[str, object] = getattr(request.app.state, "routes", {})
    path = request.scope["path"]
    found = {method for regex, method in _addresses(tuple(known)) if regex.match(path)}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


def plainly(error: Mapping[str, Any]) -> str:
    """Pydantic's message, where it cannot quote what was sent."""
    if error["type"] in ("value_error", "assertion_error"):
        return str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("enum", "literal_error"):
        return f"give {error['ctx']['expected']}"
    if error["type"] == "string_unicode" and error["loc"][:1] == ("path",):
        return "this may hold no slash"  # what stands for one is no whole character
    names = {
        "json_invalid": "this is not JSON from here on",
        "missing": "this is needed",
        "extra_forbidden": "there is no such field",
        "string_type": "give text",
        "string_unicode": "give whole characters; this holds half of one (a lone surrogate)",
        "string_too_long": "this is too long",
        "string_too_short": "this is too short",
        "string_pattern_mismatch": "this does not have the form described",
        "date_from_datetime_parsing": "give a date as YYYY-MM-DD",
        "date_parsing": "give a date as YYYY-MM-DD",
        "date_type": "give a date as YYYY-MM-DD",
        "int_parsing": "give a whole number",
        "int_type": "give a whole number",
        "bool_parsing": "give true or false",
        "greater_than_equal": "this is too small",
        "less_than_equal": "this is too large",
        "greater_than": "this is too small",
        "less_than": "this is too large",
        "int_parsing_size": "this is too large",
        "float_parsing": "give a number",
        "float_type": "give a number",
        "finite_number": "give a number",
        "too_long": "there are too many",
        "too_short": "there are too few",
        "model_attributes_type": "give an object",
        "dict_type": "give an object",
        "list_type": "give a list",
    }
    return names.get(error["type"], "this does not have the form described")
