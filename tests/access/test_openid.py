"""Staff come in through a provider that runs as a process of its own."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.db.engine import reading, writing
from api.rest.service import Service, opened
from api.services.access.accounts import add_person, end_person, list_people
from api.services.access.caller import CredentialsError
from api.services.access.openid import (
    Identity,
    OpenIdProvider,
    Pending,
    ProviderError,
    sign_in_by_openid,
)
from api.services.access.roles import Role
from api.services.access.signing_in import caller_of_token
from api.settings import Settings
from api.web.app import create_application
from tests.access.conftest import NOW
from tests.applications import as_shipped, lent
from tests.register_service.registers import shipped

RETURN_TO = "http://localhost:8000/sign-in/openid/return"
USERS: list[dict[str, Any]] = [
    {"sub": "s-ada", "preferred_username": "Ada", "groups": ["steward", "choir"]},
    {"sub": "s-grace", "email": "grace@oldham.example", "email_verified": True, "groups": []},
    {"sub": "s-eve", "email": "ada", "email_verified": False},
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with running(free_port()) as found:
        yield found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def running(port: int) -> Iterator[str]:
    """A provider, with a signing key that it makes when it starts."""
    users = [part for user in USERS for part in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "-n", "true"]
    process = subprocess.Popen(
        [*command, *users], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    found = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(found)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the provider ended"
                time.sleep(0.1)
        yield found
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def provider(issuer: str) -> OpenIdProvider:
    return OpenIdProvider(issuer, "register", "a secret & more")


def consent(url: str, subject: str) -> dict[str, str]:
    """What the browser brings back after this user has said yes."""
    answer = httpx.post(url, data={"sub": subject})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(RETURN_TO)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def identity(provider: OpenIdProvider, subject: str) -> Identity:
    url, pending = provider.begin(RETURN_TO)
    return provider.finish(pending, consent(url, subject), RETURN_TO)


def test_the_browser_is_sent_with_a_challenge_a_state_and_a_nonce(
    provider: OpenIdProvider,
) -> None:
    url, pending = provider.begin(RETURN_TO)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert (asked["state"], asked["nonce"]) == (pending.state, pending.nonce)
    assert pending.verifier not in url
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    other = provider.begin(RETURN_TO)[1]
    assert not {other.state, other.nonce, other.verifier} & {pending.state, pending.nonce}


def test_who_comes_back_is_who_the_provider_proves(provider: OpenIdProvider, issuer: str) -> None:
    assert identity(provider, "s-ada") == Identity(issuer, "s-ada", ("ada",), None)
    assert identity(provider, "s-grace").names == ("grace@oldham.example",)


def test_a_provider_that_signs_with_a_new_key_is_asked_for_it() -> None:
    port = free_port()
    with running(port) as issuer:
        provider = OpenIdProvider(issuer, "register", "a secret")
        assert identity(provider, "s-ada").names == ("ada",)
    with running(port):
        assert identity(provider, "s-ada").names == ("ada",)


def test_an_address_that_was_not_verified_is_no_name(provider: OpenIdProvider) -> None:
    assert identity(provider, "s-eve").names == ()


def test_roles_are_read_where_the_settings_say_so(provider: OpenIdProvider) -> None:
    provider.roles_claim = "groups"
    assert identity(provider, "s-ada").roles == {Role.STEWARD}
    assert identity(provider, "s-grace").roles == frozenset()


def came_with_another_state(pending: Pending, query: dict[str, str]) -> None:
    query["state"] = "another"


def came_without_a_state(pending: Pending, query: dict[str, str]) -> None:
    del query["state"]


def came_from_another_issuer(pending: Pending, query: dict[str, str]) -> None:
    query["iss"] = "https://elsewhere.example"


def came_without_a_code(pending: Pending, query: dict[str, str]) -> None:
    del query["code"]


def came_with_an_invented_code(pending: Pending, query: dict[str, str]) -> None:
    query["code"] = "invented"


@pytest.mark.parametrize(
    "change",
    [
        came_with_another_state,
        came_without_a_state,
        came_from_another_issuer,
        came_without_a_code,
        came_with_an_invented_code,
    ],
)
def test_what_was_not_begun_here_is_refused(change: Any, provider: OpenIdProvider) -> None:
    url, pending = provider.begin(RETURN_TO)
    query = consent(url, "s-ada")
    change(pending, query)
    with pytest.raises(ProviderError) as caught:
        provider.finish(pending, query, RETURN_TO)
    assert not re.search("another|invented|elsewhere", str(caught.value).replace("somebody", ""))


def test_a_token_for_another_nonce_is_refused(provider: OpenIdProvider) -> None:
    url, pending = provider.begin(RETURN_TO)
    query = consent(url, "s-ada")
    with pytest.raises(ProviderError, match="does not hold"):
        provider.finish(replace(pending, nonce="other"), query, RETURN_TO)


def test_a_code_works_once(provider: OpenIdProvider) -> None:
    url, pending = provider.begin(RETURN_TO)
    query = consent(url, "s-ada")
    provider.finish(pending, query, RETURN_TO)
    with pytest.raises(ProviderError):
        provider.finish(pending, query, RETURN_TO)


def test_a_token_for_another_client_or_of_another_issuer_is_refused(
    provider: OpenIdProvider,
) -> None:
    url, pending = provider.begin(RETURN_TO)
    token = provider._token(consent(url, "s-ada")["code"], pending.verifier, RETURN_TO)
    assert provider._claims(token, pending.nonce)["sub"] == "s-ada"
    for wrong in ({"client_id": "other"}, {"issuer": "https://elsewhere.example"}):
        other = replace(provider, **wrong)
        with pytest.raises(Exception, match="invalid_claim"):
            other._claims(token, pending.nonce)


def test_a_token_that_somebody_else_signed_is_refused(provider: OpenIdProvider) -> None:
    url, pending = provider.begin(RETURN_TO)
    token = provider._token(consent(url, "s-ada")["code"], pending.verifier, RETURN_TO)
    head, body, seal = token["id_token"].split(".")
    forged = seal[:20] + ("A" if seal[20] != "A" else "B") + seal[21:]
    for id_token in (f"{head}.{body}.{forged}", f"{head}.{body}.", body):
        with pytest.raises(Exception, match=r"bad_signature|decode_error|Invalid"):
            provider._claims({**token, "id_token": id_token}, pending.nonce)


def test_a_provider_that_cannot_be_asked_is_told_plainly() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        silent = OpenIdProvider(f"http://127.0.0.1:{taken.getsockname()[1]}", "a", "b")
        with pytest.raises(ProviderError, match="cannot be asked"):
            silent.begin(RETURN_TO)


def test_a_provider_that_calls_itself_otherwise_is_refused(issuer: str) -> None:
    with pytest.raises(ProviderError, match="calls itself by another address"):
        OpenIdProvider(issuer.replace("127.0.0.1", "localhost") + "/", "a", "b").begin(RETURN_TO)


ADA = Identity("https://id.example", "s-ada", ("ada",), None)


def come_in(engine: Engine, aside: Engine, who: Identity) -> str:
    token = sign_in_by_openid(engine, aside, who, now=NOW).token
    with reading(engine) as connection:
        return caller_of_token(aside, connection, token, None, now=NOW).name


def add(engine: Engine, name: str) -> None:
    with writing(engine) as connection:
        add_person(connection, name, roles=[Role.ANALYST], by="root", now=NOW)


def test_somebody_who_was_added_by_name_comes_in_and_is_known_by_subject_from_then_on(
    engine: Engine, aside: Engine
) -> None:
    add(engine, "ada")
    assert come_in(engine, aside, ADA) == "ada"
    assert come_in(engine, aside, replace(ADA, names=("renamed",))) == "ada"


@pytest.mark.parametrize("other", [{"subject": "s-eve"}, {"issuer": "https://elsewhere.example"}])
def test_nobody_takes_a_name_that_another_has_come_in_by(
    other: dict[str, str], engine: Engine, aside: Engine
) -> None:
    add(engine, "ada")
    come_in(engine, aside, ADA)
    with pytest.raises(CredentialsError, match="ask a steward"):
        come_in(engine, aside, replace(ADA, **other))


def test_somebody_who_was_not_added_or_has_ended_does_not_come_in(
    engine: Engine, aside: Engine
) -> None:
    for name in ("grace", "grace@oldham.example"):
        add(engine, name)
    for names in (("ada",), (), ("grace", "grace@oldham.example")):
        with pytest.raises(CredentialsError, match="ask a steward"):
            come_in(engine, aside, replace(ADA, names=names))
    with writing(engine) as connection:
        end_person(connection, "grace", by="root", now=NOW)
    with pytest.raises(CredentialsError, match="ask a steward"):
        come_in(engine, aside, replace(ADA, names=("grace",)))


def test_roles_that_the_provider_tells_count_from_the_next_sign_in(
    engine: Engine, aside: Engine
) -> None:
    told = replace(ADA, roles=frozenset({Role.REVIEWER}))
    assert come_in(engine, aside, told) == "ada"
    for roles in ({Role.REVIEWER}, {Role.AUDITOR, Role.ANALYST}):
        come_in(engine, aside, replace(ADA, roles=frozenset(roles)))
        with reading(engine) as connection:
            (row,) = list_people(connection)
        assert row.roles == sorted(roles)
        assert row.purposes == []
    with pytest.raises(CredentialsError, match="no role"):
        come_in(engine, aside, replace(ADA, roles=frozenset()))


def test_the_last_steward_stays_one_whatever_the_provider_tells(
    engine: Engine, aside: Engine
) -> None:
    come_in(engine, aside, replace(ADA, roles=frozenset({Role.STEWARD})))
    for roles in ({Role.REVIEWER}, set()):
        come_in(engine, aside, replace(ADA, roles=frozenset(roles)))
        with reading(engine) as connection:
            (row,) = list_people(connection)
        assert row.roles == sorted({*roles, Role.STEWARD})
    with writing(engine) as connection:
        add_person(connection, "grace", roles=[Role.STEWARD], by="root", now=NOW)
    with pytest.raises(CredentialsError, match="no role"):
        come_in(engine, aside, replace(ADA, roles=frozenset()))


@pytest.fixture(scope="module")
def with_provider(issuer: str) -> Callable[[Service], FastAPI]:
    """Makes the application for people whom the provider knows."""
    settings = Settings(
        openid_issuer=issuer, openid_client_id="register", openid_client_secret="a secret"
    )
    return lambda service: create_application(service, settings)


@pytest.fixture
def browser(engine: Engine, with_provider: Callable[[Service], FastAPI]) -> Iterator[TestClient]:
    with (
        opened(engine, shipped()) as service,
        lent(with_provider, service) as application,
        TestClient(application, follow_redirects=False) as client,
    ):
        yield client


def go_and_return(browser: TestClient, subject: str, next: str = "/account") -> httpx.Response:
    away = browser.get("/sign-in/openid", params={"next": next})
    assert away.status_code == 303
    answer = httpx.post(away.headers["location"], data={"sub": subject}).headers["location"]
    query = dict(parse_qsl(urlsplit(answer).query))
    return browser.get("/sign-in/openid/return", params=query)


def test_a_browser_goes_to_the_provider_and_comes_back_signed_in(
    browser: TestClient, engine: Engine
) -> None:
    add(engine, "ada")
    back = go_and_return(browser, "s-ada")
    assert (back.status_code, back.headers["location"]) == (303, "/account")
    assert "sign-in" in browser.cookies
    assert "openid" not in browser.cookies


def test_a_browser_is_sent_to_no_other_site_afterwards(browser: TestClient, engine: Engine) -> None:
    add(engine, "ada")
    back = go_and_return(browser, "s-ada", next="//elsewhere.example")
    assert back.headers["location"] == "/"


def test_a_browser_of_somebody_who_was_not_added_is_told_so(browser: TestClient) -> None:
    back = go_and_return(browser, "s-ada")
    assert back.headers["location"] == "/sign-in?why=provider"
    assert "sign-in" not in browser.cookies
    assert "ask a steward" in browser.get(back.headers["location"]).text


def test_another_browser_cannot_come_back_in_ones_place(
    browser: TestClient, engine: Engine
) -> None:
    add(engine, "ada")
    url = browser.get("/sign-in/openid").headers["location"]
    answer = httpx.post(url, data={"sub": "s-ada"}).headers["location"]
    browser.cookies.clear()
    back = browser.get("/sign-in/openid/return", params=dict(parse_qsl(urlsplit(answer).query)))
    assert back.headers["location"] == "/sign-in?why=provider"
    assert "sign-in" not in browser.cookies


def test_without_a_provider_in_the_settings_there_is_no_such_page(engine: Engine) -> None:
    with (
        opened(engine, shipped()) as service,
        lent(as_shipped, service) as application,
        TestClient(application, follow_redirects=False) as client,
    ):
        assert client.get("/sign-in/openid").status_code == 404
        assert client.get("/sign-in/openid/return").status_code == 404
