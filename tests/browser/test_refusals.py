"""What people see when something cannot be done, and what htmx puts into a page."""

import pytest
from playwright.sync_api import expect

from api.services.access.roles import Role
from tests.browser.conftest import Open
from tests.browser.site import DESKTOP, PHONE, Site, violations, wider_than_screen
from tests.databases import SqliteFiles


@pytest.fixture
def databases(sqlite_files: SqliteFiles) -> SqliteFiles:
    """What these do with a database is tried on both by tests without a browser."""
    return sqlite_files


SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


@SIZES
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed-in", "not-signed-in"])
def test_a_page_that_is_not_there_keeps_the_way_back(
    open_page: Open, shared_site: Site, signed_in: bool, size: tuple[int, int]
) -> None:
    name = shared_site.person(Role.ANALYST) if signed_in else None
    page = open_page(shared_site, as_=name, size=size)
    response = page.goto("/nowhere")
    assert response is not None and response.status == 404
    expect(page).to_have_title("Page not found – Child register")
    expect(page.get_by_role("button", name="Sign out")).to_have_count(int(signed_in))
    expect(page.get_by_role("link", name="Go to the home page")).to_be_visible()
    assert violations(page) == []
    assert not wider_than_screen(page)


@SIZES
def test_axe_finds_nothing_in_a_form_with_errors(
    open_page: Open, shared_site: Site, size: tuple[int, int]
) -> None:
    page = open_page(shared_site, size=size)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_title("Error: Sign in – Child register")
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    assert not wider_than_screen(page)


def test_what_htmx_puts_into_a_page_works_as_in_a_whole_one(
    open_page: Open, shared_site: Site
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.ANALYST))
    page.goto("/")
    page.evaluate(
        """htmx.ajax('GET', '/account',
            {target: '#main-content', select: '#main-content > *', swap: 'innerHTML'})"""
    )
    new = page.get_by_label("New password")
    show = page.get_by_role("button", name="Show password").last
    expect(show).to_be_visible()
    show.click()
    expect(new).to_have_attribute("type", "text")
    assert violations(page) == []


def test_an_htmx_request_that_is_refused_takes_the_whole_page(
    open_page: Open, shared_site: Site
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.ANALYST))
    page.goto("/")
    page.evaluate("htmx.ajax('GET', '/nowhere', {target: '#main-content h1'})")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    expect(page.get_by_role("banner")).to_have_count(1)


def test_an_htmx_request_after_the_sign_in_ended_leads_to_sign_in(
    open_page: Open, shared_site: Site
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.ANALYST))
    page.goto("/")
    page.context.clear_cookies()
    page.evaluate("htmx.ajax('GET', '/account', {target: '#main-content'})")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert page.url == f"{shared_site.url}/sign-in?next=/account"
