"""A register of an invented town, and `matcher serve` serving it, for benchmarks over HTTP."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import update

from api.db.engine import open_database, writing
from api.db.models import Extract, ExtractState
from api.db.schema import require_current
from api.services.extracts import receive
from api.services.register.kept_rules import InForce
from api.services.register.running import run_register
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from fixtures.generator import generate


def rules_in_use() -> InForce:
    """The shipped rules and model."""
    book = load_rule_book(shipped_rules())
    return InForce(book, shipped_model(book))


def made(folder: Path, children: int) -> Path:
    """A register of an invented town, in a SQLite file of this folder."""
    rules = rules_in_use()
    path = folder / "register.db"
    engine = open_database(f"sqlite:///{path}")
    require_current(engine)
    now = datetime.now(UTC)
    sources = generate(children, 7, folder, native=False)
    with writing(engine) as connection:
        for source in sources:
            file = folder / f"{source}.csv"
            if not file.exists():
                continue
            found = receive(
                connection, source=source, path=file, as_of=date(2024, 9, 1), mode="snapshot",
                by="benchmark", book=rules.book, now=now,
            )  # fmt: skip
            mine = update(Extract).where(Extract.id == found.extract)
            connection.execute(mine.values(state=ExtractState.ACCEPTED))
        run_register(connection, rules, by="benchmark", now=now)
    engine.dispose()
    return path


@contextmanager
def served(path: Path) -> Iterator[int]:
    """The register in a SQLite file served by `matcher serve`, on a free port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    environment = {**os.environ, "MATCHER_DATABASE_URL": f"sqlite:///{path}"}
    command = [sys.executable, "-m", "api.cli", "serve", "--port", str(port)]
    with (path.parent / "serve.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()
            server.wait(60)


def _wait_for(port: int) -> None:
    for _ in range(600):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            except OSError:
                time.sleep(0.1)
    raise RuntimeError("the service did not start; see serve.log beside the register")
