"""Browsers at two widths, and sites over registers on both databases."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import Engine

from api.db.engine import open_database
from tests.browser.site import DESKTOP, FLAGS, Complaints, Site, chromium, serving
from tests.databases import Databases, SqliteFiles
from tests.register_service.reviewed import Reviewed, reviewed

Open = Callable[..., Page]

# Milliseconds, on a machine that does other things too. How fast pages are is measured elsewhere.
_PATIENCE = 45_000
expect.set_options(timeout=_PATIENCE)


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    """A linked register of a test's own: half a town, some people, a pair that is unsure."""
    with reviewed(databases, tmp_path) as found:
        yield found


@pytest.fixture
def site(register: Reviewed) -> Iterator[Site]:
    """A site over the test's own register."""
    with serving(register.engine) as found:
        yield found


@pytest.fixture(scope="session")
def shared_register(
    sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reviewed]:
    """One for all tests that only look, for which no database is like another."""
    engine = open_database(sqlite_files.prepared())
    found = Reviewed(engine, tmp_path_factory.mktemp("shared"))
    found.begin()
    yield found
    engine.dispose()


@pytest.fixture(scope="session")
def shared_site(shared_register: Reviewed) -> Iterator[Site]:
    """A site for tests that only look."""
    with serving(shared_register.engine) as found:
        yield found


@pytest.fixture
def empty_site(engine: Engine) -> Iterator[Site]:
    """A site over a register that nothing and nobody has come into."""
    with serving(engine) as found:
        yield found


class Pages:
    """Pages of one browser. Opening one takes longer than most of what is done in it.

    A page is lent again when a test is over, to the next test of the same address: with neither
    cookies nor anything else that was stored in it.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[tuple[str, bool], list[Page]] = defaultdict(list)

    def take(self, url: str, script: bool) -> Page:
        """An empty page, for addresses at ``url``."""
        free = self._free[url, script]
        return free.pop() if free else self.new(url, script)

    def new(self, url: str, script: bool) -> Page:
        """One that nobody has had."""
        page = self._browser.new_context(base_url=url, java_script_enabled=script).new_page()
        page.set_default_timeout(_PATIENCE)
        return page

    def give_back(self, page: Page, url: str, script: bool) -> None:
        if page.url.startswith(url):
            page.evaluate("sessionStorage.clear(); localStorage.clear()")
        page.context.clear_cookies()
        page.goto("about:blank")
        self._free[url, script].append(page)


# Not for the whole session: Playwright keeps an event loop, which other tests would find running.
@pytest.fixture(scope="package")
def pages() -> Iterator[Pages]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield Pages(browser)
        browser.close()


@pytest.fixture
def open_page(pages: Pages) -> Iterator[Open]:
    """Opens a browser: ``open_page(site, as_=name, size=PHONE, script=False, alone=True)``.

    Two of one test know nothing of each other. With ``alone`` nobody has had it, and nobody gets
    it afterwards. The test fails if the browser complains of anything.
    """
    heard: list[Complaints] = []
    with ExitStack() as stack:

        def open_(
            site: Site,
            as_: str | None = None,
            size: tuple[int, int] = DESKTOP,
            script: bool = True,
            alone: bool = False,
        ) -> Page:
            if alone:
                page = pages.new(site.url, script)
                stack.callback(page.context.close)
            else:
                page = pages.take(site.url, script)
                stack.callback(pages.give_back, page, site.url, script)
            if as_ is not None:
                site.sign_in(page.context, as_)
            page.set_viewport_size({"width": size[0], "height": size[1]})
            complaints = Complaints(page)
            stack.callback(complaints.hear_no_more)
            heard.append(complaints)
            return page

        yield open_
    assert [said for one in heard for said in one.said] == []
