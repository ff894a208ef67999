"""An extract from the file in somebody's hands into the register and back, in a browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.services.access.roles import Role
from tests.browser.conftest import Open
from tests.browser.site import PHONE, Site, picture, violations, wider_than_screen
from tests.register_service.reviewed import Reviewed
from tests.rest.work import do_work

SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])

# Aisha, whom the register knows, a child it does not know, and a day that is none.
LIST = (
    "Child No,Given Name,Family Name,Born,Where,Home Postcode\n"
    "17,Aisha,Malik,03/05/2014,2 Mill Rd,OL1 1AA\n"
    "18,Tomasz,Quillfeather,30/11/2018,,OL2 6AB\n"
    "19,Mariam,Quillfeather,31/02/2018,,OL2 6AB\n"
)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "Aisha Malik.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


def say_what_it_is(page: Page, name: str = "Nursery headcount") -> None:
    page.goto("/extracts")
    page.get_by_role("button", name="Upload an extract").click()
    page.get_by_label("Another list of people").check()
    page.get_by_label("If it is another list, whose is it?").fill(name)
    for part, text in (("Day", "1"), ("Month", "9"), ("Year", "2024")):
        page.get_by_label(part, exact=True).fill(text)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose the file")


def upload(page: Page, path: Path) -> None:
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Upload").click()


def row(page: Page, name: str) -> str:
    """The number beside a name in a table."""
    found = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))
    return found.get_by_role("cell").inner_text()


@SCRIPT
def test_a_list_is_brought_mapped_accepted_linked_and_taken_back(
    open_page: Open, site: Site, register: Reviewed, listed: Path, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), script=script)

    def work_is_done() -> None:
        do_work(site.service)
        if not script:
            page.get_by_role("link", name="Check again").click()
        expect(page.get_by_role("link", name="Check again")).to_have_count(0)

    say_what_it_is(page)
    upload(page, listed)
    expect(page.get_by_role("heading", level=1)).to_have_text("What do the columns mean?")
    expect(page.get_by_role("cell", name="Tomasz")).to_be_visible()
    if script:
        picture(page, "extract-columns")
    for field, header in (
        ("Record id", "Child No"),
        ("Forename", "Given Name"),
        ("Surname", "Family Name"),
        ("Date of birth (optional)", "Born"),
        ("Address (optional)", "Where"),
        ("Postcode (optional)", "Home Postcode"),
    ):
        page.get_by_label(field, exact=True).select_option(header)
    page.get_by_role("button", name="Save and continue").click()
    expect(page.get_by_role("heading", name="It is being checked")).to_be_visible()
    if script:
        assert violations(page) == []

    work_is_done()
    expect(page.get_by_role("heading", name="Is this extract right?")).to_be_visible()
    expect(page.get_by_text("the columns that a person selected")).to_be_visible()
    expect(page.get_by_text("The calendar has no such date")).to_be_visible()
    if script:
        picture(page, "extract-report")
    page.get_by_role("button", name="Accept and link").click()
    expect(page.get_by_role("heading", name="It is being linked")).to_be_visible()

    work_is_done()
    assert row(page, "Children new to the register") == "1"
    assert register.together(("nursery_headcount", "17"), ("school", "1"))

    page.get_by_text("Withdraw this extract").click()
    page.get_by_label("Why do you withdraw it?").fill("The nursery sent an old list")
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_role("heading", name="It is being undone")).to_be_visible()
    work_is_done()
    expect(page.get_by_role("heading", name="What undoing it changed")).to_be_visible()
    assert register.counts() is not None
    # Neither an address nor a page tells how the file was called.
    assert "Aisha" not in page.url and "Aisha" not in page.content()


@SCRIPT
def test_an_error_leads_to_its_field_and_what_was_typed_stays(
    open_page: Open, site: Site, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), script=script)
    page.goto("/extracts/new")
    page.get_by_label("Another list of people").check()
    page.get_by_label("Day", exact=True).fill("31")
    page.get_by_label("Month", exact=True).fill("2")
    page.get_by_label("Year", exact=True).fill("2024")
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("Error: Upload an extract – Child register")
    if script:
        assert violations(page) == []
    page.get_by_role("link", name="Enter a name for the list").click()
    expect(page.get_by_label("If it is another list, whose is it?")).to_be_focused()
    page.get_by_role("link", name="The day must be a real date").click()
    expect(page.get_by_label("Day", exact=True)).to_be_focused()
    expect(page.get_by_label("Day", exact=True)).to_have_value("31")


@SCRIPT
def test_a_wrong_file_is_said_and_another_can_be_chosen(
    open_page: Open, site: Site, listed: Path, tmp_path: Path, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), size=PHONE, script=script)
    say_what_it_is(page)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("link", name="Select a file")).to_be_visible()
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF-1.7 and so on")
    upload(page, scan)
    page.get_by_role("link", name=re.compile("this is a PDF")).click()
    assert not wider_than_screen(page)
    if script:
        assert violations(page) == []
    upload(page, listed)
    expect(page.get_by_role("heading", level=1)).to_have_text("What do the columns mean?")
    page.get_by_label("Record id", exact=True).select_option("")
    page.get_by_role("button", name="Save and continue").click()
    page.get_by_role("link", name="Select the column that holds the record id").click()
    expect(page.get_by_label("Record id", exact=True)).to_be_focused()
    assert not wider_than_screen(page)
    if script:
        assert violations(page) == []


def test_a_file_can_be_dropped(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD))
    say_what_it_is(page)
    dropped = page.evaluate_handle(
        """text => { const data = new DataTransfer()
          data.items.add(new File([text], 'list.csv', {type: 'text/csv'})); return data }""",
        LIST,
    )
    page.locator(".govuk-file-upload-button").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator(".govuk-file-upload-wrapper")).to_contain_text("list.csv")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What do the columns mean?")


@SCRIPT
def test_work_under_way_is_stopped_by_a_button_that_stays_in_place(
    open_page: Open, site: Site, tmp_path: Path, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), script=script)
    say_what_it_is(page, "Toddler group")
    plain = tmp_path / "plain.csv"
    plain.write_text("record_id,forename,surname\n1,Ada,Quillfeather\n", encoding="utf-8")
    upload(page, plain)
    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    page.wait_for_timeout(2500)
    expect(stop).to_be_focused()
    stop.click()
    expect(page.get_by_text("The work on this extract was stopped")).to_be_visible()
    page.get_by_role("button", name="Do it again").click()
    expect(page.get_by_role("heading", name="It is being checked")).to_be_visible()
