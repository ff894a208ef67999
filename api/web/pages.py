"""Making pages from templates, and what goes with every page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader
from markupsafe import Markup

from api.rest.access import ReplayedError
from api.services.access.caller import Caller
from api.settings import Settings
from api.web import sessions, text
from api.web.navigation import Group, navigation
from api.web.static_files import StaticFiles

SERVICE = "Child register"

_FILTERS = ("shown", "marked", "plain", "day", "moment", "age", "number", "counted", "words")


@cache
def _environment() -> Environment:
    """One for the process: templates are compiled once."""
    environment = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("api.web", "templates"),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update({name: getattr(text, name) for name in _FILTERS})
    environment.globals["service"] = SERVICE
    return environment


@dataclass
class Pages:
    """What all pages share; ``app.state.pages``."""

    settings: Settings
    static: StaticFiles = field(default_factory=StaticFiles)
    environment: Environment = field(default_factory=_environment)
    groups: tuple[Group, ...] = ()

    @property
    def https(self) -> bool:
        """Whether people come over https."""
        return urlsplit(self.settings.public_url).scheme == "https"


class Instead(ReplayedError):  # noqa: N818 - no error, an answer
    """Ends a request with this answer; what was written in it is taken back."""


def page(
    request: Request,
    template: str,
    *,
    title: str,
    status: int = 200,
    errors: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page. ``errors`` are messages by the id of the field that each is about.

    The id is empty for what is about no field.
    """
    said = sessions.said_before(request)
    content = fragment(
        request, template, page_title=title, said=said, errors=dict(errors or {}), **context
    )
    response = HTMLResponse(content, status, dict(headers or {}))
    sessions.keep_visit(request, response)
    if sessions.cookie(request, sessions.SAID) is not None:
        sessions.drop_cookie(request, response, sessions.SAID)
    return response


def fragment(request: Request, template: str, **context: Any) -> str:
    """What a template makes: a page, or the part of one that htmx asked for."""
    pages: Pages = request.app.state.pages
    person: Caller | None = getattr(request.state, "person", None)
    permissions = person.permissions if person else frozenset()
    return pages.environment.get_template(template).render(
        assets=pages.static.base,
        council=pages.settings.council_name,
        person=person,
        may=permissions,
        path=request.url.path,
        navigation=navigation(pages.groups, permissions, request.url.path) if person else [],
        csrf=sessions.form_token(request),
        csrf_field=_csrf_field(request),
        shortcuts=sessions.shortcuts_are_on(request),
        **{"errors": {}, **context},
    )


def see(request: Request, where: str, said: str | None = None) -> Response:
    """Send the browser to another page, and say something there. Nothing personal in either."""
    if request.headers.get("HX-Request") == "true":
        response = Response(headers={"HX-Redirect": where})
    else:
        response = Response(status_code=303, headers={"Location": where})
    if said is not None:
        sessions.say_next(request, response, said)
    sessions.keep_visit(request, response)
    return response


def _csrf_field(request: Request) -> Markup:
    token = sessions.form_token(request)
    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)
