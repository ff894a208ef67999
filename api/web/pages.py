"""Making pages from templates, and what goes with every page."""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    Undefined,
)
from jinja2.utils import missing
from markupsafe import Markup

from api.rest.access import AnsweredError
from api.rest.manners import Manner, given_twice
from api.rest.service import Service
from api.services.access.caller import Caller
from api.settings import Settings
from api.web import sessions, text
from api.web.navigation import Group, navigation
from api.web.static_files import StaticFiles

SERVICE = "Child register"

# What a parameter may be called.
_NAME = re.compile("[a-z][a-z_]{0,29}", re.IGNORECASE | re.ASCII)

_FILTERS = (
    "shown", "in_full", "marked", "marked_field", "marked_words", "plain", "day", "moment", "age",
    "number", "chance", "counted", "words", "titled", "named", "of_field", "born", "system",
    "plain_system", "sentence", "run_did", "in_run",
)  # fmt: skip


class Unknown(StrictUndefined):
    """A name that a template was not given, or what no object has: a mistake, even where it is
    only tested. A key that a mapping does not have is none, nor is an if without an else.
    """

    __slots__ = ()

    def __new__(
        cls, hint: str | None = None, obj: Any = missing, name: str | None = None, *more: Any
    ) -> Any:
        """Jinja calls this for each."""
        if isinstance(obj, Mapping) or name is None:
            return Undefined(hint, obj, name, *more)
        return super().__new__(cls)


class Components(BaseLoader):
    """Components of the Design System, which take what is optional by names that may be unknown."""

    prefix = "govuk_frontend_jinja"

    def __init__(self) -> None:
        loader = PrefixLoader({self.prefix: PackageLoader(self.prefix)})
        self.environment = _made(loader, Undefined)

    def load(
        self,
        environment: Environment,  # noqa: ARG002 - that of the template that asks
        name: str,
        globals: MutableMapping[str, Any] | None = None,
    ) -> Template:
        """One, for templates of any environment."""
        return self.environment.get_template(name, globals=globals)


def _made(loader: BaseLoader, undefined: type[Undefined]) -> Environment:
    return Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        undefined=undefined,
    )


@cache
def _environment() -> Environment:
    """One for the process: templates are compiled once."""
    own = PackageLoader("api.web", "templates")
    environment = _made(ChoiceLoader([own, Components()]), Unknown)
    environment.filters.update({name: getattr(text, name) for name in _FILTERS})
    environment.globals |= {"service": SERVICE, "company": text.COMPANY}
    return environment


@dataclass
class Pages:
    """What all pages share; ``app.state.pages``."""

    settings: Settings
    static: StaticFiles = field(default_factory=StaticFiles)
    environment: Environment = field(default_factory=_environment)
    groups: tuple[Group, ...] = ()
    # What the address of each page may say, by the function that makes it.
    manners: dict[Any, Manner] = field(default_factory=dict)

    @property
    def https(self) -> bool:
        """Whether people come over https."""
        return urlsplit(self.settings.public_url).scheme == "https"


class Instead(AnsweredError):  # noqa: N818 - no error, an answer
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
    service: Service = request.app.state.service
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
        not_known=_not_known(request),
        system_titles=service.offered.book.titles,
        **{"errors": {}, "said": None, "wide": False, **context},
    )


def passed_over(request: Request) -> set[str]:
    """Names in the address whose values its page does not know, to be told there; may be added to.

    Parameters that the page does not have are told without being added.
    """
    if not hasattr(request.state, "passed_over"):
        request.state.passed_over = set()
    names: set[str] = request.state.passed_over
    return names


def _not_known(request: Request) -> list[str]:
    """What the address says that its page does not know, or twice where one counts, by name;
    never by what it says.

    A name that is none is itself left out: somebody may have put anything there.
    """
    manner = request.app.state.pages.manners.get(request.scope.get("endpoint"))
    if manner is None or request.method != "GET":
        return []
    names = passed_over(request) | (set(request.query_params) - manner.parameters)
    names |= given_twice(request, manner)
    return sorted({one if _NAME.fullmatch(one) else "something without a name" for one in names})


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
