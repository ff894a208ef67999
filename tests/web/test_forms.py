"""Nothing is changed but by a form of ours, sent by the browser that it was given to."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.testclient import TestClient
from pydantic import BaseModel

from api.rest.service import Service
from api.services.access.roles import Role
from api.settings import Settings
from api.web.access import from_our_form
from api.web.app import create_application
from tests.web.conftest import SignIn, token_in
from tests.web.routes import page_routes


def test_every_route_that_changes_something_checks_its_form(application: FastAPI) -> None:
    unsafe = [route for route in page_routes(application) if route.methods - {"GET", "HEAD"}]
    assert unsafe
    for route in unsafe:
        assert from_our_form in {one.call for one in route.dependant.dependencies}, route.path


def send(client: TestClient, headers: dict[str, str], csrf: str | None = None) -> Any:
    given = token_in(client.get("/sign-in").text) if csrf is None else csrf
    return client.post("/sign-in", data={"name": "nobody", "csrf": given}, headers=headers)


def test_a_form_of_ours_is_heard(client: TestClient) -> None:
    assert send(client, {}).status_code == 422
    assert send(client, {"Sec-Fetch-Site": "same-origin"}).status_code == 422
    assert send(client, {"Origin": "http://testserver"}).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://elsewhere"},
        {"Origin": "null"},
    ],
    ids=lambda headers: " ".join(next(iter(headers.items()))),
)
def test_what_another_site_sends_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert send(client, headers).status_code == 403


def test_a_name_that_was_typed_stays_after_an_error(client: TestClient) -> None:
    assert 'value="nobody"' in send(client, {}).text


def test_whoever_signed_out_meanwhile_is_led_to_sign_in(
    client: TestClient, sign_in: SignIn
) -> None:
    inside = sign_in(Role.STEWARD)
    data = {"csrf": token_in(inside.get("/account").text)}
    assert "This one" in inside.get("/account").text
    assert inside.post("/sign-out", data=data).status_code == 303
    inside.cookies.clear()
    came_from = {"Referer": "http://testserver/children/x/correct?field=sex"}
    refused = inside.post("/review/undo", data=data, headers=came_from)
    assert refused.status_code == 403
    assert "You are not signed in any more" in refused.text
    assert 'href="/sign-in?next=/children/x/correct%3Ffield%3Dsex"' in refused.text


def test_a_reason_is_given_back_to_whoever_is_not_signed_in_any_more(
    client: TestClient, sign_in: SignIn
) -> None:
    inside = sign_in(Role.STEWARD)
    data = {"csrf": token_in(inside.get("/account").text), "why": "told by <b>her</b> aunt"}
    came_from = {"Referer": "http://testserver/review/answers/7"}
    assert inside.post("/sign-out", data=data).status_code == 303
    inside.cookies.set("sign-in", "made-up")
    data["csrf"] = token_in(inside.get("/sign-in").text)
    ended = inside.post("/review/undo", data=data, headers=came_from)
    inside.cookies.clear()
    expired = inside.post("/review/undo", data=data)
    for refused in (ended, expired):
        assert "You are not signed in any more" in refused.text
        assert "told by &lt;b&gt;her&lt;/b&gt; aunt</textarea>" in refused.text
        assert refused.headers["Cache-Control"] == "no-store"
    assert ended.status_code == 401
    assert 'href="/sign-in?next=/review/answers/7&amp;why=away"' in ended.text
    elsewhere = inside.post("/review/undo", data=data, headers={"Sec-Fetch-Site": "cross-site"})
    assert "aunt" not in elsewhere.text


@pytest.mark.parametrize("csrf", ["", "0" * 64, "é"])
def test_a_wrong_token_is_refused(client: TestClient, csrf: str) -> None:
    assert send(client, {}, csrf).status_code == 403


def test_a_token_counts_only_in_the_browser_it_was_given_to(
    application: FastAPI, client: TestClient
) -> None:
    with TestClient(application, follow_redirects=False) as other:
        others = token_in(other.get("/sign-in").text)
    client.get("/sign-in")
    assert send(client, {}, others).status_code == 403


def test_an_address_that_only_takes_forms_leads_to_the_page_of_the_form(sign_in: SignIn) -> None:
    inside = sign_in(Role.STEWARD)
    for address, page in (
        ("/review/undo", "/review"),
        ("/review/pairs/1-2/answer", "/review/pairs/1-2"),
        ("/review/decisions/7/undo", "/review"),
        ("/extracts/3/accept", "/extracts/3"),
        ("/account/password", "/account"),
        ("/sign-out", "/"),
    ):
        answer = inside.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
    for address in ("/extracts/abc", "/review/answers/x", "/nothing"):
        unknown = inside.get(address)
        assert unknown.status_code == 404 and "Page not found" in unknown.text


def test_htmx_may_send_the_token_in_a_header(client: TestClient) -> None:
    token = token_in(client.get("/sign-in").text)
    sent = client.post("/sign-in", data={}, headers={"X-CSRF-Token": token, "HX-Request": "true"})
    assert sent.status_code == 422


def test_an_htmx_request_of_nobody_sends_the_whole_browser_to_sign_in(client: TestClient) -> None:
    answer = client.get("/account", headers={"HX-Request": "true"})
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/account"


def test_over_https_cookies_are_bound_to_the_host_and_kept_from_script(service: Service) -> None:
    settings = Settings(public_url="https://register.example.org")
    address = "https://register.example.org"
    with TestClient(create_application(service, settings), base_url=address) as client:
        cookie = client.get("/sign-in").headers["set-cookie"]
    assert cookie.startswith("__Host-visit=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


# What forms send and addresses have that nobody types.
_NOT_TYPED = {
    "after", "again", "base", "criteria", "cursor", "etag", "field", "filter", "kind", "next",
    "search", "shown", "source", "state", "system", "token",
    "roles", "purposes", "sources",
}  # fmt: skip


def test_what_people_type_is_read_however_long_so_that_its_page_can_tell(
    application: FastAPI,
) -> None:
    short = {
        f"{route.path} {name}"
        for route in page_routes(application)
        for name, limit in _limits(route.dependant)
        if limit < 20_000 and name not in _NOT_TYPED
    }
    assert short == set()


def _limits(of: Dependant) -> Iterator[tuple[str, int]]:
    """By name of what comes with a request, how many characters are read of it."""
    for needed in of.dependencies:
        yield from _limits(needed)
    for one in (*of.query_params, *of.body_params):
        kind = one.field_info.annotation
        fields = {one.name: one.field_info}
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields
        for name, info in fields.items():
            for limit in info.metadata:
                most = getattr(limit, "max_length", None)
                if most is not None:
                    yield name, most
