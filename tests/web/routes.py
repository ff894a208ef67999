"""The table of routes, as far as they are pages."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.web.refusals import FOR_SYSTEMS


def page_routes(app: FastAPI) -> list[APIRoute]:
    """Routes for people: not those for systems, nor styles, script and pictures."""
    systems = (*FOR_SYSTEMS, "/assets/")
    return [
        route
        for path, route in every_route(app)
        if not path.startswith(systems) and not path.endswith(".svg")
    ]


def every_route(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    """Each with its path, also those for systems."""
    return _all("", app.routes)


def _all(prefix: str, routes: Any) -> Iterator[tuple[str, APIRoute]]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield prefix + route.path, route
        elif hasattr(route, "original_router"):
            below = prefix + route.include_context.prefix
            yield from _all(below, route.original_router.routes)
