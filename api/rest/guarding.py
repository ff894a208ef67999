"""Who asks is known before they are told what is wrong with what they sent."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.rest.allowed import Allowed, bearer_of, check
from api.rest.manners import JsonRequest
from api.rest.problems import Problem
from api.rest.service import service_of


class GuardedRoute(APIRoute):
    """A route whose content the framework reads before it asks who sent it.

    Nothing is read of somebody who shows nothing. What is found wrong before the route has
    asked who they are is told only to those who may use the route; others are told that they
    may not.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI asks for this once for every route."""
        handle, allowed = super().get_route_handler(), asked_by(self)
        if allowed is None:
            return handle

        async def guarded(request: Request) -> Response:
            bearer = await bearer_of(request)
            if bearer is None:
                raise Problem("not-signed-in")
            try:
                return await handle(JsonRequest(request.scope, request.receive))
            except (RequestValidationError, HTTPException, Problem):
                if not getattr(request.state, "asked", False):
                    service, purpose = service_of(request), request.headers.get("Purpose")
                    await run_in_threadpool(check, allowed, request, service, bearer, purpose)
                raise

        return guarded


def asked_by(route: APIRoute) -> Allowed | None:
    """The permission that a route asks of its callers, if it asks for one."""
    found = [one for one in _calls(route.dependant) if isinstance(one, Allowed)]
    assert len(found) <= 1, f"{route.name} asks for several permissions"
    return found[0] if found else None


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
