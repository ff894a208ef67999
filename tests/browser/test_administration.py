"""Stewards and auditors at work, with script and without."""

import re

import pytest
from playwright.sync_api import expect

from api.services.access.roles import Role
from tests.browser.administered import audit, ended_source
from tests.browser.conftest import Open
from tests.browser.site import DESKTOP, PASSWORD, PHONE, Site, violations, wider_than_screen
from tests.databases import SqliteFiles


@pytest.fixture
def databases(sqlite_files: SqliteFiles) -> SqliteFiles:
    """What these do with a database is tried on both by tests without a browser."""
    return sqlite_files


SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


@SCRIPT
def test_a_steward_adds_somebody_who_chooses_a_password_and_comes_in(
    open_page: Open, shared_site: Site, script: bool
) -> None:
    name = f"grace-{shared_site.url.rpartition(':')[2]}-{'with' if script else 'without'}"
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD), script=script)
    page.goto("/administration")
    page.get_by_role("link", name="may sign in").click()
    page.get_by_role("button", name="Add a person").click()
    page.get_by_role("button", name="Add, and make a link").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a name to sign in with")
    page.get_by_label("Name to sign in with").fill(name)
    page.get_by_label("Reviewer", exact=True).check()
    page.get_by_label("Early years", exact=True).check()
    page.get_by_role("button", name="Add, and make a link").click()
    link = page.get_by_label("Link", exact=True).input_value()

    theirs = open_page(shared_site, script=script)
    theirs.goto(link)
    theirs.locator("#password").fill(PASSWORD)
    theirs.get_by_role("button", name="Save password").click()
    theirs.get_by_label("Name").fill(name)
    theirs.locator("#password").fill(PASSWORD)
    theirs.get_by_role("button", name="Sign in").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("What needs your attention")


@SIZES
def test_what_is_shown_once_and_what_cannot_be_taken_are_clear_to_everybody(
    open_page: Open, shared_site: Site, size: tuple[int, int]
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD), size=size)
    page.goto("/administration/keys/new")
    page.get_by_label("Days that it lasts").fill("never")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter days as a number from 1 to 1,100")
    assert violations(page) == [] and not wider_than_screen(page)
    page.get_by_label("Days that it lasts").fill("90")
    page.get_by_label("Name of the key").fill(f"nursery-{size[0]}-{shared_site.url[-5:]}")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_label("Key of")).to_have_value(re.compile("^mk_"))
    assert violations(page) == [] and not wider_than_screen(page)


@SIZES
def test_days_that_cannot_be_are_named_where_they_were_typed(
    open_page: Open, shared_site: Site, size: tuple[int, int]
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD), size=size)
    page.goto(ended_source(shared_site))
    expect(page.get_by_text("No agreement holds for this source.")).to_be_visible()
    page.get_by_role("link", name="Change days of agreement").first.click()
    last = page.get_by_role("group", name="Last day")
    last.get_by_label("Month").fill("13")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == [] and not wider_than_screen(page)
    page.get_by_role("link", name="Enter the last day as a date").click()
    expect(page.locator("#ends-day")).to_be_focused()
    last.get_by_label("Month").fill("12")
    last.get_by_label("Year").fill("2099")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The days of the agreement are set.")).to_be_visible()
    expect(page.get_by_text("No agreement holds for this source.")).to_have_count(0)


@SCRIPT
def test_an_auditor_searches_and_no_address_tells_for_what(
    open_page: Open, shared_site: Site, script: bool
) -> None:
    address = audit(shared_site)
    page = open_page(shared_site, as_=shared_site.person(Role.AUDITOR), script=script)
    page.goto(address)
    page.get_by_label("About").fill("7K3M9QX2RT4V4")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.url == f"{shared_site.url}/audit"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.suggested_filename == "audit.csv"
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 2 and "7K3M9QX2RT4V4" in lines[1]
