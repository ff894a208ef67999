"""What every page tells the browser, and who is sent where."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.rest.service import Service
from api.settings import Settings
from api.web.app import create_application
from api.web.refusals import local
from tests.applications import lent


def of_anytown(service: Service) -> FastAPI:
    """With the council's name, and a page that falls over."""
    app = create_application(service, Settings(council_name="Anytown Council"))

    @app.get("/falls-over")
    def fall() -> None:
        raise RuntimeError("Aisha Malik")

    return app


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with lent(of_anytown, service) as app, TestClient(app, follow_redirects=False) as found:
        yield found


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/falls-over", "/account"])
def test_the_policy_is_strict_on_every_answer(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere"])
def test_nothing_is_inline(client: TestClient, path: str) -> None:
    text = client.get(path).text
    assert re.search(r"\sstyle=|<style|\son\w+=|javascript:", text) is None
    assert re.search(r"<script(?![^>]* src=)", text) is None


def test_all_of_the_api_answers_with_documents_and_so_does_its_own_address(
    client: TestClient,
) -> None:
    for path in ("/v1", "/v1/", "/v1/nowhere"):
        found = client.get(path, headers={"Accept": "text/html"})
        assert found.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/nowhere", "not-found"), ("/falls-over", "fault"), ("/children", "not-signed-in")],
)
def test_a_client_that_takes_json_and_no_page_gets_a_problem_document(
    client: TestClient, path: str, kind: str
) -> None:
    for taken in ("application/json", "text/plain;q=0.5, Application/Problem+JSON; q=1"):
        found = client.get(path, headers={"Accept": taken})
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json()["type"] == f"/v1/problems/{kind}"
        assert found.status_code == found.json()["status"]
    for taken in (
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "application/json, text/html",
        "*/*",
    ):
        page = client.get(path, headers={"Accept": taken})
        assert page.status_code == 303 or page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/nowhere", 404, "Page not found"),
        ("/falls-over", 500, "Sorry, there is a problem with the service"),
    ],
)
def test_people_get_a_page_about_what_went_wrong(
    client: TestClient, path: str, status: int, title: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert f'<h1 class="govuk-heading-l">{title}</h1>' in answer.text
    assert "Anytown Council" in answer.text
    assert "Aisha" not in answer.text


def test_systems_get_a_document_about_it(client: TestClient) -> None:
    answer = client.get("/v1/nowhere")
    assert answer.headers["content-type"] == "application/problem+json"


def test_styles_and_script_are_kept_for_good_under_an_address_of_their_content(
    client: TestClient,
) -> None:
    addresses = set(re.findall(r'"(/assets/[^"]+)"', client.get("/sign-in").text))
    assert {address.rsplit("/", 1)[1] for address in addresses} == {
        "main.css", "main.js", "start.js", "htmx.min.js", "icon.svg",
    }  # fmt: skip
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/assets/0000000000000000/main.css").status_code == 404


def test_styles_use_no_font_image_or_style_of_anybody_else(client: TestClient) -> None:
    (address,) = re.findall(r'"(/assets/[^"]+main.css)"', client.get("/sign-in").text)
    text = client.get(address).text
    assert "url(" not in text and "Transport" not in text and "@import" not in text


@pytest.mark.parametrize(
    "address", ["", "https://example.org", "//example.org", "/\\example.org", "/a\nb", "next", "/é"]
)
def test_only_addresses_of_this_service_are_led_to(address: str) -> None:
    assert local(address) == "/"


def test_an_address_of_this_service_stays() -> None:
    assert local("/review?page=2") == "/review?page=2"
