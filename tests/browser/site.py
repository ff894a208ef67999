"""A live server over a register, the people who use it, and the browser they use."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page
from sqlalchemy import Engine

from api.db.engine import writing
from api.rest.service import Service, opened
from api.services.access.accounts import add_person, first_invitation, invite, set_password
from api.services.access.roles import Role
from api.services.access.signing_in import start_sign_in
from tests.applications import as_shipped, lent
from tests.register_service.registers import shipped

# Ports of sites that are over: browsers that have come to one are lent to the next.
_FREE_PORTS: list[int] = []

ROOT = Path(__file__).parents[2]
PASSWORD = "three quite other words"
PURPOSE = "early_years"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # All pages are this project's own: a process for each takes longer to start than to show one.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
]
DESKTOP, PHONE = (1280, 900), (390, 844)


@dataclass
class Site:
    """A server that answers at ``url``."""

    url: str
    app: FastAPI
    service: Service
    people: dict[str, int] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.service.engine

    def invitation(self) -> str:
        """The first steward's link."""
        with writing(self.engine) as connection:
            token = first_invitation(connection, purposes=[PURPOSE], now=datetime.now(UTC))
        assert token is not None, "somebody has come in already"
        return f"/invitations/{token}"

    def reinvitation(self) -> str:
        """A link for somebody who is known already."""
        name = self.person(Role.ANALYST)
        with writing(self.engine) as connection:
            token = invite(connection, name, by="test", now=datetime.now(UTC))
        return f"/invitations/{token}"

    def person(self, *roles: Role, purposes: tuple[str, ...] = (PURPOSE,), **more: bool) -> str:
        """Somebody with these roles and PASSWORD; their name. The same one for the same call."""
        name = ".".join([*roles, *purposes, *(key for key, on in more.items() if on)])[:60]
        if name not in self.people:
            now = datetime.now(UTC)
            with writing(self.engine) as connection:
                number = add_person(
                    connection, name, roles=roles, purposes=purposes, by="test", now=now, **more
                )
                set_password(connection, number, PASSWORD, by="test", now=now)
            self.people[name] = number
        return name

    def sign_in(self, context: BrowserContext, name: str) -> None:
        """Let somebody be signed in, in this browser, as if they had typed their password."""
        now = datetime.now(UTC)
        found = start_sign_in(self.service.aside, self.people[name], name, now=now)
        context.add_cookies([{"name": "sign-in", "value": found.token, "url": self.url}])


@contextmanager
def listening_socket() -> Iterator[socket.socket]:
    """On a free port of this machine, the one of a site that is over if there is one."""
    # Named to be of TCP, or asyncio would hold back the end of every answer for 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", _FREE_PORTS.pop() if _FREE_PORTS else 0))
        except OSError:  # somebody else has it now
            listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        yield listening
    _FREE_PORTS.append(port)


@contextmanager
def serving(engine: Engine) -> Iterator[Site]:
    """A server on a free port of this machine, in a thread."""
    with (
        opened(engine, shipped()) as service,
        lent(as_shipped, service) as app,
        listening_socket() as listening,
    ):
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + 30
            while not server.started:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.02)
            yield Site(f"http://127.0.0.1:{listening.getsockname()[1]}", app, service)
        finally:
            server.should_exit = True
            thread.join(30)


@cache
def chromium() -> str:
    """The path of a browser; `make` finds or brings it, and so does this."""
    found = Path(sys.prefix) / ".browser"
    if not found.is_file():
        script = ROOT / ".ci/browser"
        subprocess.run(["sh", str(script), sys.executable, str(found)], check=True)
    return found.read_text().strip()


@cache
def axe_script() -> str:
    return (ROOT / "api/web/assets/node_modules/axe-core/axe.min.js").read_text()


_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page: the rule and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe_script())
    # What it is content with is much longer, and stays where it is.
    found = page.evaluate(
        """tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})
            .then(found => found.violations)""",
        _RULES,
    )
    return [
        f"{one['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for one in found
        for node in one["nodes"]
    ]


def wider_than_screen(page: Page) -> bool:
    """Whether a page must be scrolled sideways."""
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wide


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for the documentation, if they are being made.

    ``MATCHER_PICTURES`` says into which folder.
    """
    folder = os.environ.get("MATCHER_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


class Complaints:
    """What the browser complains of: script that failed, and what the policy kept out."""

    def __init__(self, page: Page) -> None:
        self.page, self.said = page, list[str]()
        page.on("console", self._heard)
        page.on("pageerror", self._failed)

    def hear_no_more(self) -> None:
        """What comes later is of somebody else's making."""
        self.page.remove_listener("console", self._heard)
        self.page.remove_listener("pageerror", self._failed)

    def _failed(self, error: Error) -> None:
        self.said.append(str(error))

    def _heard(self, message: ConsoleMessage) -> None:
        # Of a page that is refused on purpose its own status is no complaint.
        own = message.text.startswith("Failed to load resource") and (
            "/assets/" not in message.location["url"]
        )
        if message.type in ("error", "warning") and not own:
            self.said.append(message.text)
