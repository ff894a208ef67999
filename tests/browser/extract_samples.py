"""Extracts as they wait for somebody: to be told of their columns, and to be decided on."""

from datetime import UTC, date, datetime
from pathlib import Path

from api.db.engine import writing
from api.db.models import ExtractState
from api.services.extracts import receive
from api.services.extracts.states import extract_row
from api.services.extracts.validation import validate
from tests.browser.site import Site
from tests.register_service.registers import shipped

_DAY = date(2024, 9, 1)
_STRANGE = (
    "Child No,Given Name,Family Name,Born,Home Postcode,<b>Notes</b>\n"
    "17,Ada,Quillfeather,03/05/2019,OL1 1AA,\n"
    "18,Ben,Quillfeather,30/11/2018,OL2 6AB,\u202etwins\n"
)
_HEADER = "record_id,forename,surname,date_of_birth,postcode\n"


def strange(site: Site) -> str:
    """One whose columns nobody knows."""
    return f"{_received(site, 'nursery_headcount', _STRANGE)}/columns"


def waiting(site: Site) -> str:
    """One that waits for a person, since many of its rows are rejects."""
    days = ["yesterday", "2019-02-31", "2019-05-03", "2018-11-30"]
    rows = [f"{n},Ada,Quillfeather,{days[n % 4]},OL1 1AA\n" for n in range(80)]
    return _received(site, "toddler_group", _HEADER + "".join(rows), look_over=True)


def _received(site: Site, source: str, content: str, *, look_over: bool = False) -> str:
    now, book = datetime.now(UTC), shipped().book
    path = Path(site.service.uploads) / f"{source}.csv"
    path.write_text(content, encoding="utf-8")
    with writing(site.engine) as connection:
        extract = receive(
            connection,
            source=source,
            path=path,
            as_of=_DAY,
            mode="snapshot",
            by="test",
            book=book,
            now=now,
            any_columns=True,
        ).extract
        if look_over and extract_row(connection, extract).state == ExtractState.RECEIVED:
            validate(connection, extract, book=book, by="test", now=now)
    return f"/extracts/{extract}"
