"""Cells as values of a field: white space, null tokens, entities and damaged numbers.

Work is done on the distinct cells of one column, so once per value.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from html import unescape

import numpy as np
import numpy.typing as npt

from matcher.read.cells import Coded, Encoder, RawCell
from matcher.rules.sources import SourceDefinition

IDENTIFIERS = frozenset({"nhs_number", "upn", "former_upn"})
KEYS = frozenset({"record_id", "family_id", "episode_id"})
# Columns that may hold nothing but what a value map lists.
CLOSED = frozenset({"sex", "role", "attended"})
# Codes that cost the row; the others are notes.
REJECTING = frozenset({"record_id_damaged", "role_unknown"})

_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_POINT_ZERO = re.compile(r"(\d+)\.0+")
_BETWEEN = re.compile(r"[\s\u2010-\u2015.-]+")
_LINE_BREAKS = re.compile(r"[\s,]*[\r\n]+\s*")
_EXCEL_START = date(1899, 12, 30)

Masks = dict[str, npt.NDArray[np.bool_]]
# The text of a cell ("" if missing) and the code of what is wrong with it ("" if nothing).
Meaning = tuple[str, str]


class Cleaner:
    """What a definition says of cells, ready to be asked about columns."""

    def __init__(self, definition: SourceDefinition) -> None:
        tokens = definition.null_tokens
        self._exact = {token for token in tokens if token.isupper()}
        self._folded = {token.casefold() for token in tokens if not token.isupper()}
        self._longest = max(map(len, tokens), default=0)
        self._definition = definition
        self._keys = KEYS | {name for join in definition.joins for name in (join.key, join.to)}

    def text(self, cell: RawCell) -> str:
        """One line of text without white space around it; "" if it is as good as empty."""
        if not isinstance(cell, str):
            return (cell.date() if isinstance(cell, datetime) else cell).isoformat()
        if "&" in cell:
            cell = unescape(cell)
        cell = " ".join(cell.split())
        if not cell.isprintable():
            cell = " ".join("".join(filter(str.isprintable, cell)).split())
        if len(cell) <= self._longest and (cell in self._exact or cell.casefold() in self._folded):
            return ""
        return cell

    def date_cell(self, cell: RawCell) -> RawCell:
        """A cell of a date column: text is cleaned, dates stay."""
        return self.text(cell) if isinstance(cell, str) else cell

    def column(self, name: str, column: Coded[RawCell], pad: int = 0) -> tuple[Coded[str], Masks]:
        """Clean text of a column, and per code the rows in which something was wrong."""
        encoder = Encoder[str]()
        targets: list[int] = []
        wrong: defaultdict[str, list[int]] = defaultdict(list)
        meaning = self._meaning(name, pad)
        for index, cell in enumerate(column.values):
            text, code = meaning(cell)
            targets.append(encoder.code(text) if text else -1)
            if code:
                wrong[code].append(index)
        masks = {}
        for code, indexes in wrong.items():
            flags = np.zeros(len(column.values), dtype=np.bool_)
            flags[indexes] = True
            masks[code] = column.mask(flags)
        return Coded(column.map_codes(targets), encoder.finish().values), masks

    def _meaning(self, name: str, pad: int) -> Callable[[RawCell], Meaning]:
        """How cells of a column of this name are understood."""
        if name in IDENTIFIERS:
            return self._identifier
        if name in self._keys or pad:
            return lambda cell: self._key(
                cell, pad, "record_id_damaged" if name == "record_id" else ""
            )
        if name == "address":
            return lambda cell: (self._address(cell), "")
        meanings = self._definition.value_map(name)
        if meanings:
            return lambda cell: self._mapped(cell, meanings, name)
        return lambda cell: (self.text(cell), "")

    def _identifier(self, cell: RawCell) -> Meaning:
        """An NHS number or UPN without what people and spreadsheets put between digits."""
        if not isinstance(cell, str):
            return "", "number_as_date"
        text = self.text(cell)
        scientific = _SCIENTIFIC.fullmatch(text)
        if scientific:
            first, rest, exponent = scientific.groups(default="")
            digits = (first + rest)[: int(exponent) + 1]
            whole = len(first + rest) >= int(exponent) + 1
            return (digits, "") if whole else ("", "scientific_notation")
        whole_number = _POINT_ZERO.fullmatch(text)
        return (whole_number[1] if whole_number else _BETWEEN.sub("", text).upper()), ""

    def _key(self, cell: RawCell, pad: int, damaged: str) -> Meaning:
        """An id that rows are found by, as the system holds it."""
        if not isinstance(cell, str):
            day = cell.date() if isinstance(cell, datetime) else cell
            return str((day - _EXCEL_START).days).zfill(pad), ""
        text = self.text(cell)
        if "+" in text and _SCIENTIFIC.fullmatch(text):
            return "", damaged or "scientific_notation"
        whole_number = _POINT_ZERO.fullmatch(text)
        if whole_number:
            text = whole_number[1]
        return (text.zfill(pad) if pad and text.isdigit() else text), ""

    def _address(self, cell: RawCell) -> str:
        """Lines of an address become parts of one line."""
        if isinstance(cell, str) and ("\n" in cell or "\r" in cell):
            cell = _LINE_BREAKS.sub(", ", cell.strip())
        return self.text(cell).strip(", ")

    def _mapped(self, cell: RawCell, meanings: dict[str, str | None], name: str) -> Meaning:
        text = self.text(cell)
        folded = text.casefold()
        if not text or folded in meanings:
            return (meanings.get(folded) or ""), ""
        if name not in CLOSED:
            return text, ""
        return "", "role_unknown" if name == "role" else "not_recognised"
