"""The application: every route of the API, and what holds for all of them."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api.rest import (
    children,
    crosswalk,
    decisions,
    document,
    events,
    exports,
    extracts,
    fhir,
    health,
    jobs,
    matching,
    measures,
    previews,
    problem_kinds,
    record_writes,
    records,
    review,
    review_lists,
    runs,
    search,
    sources,
    webhooks,
)
from api.rest.access import AnsweredError
from api.rest.document import TAGS, describe
from api.rest.errors import add_handlers
from api.rest.manners import BodyLimit, Heads, Manner, check_manners
from api.rest.requests import Metrics, Requests
from api.rest.service import Service
from api.rest.slashes import EncodedSlashes
from api.services.linking import versions

_DESCRIPTION = """
One linked child register: which records of which systems are one child, and why.

**Who asks.** Send `Authorization: Bearer KEY`. A steward makes keys with `matcher keys create`.

**What for.** Send `Purpose: ...` with one of the purposes that your key may act for; it decides
which sources and fields you are shown, and is kept with what you asked in the access log. A
key with one purpose may leave it out.

**Lists** come in pages: follow `next`, or the `Link` header, until there is none.

**Writing.** Send `Idempotency-Key` with every write: the same request with the same key is
answered as before and has no second effect, for 24 hours. What can be edited has an `ETag`;
send it back as `If-Match`. Long work answers 202 with the `Location` of what to watch.

**Problems** are documents of type `application/problem+json` (RFC 9457). Their `type` is stable
and resolves to what it means.
"""

# Of requests other than uploads, in bytes.
_LARGEST_BODY = 2 * 1024**2


def create_app(service: Service, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The application over an open register, for requests that name one of these hosts."""
    app = FastAPI(
        title="Child register",
        version=versions()["child-register"],
        description=_DESCRIPTION,
        openapi_tags=[{"name": name, "description": said} for name, said in TAGS.items()],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    app.state.metrics = Metrics()
    add_handlers(app)

    @app.exception_handler(AnsweredError)
    async def _answered(_: Request, error: AnsweredError) -> Response:
        return error.response

    include(app, health.router)
    include(app, problem_kinds.router)
    for router in _routers():
        include(app, router, "/v1")
    describe(app)
    app.add_middleware(EncodedSlashes)
    app.add_middleware(Heads)
    app.add_middleware(BodyLimit, max_body_size=_LARGEST_BODY)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    app.add_middleware(Requests, metrics=app.state.metrics)
    return app


def include(app: FastAPI, router: APIRouter, prefix: str = "") -> None:
    """Add routes below a prefix, by which logs and metrics know them too."""
    app.include_router(router, prefix=prefix, dependencies=[Depends(check_manners)])
    known: dict[str, APIRoute] = getattr(app.state, "routes", {})
    added = [route for route in router.routes if isinstance(route, APIRoute)]
    manners: dict[Any, Manner] = getattr(app.state, "manners", {})
    app.state.manners = manners | {route.endpoint: Manner.of(route) for route in added}
    app.state.routes = known | {
        f"{method} {prefix}{route.path_format}": route
        for route in added
        for method in sorted(route.methods or ())
    }
    prefixes = getattr(app.state, "prefixes", {})
    app.state.prefixes = prefixes | {route.endpoint: prefix for route in added}


def _routers() -> list[Any]:
    return [
        children.router,
        crosswalk.router,
        decisions.router,
        fhir.router,
        matching.router,
        review.router,
        review_lists.router,
        extracts.router,
        jobs.router,
        events.router,
        webhooks.router,
        exports.router,
        runs.router,
        sources.router,
        measures.router,
        previews.router,
        document.router,
        record_writes.router,
        records.router,
        search.router,
    ]
