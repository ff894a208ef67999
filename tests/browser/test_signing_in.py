"""Coming in, staying in and going out, by everybody's own hands."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from api.db.engine import writing
from api.db.models import SignIn
from api.services.access.roles import Role
from tests.browser.conftest import Open
from tests.browser.site import PASSWORD, PHONE, Site, picture
from tests.databases import SqliteFiles


@pytest.fixture
def databases(sqlite_files: SqliteFiles) -> SqliteFiles:
    """What these do with a database is tried on both by tests without a browser."""
    return sqlite_files


SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


@SCRIPT
def test_the_first_steward_follows_the_link_chooses_a_password_signs_in_and_out(
    open_page: Open, empty_site: Site, script: bool
) -> None:
    page = open_page(empty_site, script=script)
    link = empty_site.invitation()
    page.goto(link)
    page.get_by_label("Name to sign in with").fill("Stella")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_text("Your password is set")).to_be_visible()
    sign_in(page, "stella")
    expect(page.get_by_role("heading", level=1)).to_have_text("What needs your attention")
    expect(page.get_by_text("Signed in as stella")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()
    page.goto("/account")
    assert page.url == f"{empty_site.url}/sign-in?next=/account"

    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link cannot be used")


@SCRIPT
def test_a_password_that_is_too_short_is_refused_and_the_name_stays(
    open_page: Open, empty_site: Site, script: bool
) -> None:
    page = open_page(empty_site, script=script)
    page.goto(empty_site.invitation())
    page.get_by_label("Name to sign in with").fill("stella")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Save password").click()
    expect(page).to_have_title("Error: Choose a password – Child register")
    page.get_by_role("link", name="Enter a password of at least 12 characters").click()
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    expect(page.get_by_label("Name to sign in with")).to_have_value("stella")


@SCRIPT
def test_a_wrong_password_is_told_in_a_summary_and_the_next_try_is_free(
    open_page: Open, site: Site, script: bool
) -> None:
    page = open_page(site, script=script)
    name = site.person(Role.ANALYST)
    page.goto("/sign-in?next=/account")
    sign_in(page, name, "not the password")
    expect(page).to_have_title("Error: Sign in – Child register")
    page.get_by_role("link", name="The name or the password is not right").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    sign_in(page, name)
    assert page.url == f"{site.url}/account"


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "/\\example.org"])
def test_signing_in_leads_nowhere_else(open_page: Open, site: Site, elsewhere: str) -> None:
    page = open_page(site)
    name = site.person(Role.ANALYST)
    page.goto(f"/sign-in?next={elsewhere}")
    sign_in(page, name)
    assert page.url == f"{site.url}/"


@pytest.mark.parametrize(
    "since",
    [{"seen_at": timedelta(minutes=31)}, {"expires_at": timedelta(seconds=1)}],
    ids=["idle", "too-long"],
)
def test_a_sign_in_expires_and_leads_back_to_the_page(
    open_page: Open, site: Site, since: dict[str, timedelta]
) -> None:
    page = open_page(site, as_=site.person(Role.ANALYST))
    page.goto("/account")
    now = datetime.now(UTC)
    with writing(site.service.aside) as connection:
        connection.execute(update(SignIn).values({k: now - ago for k, ago in since.items()}))
    page.reload()
    expect(page.get_by_text("You were signed out because")).to_be_visible()
    sign_in(page, site.person(Role.ANALYST))
    assert page.url == f"{site.url}/account"


def test_a_form_without_our_token_is_refused_and_says_what_to_do(
    open_page: Open, site: Site
) -> None:
    page = open_page(site, as_=site.person(Role.ANALYST))
    page.goto("/account")
    page.locator('input[name="csrf"]').evaluate_all("all => all.forEach(one => one.remove())")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your page has expired")
    page.goto("/account")
    expect(page.get_by_role("radio", name="On", exact=True)).to_be_checked()


def test_single_keys_stay_off_in_this_browser(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER))
    page.goto("/account")
    page.get_by_role("radio", name="Off", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Single-key shortcuts are off")
    page.reload()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("radio", name="Off", exact=True)).to_be_checked()
    expect(page.locator("body")).to_have_attribute("data-shortcuts", "off")


def test_a_changed_password_ends_other_sign_ins(open_page: Open, site: Site) -> None:
    name = site.person(Role.ANALYST)
    here, there = open_page(site, as_=name), open_page(site, as_=name)
    here.goto("/account")
    here.get_by_label("Password you use now").fill(PASSWORD)
    here.get_by_label("New password").fill("four quite other words")
    here.get_by_role("button", name="Change password").click()
    expect(here.get_by_role("alert")).to_contain_text("Your password was changed")
    there.goto("/account")
    expect(there.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_purpose_is_chosen_and_shown_on_every_page(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.ANALYST, purposes=("early_years", "education")))
    page.goto("/purpose?next=/account")
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title(re.compile("^Error: "))
    page.get_by_role("radio", name="Education").check()
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(f"{site.url}/account")
    expect(page.get_by_role("list", name="You")).to_contain_text("For education")


def test_the_menu_opens_on_a_phone_where_there_is_more_than_one_group(
    open_page: Open, shared_site: Site
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD), size=PHONE)
    page.goto("/")
    menu = page.get_by_role("button", name="Menu")
    if menu.count():
        menu.click()
    expect(page.get_by_role("navigation").get_by_role("link", name="Home")).to_be_visible()


def test_pictures_of_coming_in(open_page: Open, shared_site: Site) -> None:
    page = open_page(shared_site)
    page.goto("/sign-in")
    picture(page, "sign-in")
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD))
    page.goto("/")
    picture(page, "home")
    expect(page.get_by_role("heading", level=1)).to_have_text("What needs your attention")
