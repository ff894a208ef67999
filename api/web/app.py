"""The whole application: the API for systems and the pages for people."""

from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rest.app import create_app
from api.rest.manners import manners_of
from api.rest.service import Service
from api.settings import Settings
from api.web import (
    account,
    administration,
    administration_keys,
    administration_people,
    administration_retention,
    administration_sources,
    administration_subjects,
    administration_work,
    audit,
    child_corrections,
    children,
    children_search,
    extracts,
    extracts_columns,
    extracts_upload,
    extracts_work,
    home,
    matching,
    matching_pairs,
    matching_records,
    measures,
    openid,
    quality,
    quality_found,
    quality_groups,
    quality_previews,
    quality_samples,
    review,
    review_answers,
    review_clusters,
    review_pair,
    review_reviewers,
    signing_in,
)
from api.web.navigation import there_are
from api.web.pages import Pages
from api.web.refusals import FOR_SYSTEMS, refuse

_LOCAL = ["localhost", "127.0.0.1", "[::1]", "testserver"]

_ROUTERS: tuple[APIRouter, ...] = (
    home.router,
    signing_in.router,
    openid.router,
    account.router,
    measures.router,
    quality.router,
    quality_found.router,
    quality_groups.router,
    quality_previews.router,
    quality_samples.router,
    children_search.router,
    child_corrections.router,
    children.router,
    extracts_upload.router,
    extracts.router,
    extracts_columns.router,
    extracts_work.router,
    administration.router,
    administration_people.router,
    administration_keys.router,
    administration_sources.router,
    administration_retention.router,
    administration_subjects.router,
    administration_work.router,
    audit.router,
    matching.router,
    matching_records.router,
    matching_pairs.router,
    review.router,
    review_pair.router,
    review_answers.router,
    review_reviewers.router,
    review_clusters.router,
)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # So that a form of ours can be told by where it comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_application(service: Service, settings: Settings) -> FastAPI:
    """The API and the pages, for the address that they are known by."""
    known = urlsplit(settings.public_url).hostname
    app = create_app(service, [known] if known else _LOCAL)
    pages = Pages(settings)
    app.state.pages = pages
    app.state.refusal = refuse
    app.include_router(pages.static.router())
    for router in _ROUTERS:
        app.include_router(router)
        pages.manners |= manners_of(router)
    pages.groups = there_are(_paths())
    app.add_middleware(_PageHeaders)
    return app


def _paths() -> set[str]:
    return {getattr(route, "path", "") for router in _ROUTERS for route in router.routes}


class _PageHeaders:
    """Gives every page the headers that keep others out of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].startswith(FOR_SYSTEMS):
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self.app(scope, receive, with_headers)
