"""The reference lists the states of an extract and the keys of its report, and no other."""

import re

from api.db.models import ExtractState
from api.services.extracts.validation import validate
from tests.docs.test_reference import listed, section
from tests.register_service.extracts import NOW, Loader, people, rules

PAGE = "extracts.md"


def test_every_state_is_listed() -> None:
    assert listed(PAGE, "The life of an extract") == list(ExtractState)


def test_every_key_of_a_report_is_listed(loader: Loader) -> None:
    extract = loader.receive(people([{"record_id": "1", "forename": "Amy"}])).extract
    found = validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    rows = re.findall(r"^\| (`.+?) \| ", section(PAGE, "The data-quality report"), re.MULTILINE)
    shown = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert found.report is not None
    assert shown == set(found.report)
