"""What holds for every page, by the table of routes."""

import re

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.browser.samples import ANSWERS, SAMPLES, SEEN_BY, Sample
from tests.browser.site import DESKTOP, PHONE, Site, violations, wider_than_screen
from tests.web.routes import page_routes

EVERY_PAGE = pytest.mark.parametrize("path", sorted(SAMPLES))

LARGEST = 150 * 1024


def go(open_page: Open, site: Site, sample: Sample) -> Page:
    more = {"cleared": True} if sample.cleared else {}
    name = site.person(sample.role, purposes=sample.purposes, **more) if sample.role else None
    page = open_page(site, as_=name)
    response = page.goto(sample.address(site))
    assert response is not None and response.status == 200
    assert len(response.body()) <= LARGEST
    assert page.get_by_text("has something that this page does not use").count() == 0
    return page


def check_at_both_widths(page: Page) -> None:
    """Axe finds nothing, and nothing is wider than the screen."""
    for width, height in (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        assert violations(page) == [], width
        assert not wider_than_screen(page), width


def test_every_page_has_a_sample(shared_site: Site) -> None:
    looked_at = [route for route in page_routes(shared_site.app) if "GET" in route.methods]
    # Files, and ways to somebody else's page.
    others = (".csv", "/sign-in/openid", "/sign-in/openid/return")
    assert {route.path for route in looked_at if not route.path.endswith(others)} == set(SAMPLES)


@EVERY_PAGE
def test_axe_finds_nothing_and_titles_width_and_focus_are_as_they_should_be(
    open_page: Open, shared_site: Site, path: str
) -> None:
    page = go(open_page, shared_site, SAMPLES[path])
    check_at_both_widths(page)
    assert re.fullmatch(r".+ – Child register", page.title())
    assert page.locator("h1").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main-content"
    assert without_visible_focus(page) == []


@pytest.mark.parametrize("name", SEEN_BY)
def test_axe_finds_nothing_on_what_some_people_see_otherwise(
    open_page: Open, shared_site: Site, name: str
) -> None:
    check_at_both_widths(go(open_page, shared_site, SEEN_BY[name]))


@pytest.mark.parametrize("name", ANSWERS)
def test_axe_finds_nothing_on_what_a_form_leads_to(
    open_page: Open, shared_site: Site, name: str
) -> None:
    sample, ask = ANSWERS[name]
    page = go(open_page, shared_site, sample)
    ask(page)
    check_at_both_widths(page)
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize(
    "path", ["/review/clusters/{pair}", "/review/answers/{number}", "/children/{child_id}"]
)
def test_what_a_cell_of_a_card_is_does_not_touch_it(
    open_page: Open, shared_site: Site, path: str
) -> None:
    page = go(open_page, shared_site, SAMPLES[path])
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    touching = page.evaluate(
        """() => [...document.querySelectorAll('.app-table-frame--cards td')].filter(cell => {
          const title = getComputedStyle(cell, '::before')
          const ends = parseFloat(title.left) + parseFloat(title.width)
          // It may stand above the cell instead.
          return title.position !== 'static'
            && parseFloat(getComputedStyle(cell).paddingLeft) - ends < 8
        }).map(cell => cell.dataset.title)"""
    )
    assert page.locator(".app-table-frame--cards td").count() > 3
    assert touching == []


@pytest.mark.parametrize("path", ["/", "/extracts/{extract}/columns", "/review/pairs/{pair}"])
def test_a_page_begins_where_what_stands_above_it_begins(
    open_page: Open, shared_site: Site, path: str
) -> None:
    page = go(open_page, shared_site, SAMPLES[path])
    page.set_viewport_size({"width": 1600, "height": 900})
    begins = page.evaluate(
        """() => ['.app-identity__list', 'main', 'footer > *'].map(

          one => Math.round(document.querySelector(one).getBoundingClientRect().left))"""
    )
    assert len(set(begins)) == 1


def test_the_records_of_a_child_begin_where_the_text_above_them_does(
    open_page: Open, shared_site: Site
) -> None:
    page = go(open_page, shared_site, SAMPLES["/children/{child_id}"])
    for width in (1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        begins = page.evaluate(
            """() => ['h1', 'h2', '.app-dense caption', '.app-dense table'].map(
              one => Math.round(document.querySelector(one).getBoundingClientRect().left))"""
        )
        assert len(set(begins)) == 1, (width, begins)
        assert not wider_than_screen(page)


def test_a_state_is_told_on_one_line(open_page: Open, shared_site: Site) -> None:
    page = go(open_page, shared_site, SAMPLES["/extracts/{extract}"])
    tag = page.locator(".govuk-summary-list .govuk-tag")
    assert tag.evaluate(
        "one => one.getClientRects()[0].height < 2 * parseFloat(getComputedStyle(one).fontSize)"
    )


def without_visible_focus(page: Page) -> list[str]:
    """What can have the focus and looks the same with it."""
    unseen: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(
            'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
          .filter(element => element.getClientRects().length)
          .filter(element => element.matches('summary')
            || !element.closest('details:not([open])'))
          .filter(element => {
            const look = () => [element, element.nextElementSibling]
              .filter(Boolean)
              .flatMap(one => ['', '::before'].map(part => {
                const style = getComputedStyle(one, part)
                return [style.outlineStyle, style.outlineWidth, style.outlineColor,
                        style.boxShadow, style.backgroundColor, style.borderColor].join()
              })).join('|')
            document.activeElement.blur()
            const before = look()
            element.focus({focusVisible: true})
            return look() === before
          })
          .map(element => element.outerHTML.slice(0, 100))"""
    )
    return unseen


def test_nothing_personal_is_in_the_path_of_a_page(shared_site: Site) -> None:
    named = {
        name for route in page_routes(shared_site.app) for name in re.findall(r"{(\w+)", route.path)
    }
    assert named <= {
        "token", "child_id", "extract", "run", "source", "pair", "name", "number", "decision",
        "record", "answer", "job", "lease", "file", "group",
    }  # fmt: skip
