"""Browsers at two widths, and sites over registers on both databases."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
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


# Not for the whole session: Playwright keeps an event loop, which other tests would find running.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a browser of its own: ``open_page(site, as_=name, size=PHONE, script=False)``.

    The test fails if the browser complains of anything.
    """
    heard: list[Complaints] = []
    with ExitStack() as stack:

        def open_(
            site: Site,
            as_: str | None = None,
            size: tuple[int, int] = DESKTOP,
            script: bool = True,
        ) -> Page:
            context: BrowserContext = browser.new_context(
                base_url=site.url,
                viewport={"width": size[0], "height": size[1]},
                java_script_enabled=script,
            )
            stack.callback(context.close)
            if as_ is not None:
                site.sign_in(context, as_)
            page = context.new_page()
            page.set_default_timeout(_PATIENCE)
            heard.append(Complaints(page))
            return page

        yield open_
    assert [said for one in heard for said in one.said] == []
