"""Every chart of every page, as a browser shows it."""

import pytest
from playwright.sync_api import Page

from api.web.charts import Share, shares
from tests.browser.conftest import Open
from tests.browser.samples import SAMPLES
from tests.browser.site import Site
from tests.browser.test_every_page import go

WITH_CHARTS = ("/extracts/{extract}", "/quality", "/review/answers/{number}")


def cut_off(page: Page) -> list[str]:
    """Texts of the page's SVG that begin or end outside it, in the widest of common fonts."""
    found: list[str] = page.evaluate(
        """() => {
          const edge = document.querySelector('svg').getBoundingClientRect()
          return [...document.querySelectorAll('svg text')].filter(text => {
            text.style.fontFamily = 'Verdana, "DejaVu Sans", sans-serif'
            const box = text.getBoundingClientRect()
            return box.left < edge.left || box.right > edge.right
              || box.top < edge.top || box.bottom > edge.bottom
          }).map(text => text.textContent)
        }"""
    )
    return found


def pictures(page: Page) -> list[str]:
    """Addresses of the charts of a page, each for wide screens and for narrow ones."""
    wide = page.locator(".app-chart").evaluate_all("all => all.map(one => one.src)")
    narrow = page.locator("source").evaluate_all("all => all.map(one => one.srcset)")
    assert len(wide) == len(narrow) > 0
    return [*wide, *narrow]


@pytest.mark.parametrize("path", WITH_CHARTS)
def test_no_text_of_a_chart_is_cut_off(open_page: Open, shared_site: Site, path: str) -> None:
    page = go(open_page, shared_site, SAMPLES[path])
    for address in pictures(page):
        page.goto(address)
        assert page.locator("text").count() > 0
        assert cut_off(page) == [], address


def off_their_ticks(page: Page) -> list[str]:
    """Numbers of an axis that stand elsewhere than below a tick."""
    found: list[str] = page.evaluate(
        """() => {
          const middle = (one) => {
            const box = one.getBoundingClientRect()
            return (box.left + box.right) / 2
          }
          const numbers = [...document.querySelectorAll('.role-axis-label text')]
            .filter(text => /^[−\\-]?[\\d,.]+$/.test(text.textContent)
              && text.getAttribute('text-anchor') !== 'end')
          const ticks = [...document.querySelectorAll('.role-axis-tick line')].map(middle)
          return numbers.filter(text => !ticks.some(tick => Math.abs(tick - middle(text)) < 2))
            .map(text => text.textContent)
        }"""
    )
    return found


@pytest.mark.parametrize("path", WITH_CHARTS)
def test_the_numbers_of_an_axis_stand_below_their_ticks(
    open_page: Open, shared_site: Site, path: str
) -> None:
    page = go(open_page, shared_site, SAMPLES[path])
    for address in pictures(page):
        page.goto(address)
        assert page.locator(".role-axis-tick line").count() > 0
        assert off_their_ticks(page) == [], address


def run_together(page: Page) -> list[str]:
    """Words of a legend that are hardly further from the next sign than from their own."""
    found: list[str] = page.evaluate(
        """() => {
          const boxes = (what) => [...document.querySelectorAll(what)].map(one => [one,
            one.getBoundingClientRect()])
          document.querySelectorAll('svg text').forEach(text => {
            text.style.fontFamily = 'Verdana, "DejaVu Sans", sans-serif' })
          const signs = boxes('.role-legend-symbol path')
          return boxes('.role-legend-label text').filter(([_, text]) => signs.some(([_, sign]) =>
            sign.left > text.left && sign.left - text.right < 20
              && sign.top < text.bottom && sign.bottom > text.top))
            .map(([text]) => text.textContent)
        }"""
    )
    return found


@pytest.mark.parametrize("path", WITH_CHARTS)
def test_no_words_of_a_legend_run_into_the_next_sign(
    open_page: Open, shared_site: Site, path: str
) -> None:
    page = go(open_page, shared_site, SAMPLES[path])
    for address in pictures(page):
        page.goto(address)
        assert page.locator(".role-legend-label text").count() > 1
        assert run_together(page) == [], address


@pytest.mark.parametrize("narrow", [False, True])
def test_no_name_of_what_is_compared_is_cut_off(
    open_page: Open, shared_site: Site, narrow: bool
) -> None:
    sides = ["not eligible for free school meals", "eligible for free school meals"]
    names = [*sides, "children of the most deprived fifth"]
    drawn = shares([Share(one, 50, 40, 60) for one in names], "Per cent", narrow=narrow)
    page = open_page(shared_site)
    page.set_content(drawn)
    written = page.locator("text").all_text_contents()
    assert {one.replace(" ", "") for one in names} <= {one.replace(" ", "") for one in written}
    assert cut_off(page) == []
