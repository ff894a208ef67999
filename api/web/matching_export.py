"""A list of the workbench as CSV, page by page, so that no list is too long to be sent."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from api.db.engine import reading
from api.services.access.policy import View
from api.services.register.listed import as_seen
from api.services.register.searching import search_records
from api.services.spreadsheets import harmless

_ROWS = 1000


def csv_of(
    engine: Engine,
    view: View,
    base: str,
    others: Sequence[str],
    fields: Sequence[str],
    asked: Mapping[str, Any],
) -> Iterator[bytes]:
    """Lines of a list, in parts, with a line of names first.

    ``asked`` are arguments of `search_records`, of a caller who is not cleared. Columns are
    record_id, those of ``fields`` that may be seen, checked, and ``others``, systems
    of which it is told whether they hold the record's child.
    """
    told = view.columns_of(base, fields)
    # With a mark at the beginning, by which spreadsheets know that it is UTF-8.
    yield "\ufeff".encode() + _lines([["record_id", *told, "checked", *others]])
    with reading(engine) as connection:
        after: int | None = None
        while True:
            found = search_records(connection, **asked, after=after, limit=_ROWS)
            if found.records:
                yield _lines(
                    [
                        one.record_id,
                        *(getattr(one, name) for name in told),
                        _flag(one.checked),
                        *(_flag(other in one.held) for other in others),
                    ]
                    for one in (as_seen(view, record) for record in found.records)
                )
            after = found.after
            if after is None:
                return


def _flag(value: bool) -> str:
    return "Y" if value else "N"


def _lines(rows: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([harmless(value) for value in row] for row in rows)
    return text.getvalue().encode()
