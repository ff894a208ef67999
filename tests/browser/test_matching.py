"""The matching workbench in a browser: from criteria to linked to deselected, and back."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from api.services.access.roles import Role
from tests.browser.conftest import Open
from tests.browser.site import DESKTOP, PHONE, Site, picture, violations, wider_than_screen
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed

SCHOOL = AISHA[0]
FORENAME, SURNAME = "Forename (first 4 letters)", "Surname (first 4 letters)"


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("checkbox", name=name, exact=True)


def tab(page: Page, name: str) -> Locator:
    """A tab; without script it is a link."""
    return page.get_by_role("tab", name=name).or_(page.get_by_role("link", name=name))


def systems(page: Page) -> list[str]:
    """Of the records that stand side by side."""
    table = page.get_by_role("table", name="Matched records")
    return table.get_by_role("columnheader").all_inner_texts()[1:]


def ticked(page: Page) -> int:
    return page.get_by_role("checkbox", checked=True).count()


def say(page: Page, button: str) -> None:
    """Give a reason, after an attempt without one."""
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a reason")
    expect(page).to_have_title(re.compile("^Error: "))
    page.get_by_label("Reason", exact=True).fill("The mother says so")
    page.get_by_role("button", name=button).click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_from_criteria_to_linked_to_deselected_and_undone(
    open_page: Open, site: Site, register: Reviewed, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), script=script)
    page.goto("/matching")
    page.get_by_label("Base system", exact=True).select_option("school")
    page.get_by_role("button", name="Show records").click()
    expect(page.get_by_role("table", name="All records in School: 1")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Malik")
    heads = page.get_by_role("columnheader").all_inner_texts()
    cells = dict(zip(heads[1:], row.get_by_role("cell").all_inner_texts(), strict=True))
    assert [cells[name] for name in ("Checked", "Census", "Clinic", "Registry", "Social")] == [
        "N", "N", "Y", "N", "Y",
    ]  # fmt: skip

    page.get_by_role("link", name="Select all").click()
    expect(box(page, "Postcode")).to_be_checked()
    assert ticked(page) == 7
    page.get_by_role("link", name="Clear match").click()
    expect(box(page, "Postcode")).not_to_be_checked()
    assert ticked(page) == 0
    box(page, SURNAME).check()
    page.get_by_role("button", name="Show records").click()
    expect(page).to_have_url(re.compile(r"\?base=school&criteria=surname4$"))

    page.get_by_role("link", name="1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Aisha Malik")
    assert systems(page) == ["School", "Clinic", "Social"]
    expect(tab(page, "Clinic (0)")).to_be_visible()
    box(page, SURNAME).uncheck()
    page.wait_for_load_state("networkidle")  # the search puts another form in place of this one
    box(page, FORENAME).check()
    if script:
        # The search begins as criteria are ticked.
        expect(tab(page, "Clinic (1)")).to_be_visible()
    else:
        page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("criteria=forename4"))
    if script:
        picture(page, "matching-record")
    page.get_by_role("link", name="Select 3 as a match").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 records")
    say(page, "Select as a match")
    expect(page.get_by_role("alert")).to_contain_text("Match selected")
    expect(page.get_by_text("It takes effect when linking has run")).to_be_visible()
    assert not register.together(SCHOOL, UNSURE)

    register.run()
    assert register.together(SCHOOL, UNSURE)
    page.reload()
    assert systems(page) == ["School", "Clinic", "Clinic", "Social"]
    page.get_by_role("link", name="Deselect Clinic 3").click()
    say(page, "Deselect this match")
    expect(page.get_by_role("alert")).to_contain_text("Match deselected")
    register.run()
    assert not register.together(SCHOOL, UNSURE)
    page.reload()
    assert systems(page) == ["School", "Clinic", "Social"]

    decisions = page.locator(".app-pair").filter(has_text="Not a match with Clinic 3")
    decisions.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a reason")
    decisions.get_by_label("Reason to undo this decision").fill("That was wrong")
    decisions.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("alert")).to_contain_text("Decision undone")
    register.run()
    assert register.together(SCHOOL, UNSURE)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_record_is_marked_as_checked_and_the_next_follows(
    open_page: Open, site: Site, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), script=script)
    page.goto("/matching?base=clinic")
    first, second = (
        page.locator("tbody th").nth(at).inner_text() for at in (0, 1)
    )  # in order of surname
    page.get_by_role("link", name=first, exact=True).click()
    page.get_by_role("button", name="Mark as checked and go to the next").click()
    expect(page.get_by_text(f"Clinic {second}", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="go to the next")).to_have_count(0)
    page.get_by_role("link", name="Previous").click()
    page.get_by_role("button", name="Mark as not checked").click()
    expect(page.get_by_text("Checked: No")).to_be_visible()
    page.get_by_role("button", name="Mark as checked", exact=True).click()
    page.get_by_role("link", name="Back to the list").click()
    page.get_by_role("link", name="Checked (1)").click()
    expect(page.locator("tbody th")).to_have_text([first])


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_filtered_list_is_sorted_and_left_and_come_back_to(
    open_page: Open, site: Site, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), script=script)
    page.goto("/matching?base=clinic&criteria=forename4")
    page.get_by_text("Filter the list", exact=True).click()
    page.get_by_label("Forename", exact=True).fill("Aishwarya")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("table", name="All records in Clinic, filtered: 2")).to_be_visible()
    page.get_by_role("link", name="Surname").click()
    expect(page.locator("tbody th")).to_have_text(["1", "3"])
    page.get_by_role("link", name="3", exact=True).click()
    page.get_by_role("link", name="Back to the list").click()
    expect(page.get_by_role("table", name="All records in Clinic, filtered: 2")).to_be_visible()
    assert "aish" not in page.url.lower()
    page.get_by_label("Forename", exact=True).fill("Zebedee")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_text("No records match the filter")).to_be_visible()
    page.get_by_role("link", name="Clear the filter").click()
    expect(page.get_by_role("table", name="All records in Clinic: 2")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_where_something_is_wrong(
    open_page: Open, site: Site, size: tuple[int, int]
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), size=size)
    page.goto("/matching?base=clinic")
    page.get_by_text("Filter the list", exact=True).click()
    page.get_by_label("Forename", exact=True).fill("???")
    page.get_by_label("Day", exact=True).fill("31")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a date of birth")
    assert violations(page) == []
    assert not wider_than_screen(page)
    page.get_by_label("Day", exact=True).fill("")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This says nothing")
    assert violations(page) == []


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_systems_without_a_possible_match_have_a_count_and_no_section_each(
    open_page: Open, site: Site, script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.STEWARD), script=script)
    page.goto("/matching?base=school&criteria=surname4")
    page.get_by_role("link", name="1", exact=True).click()
    names = ("Census", "Clinic", "Registry", "Social")
    for name in names:
        expect(tab(page, f"{name} (0)")).to_be_visible()
    line = page.get_by_text("No possible matches in:")
    if script:
        expect(line).to_be_hidden()
        tab(page, "Clinic (0)").click()
        expect(page.get_by_text("Clinic: 0 possible matches")).to_be_visible()
        return
    expect(page.get_by_text(": 0 possible matches").filter(visible=True)).to_have_count(0)
    panels = page.locator(".govuk-tabs__panel")
    tops = panels.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    own = line.evaluate("one => one.getBoundingClientRect().top")
    assert len(tops) == len(names) and all(abs(top - own) < 5 for top in tops), "all in one line"
