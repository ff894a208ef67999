"""The web application and its worker, run together."""

import errno
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import Connection, Engine

from api.connections import PatientProtocol
from api.db.engine import reading
from api.rest.service import opened
from api.services.demo import is_demonstration
from api.services.register.kept_rules import InForce
from api.services.register.standing import Standing
from api.settings import Settings
from api.web.app import create_application
from api.worker import told_by_signals
from matcher.errors import MatcherError

_LOG = structlog.get_logger("matcher.serve")
# Seconds before a worker that ended is begun again, and after which one that should is killed.
_REST, _LAST = 2.0, 30.0


class UnsafeSettingsError(MatcherError):
    """The service does not start with these settings."""


class AddressError(MatcherError):
    """The service cannot listen where it should."""


def check_settings(settings: Settings, host: str) -> None:
    """Raises UnsafeSettingsError with everything that is unsafe, and its remedy."""
    wrong = []
    if settings.environment == "production":
        known = urlsplit(settings.public_url)
        if known.scheme != "https" or not known.hostname:
            wrong.append("set MATCHER_PUBLIC_URL to the https:// address that people use")
        elif "@" in known.netloc or known.path not in ("", "/") or known.query or known.fragment:
            wrong.append(
                "MATCHER_PUBLIC_URL is https:// and a host, perhaps with a port: without a user, "
                "path, query or fragment"
            )
        if settings.openid_issuer and urlsplit(settings.openid_issuer).scheme != "https":
            wrong.append("MATCHER_OPENID_ISSUER must be an https:// address")
        provider = ("openid_client_id", "openid_client_secret") if settings.openid_issuer else ()
        wrong += [
            f"set MATCHER_{name.upper()}, or no provider"
            for name in provider
            if not getattr(settings, name)
        ]
        if urlsplit(settings.database_url).password == "":
            wrong.append("the database's user needs a password, or none named in the URL")
    elif not _loopback(host):
        wrong.append(
            f"only with MATCHER_ENVIRONMENT=production does it listen beyond this machine; "
            f"use --host 127.0.0.1 (this is {settings.environment})"
        )
    if wrong:
        raise UnsafeSettingsError("the settings are not safe:\n  " + "\n  ".join(wrong))


def refuse_demonstration(connection: Connection, settings: Settings) -> None:
    """Raises UnsafeSettingsError if everybody could sign in to a register in production."""
    if settings.environment == "production" and is_demonstration(connection):
        raise UnsafeSettingsError(
            "this is the register of the demonstration, whose password everybody can read; "
            "name another database"
        )


def check_address(host: str, port: int) -> None:
    """Raises AddressError if nobody could listen there."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
    except OSError as error:
        why = "that port is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise AddressError(
            f"cannot listen on {host}, port {port}: {why}; choose another with --host or --port"
        ) from None


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def serve(engine: Engine, offered: InForce, settings: Settings, host: str, port: int) -> None:
    """Serve until told to stop. The database is at the migration that this version works with.

    When the server has answered what it was at, it hands a signal on to who had it before:
    that must not end the process where it stands.
    """
    check_settings(settings, host)
    largest = settings.largest_upload_mib * 1024**2
    local = settings.environment == "local"
    with (
        told_by_signals() as stop,
        opened(engine, offered, largest_upload=largest, local=local) as service,
        _worker(settings),
    ):
        app = create_application(service, settings)
        make_ready(app, engine)
        # What is there from now on stays: to look it through time and again holds requests up.
        gc.collect()
        gc.freeze()
        if stop.is_set():
            return
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            http=PatientProtocol,
            proxy_headers=settings.environment == "production",
            timeout_keep_alive=15,
            timeout_graceful_shutdown=10,
        )


def make_ready(app: FastAPI, engine: Engine) -> None:
    """Have routes worked out, and rules read, before the first request instead of by it."""
    for _ in iter_route_contexts(app.routes):
        pass
    with reading(engine) as connection:
        Standing.at(connection)


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    """A worker in a process of its own, so that what it computes does not slow the pages.

    It reads a pipe that only this process writes to, and ends when that does, however it ends.
    """
    over = threading.Event()
    running: list[subprocess.Popen[bytes]] = []
    # The address of the database may hold a password, which the list of processes would show.
    environment = {**os.environ, "MATCHER_DATABASE_URL": settings.database_url}
    command = [sys.executable, "-m", "api.cli", "worker", "--with-parent"]

    def keep_running() -> None:
        while not over.is_set():
            process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)  # noqa: S603
            running[:] = [process]
            status = process.wait()
            if not over.wait(_REST):
                _LOG.warning("the worker ended; beginning it again", status=status)

    thread = threading.Thread(target=keep_running, name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                process.wait(_LAST)
            except subprocess.TimeoutExpired:
                process.kill()
        thread.join(_LAST)
