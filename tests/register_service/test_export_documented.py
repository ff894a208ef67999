"""The reference lists what can be exported, the columns of events and their kinds."""

import ast
from pathlib import Path

from api.services.register import children
from api.services.register.exporting import EXPORT_COLUMNS, Export
from tests.docs.test_reference import listed

PAGE = "exports.md"


def test_what_can_be_exported_is_listed() -> None:
    assert listed(PAGE, "Files that a register is exported to") == list(Export)


def test_every_column_of_an_event_is_listed_in_order() -> None:
    assert tuple(listed(PAGE, "Events")) == EXPORT_COLUMNS[Export.EVENTS]


def test_every_kind_of_event_is_listed() -> None:
    tree = ast.parse(Path(children.__file__).read_text(encoding="utf-8"))
    added = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "add"
        and isinstance(call.args[0], ast.Constant)
    }
    assert set(listed(PAGE, "Kinds of events")) == added
