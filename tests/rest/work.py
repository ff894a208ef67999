"""What tests of queued work share: doing it, and bringing extracts."""

import csv
import io
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.testclient import TestClient

from api.rest.service import Service
from api.services.jobs import handlers
from api.services.work import Pace, run_next
from tests.register_service.registers import COLUMNS, shipped
from tests.rest.conftest import Headers

Row = Mapping[str, str]


def do_work(service: Service) -> int:
    """All that waits, as a worker does it; how many jobs."""
    done = 0
    doing = handlers(shipped())
    while run_next(service.engine, doing, "worker", threading.Event(), Pace()) is not None:
        done += 1
    return done


def as_csv(rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def bring(
    client: TestClient,
    headers: Headers,
    content: bytes,
    name: str = "extract.csv",
    **fields: str,
) -> Any:
    """POST an extract of a source that is not in the register yet, unless said otherwise."""
    form = {"source": "library", "as_of": "2024-09-01", "new_source": "true", **fields}
    return client.post("/v1/extracts", data=form, files={"file": (name, content)}, headers=headers)
