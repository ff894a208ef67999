"""Who may open what, from the route table itself."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.rest.allowed import Allowed
from api.services.access.roles import PERMISSIONS, Role
from tests.web.conftest import SignIn, token_in
from tests.web.routes import page_routes

# Before signing in; nothing personal is told.
OPEN = {
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "GET /invitations/{token}",
    "POST /invitations/{token}",
    "GET /sign-in/openid",
    "GET /sign-in/openid/return",
}
# Where an address says more than which page.
ADDRESSES = {
    "POST /extracts/new/file": "/extracts/new/file?source=estart&as_of=2024-09-01&mode=snapshot",
}
REFUSED = "You do not have access to this page"


def asked(app: FastAPI) -> dict[str, Allowed | None]:
    """What each page asks of whoever opens it."""
    found = {}
    for route in page_routes(app):
        needs = [one.call for one in route.dependant.dependencies if isinstance(one.call, Allowed)]
        assert len(needs) <= 1, f"{route.path} asks for several permissions"
        for method in route.methods:
            found[f"{method} {route.path}"] = needs[0] if needs else None
    return found


def open_(client: TestClient, page: str, csrf: str) -> Any:
    method, path = page.split(" ")
    address = ADDRESSES.get(page) or re.sub(r"\{[^}]*\}", "0", path)
    return client.request(method, address, headers={"X-CSRF-Token": csrf})


def test_only_coming_in_and_leaving_are_open_to_anybody(application: FastAPI) -> None:
    assert {page for page, needs in asked(application).items() if needs is None} == OPEN


def test_whoever_is_not_signed_in_is_sent_to_sign_in(
    application: FastAPI, client: TestClient
) -> None:
    csrf = token_in(client.get("/sign-in").text)
    for page in asked(application).keys() - OPEN:
        answer = open_(client, page, csrf)
        assert answer.status_code == 303, page
        assert answer.headers["location"].startswith("/sign-in?next=/"), page


def test_every_page_lets_in_the_roles_that_may_and_no_others(
    application: FastAPI, sign_in: SignIn
) -> None:
    for role in Role:
        client = sign_in(role)
        csrf = token_in(client.get("/account").text)
        for page, needs in asked(application).items():
            if needs is None:
                continue
            may = needs.permission is None or needs.permission in PERMISSIONS[role]
            answer = open_(client, page, csrf)
            assert (REFUSED in answer.text) == (not may), (page, role, answer.status_code)
            assert answer.status_code != 500, (page, role)
            assert not answer.headers.get("location", "").startswith("/sign-in"), (page, role)


def test_of_a_register_without_a_run_there_are_no_measures(sign_in: SignIn) -> None:
    shown = sign_in(Role.MEASURES_READER).get("/measures").text
    assert "There are no measures yet" in shown and "being worked out" not in shown


def test_whoever_reads_measures_alone_is_led_to_them(sign_in: SignIn) -> None:
    home = sign_in(Role.MEASURES_READER).get("/").text
    assert '<h1 class="govuk-heading-l">Home</h1>' in home and "See the measures" in home


def test_personal_pages_ask_for_a_purpose_first(application: FastAPI, sign_in: SignIn) -> None:
    client = sign_in(Role.STEWARD, purposes=("early_years", "education"))
    csrf = token_in(client.get("/account").text)
    for page, needs in asked(application).items():
        if needs is not None and needs.permission in PERMISSIONS[Role.STEWARD]:
            answer = open_(client, page, csrf)
            where = answer.headers.get("location", "")
            assert where.startswith("/purpose?next=") == needs.personal, page


def test_a_key_of_a_system_is_no_sign_in(application: FastAPI) -> None:
    client = TestClient(application, follow_redirects=False, cookies={"sign-in": "mk_1234_5678"})
    assert client.get("/account").headers["location"].startswith("/sign-in")
