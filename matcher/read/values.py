"""Cells as values of a field: white space, null tokens, entities and damaged numbers.

Work is done on the distinct cells of one column, so once per value.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from html import unescape

import numpy as np
import numpy.typing as npt

from matcher.read.cells import Coded, RawCell
from matcher.read.digits import plain
from matcher.rules.sources import SPREADSHEET_ERRORS, SourceDefinition

IDENTIFIERS = frozenset({"nhs_number", "upn", "former_upn"})
KEYS = frozenset({"record_id", "family_id", "episode_id"})
# Columns that may hold nothing but what a value map lists.
CLOSED = frozenset({"sex", "role", "attended"})
# Codes that cost the row; the others are notes.
REJECTING = frozenset({"record_id_damaged", "record_id_of_lines", "role_unknown"})

_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_POINT_ZERO = re.compile(r"(\d+)\.0+")
_BETWEEN = re.compile(r"[\s\u2010-\u2015.-]+")
_EXCEL_START = date(1899, 12, 30)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# What a run of cells, one a line, must not hold to be clean as it stands.
_UNCLEAN = re.compile(r"[^\x20-\x7e\n]|&|  |(?:^|\n) | (?:\n|$)|##")
_TOO_NARROW = re.compile(r"##+")
_RUN = 2_048

Masks = dict[str, npt.NDArray[np.bool_]]
# The text of a cell ("" if missing) and the code of what is wrong with it ("" if nothing).
Meaning = tuple[str, str]


class Cleaner:
    """What a definition says of cells, ready to be asked about columns."""

    def __init__(self, definition: SourceDefinition) -> None:
        tokens = (*definition.null_tokens, *SPREADSHEET_ERRORS)
        self._exact = {token for token in tokens if token.isupper()}
        self._folded = {token.casefold() for token in tokens if not token.isupper()}
        self._longest = max(map(len, tokens), default=0)
        self._definition = definition
        joins = [join for join in definition.joins if join.key]
        self._keys = KEYS | {name for join in joins for name in (join.key, join.to)}

    def text(self, cell: RawCell) -> str:
        """One line of text without white space around it; "" if it is as good as empty."""
        if not isinstance(cell, str):
            return (cell.date() if isinstance(cell, datetime) else cell).isoformat()
        cell = _one_line(cell)
        if len(cell) <= self._longest and (cell in self._exact or cell.casefold() in self._folded):
            return ""
        return "" if cell.startswith("##") and _TOO_NARROW.fullmatch(cell) else cell

    def date_cell(self, cell: RawCell) -> RawCell:
        """A cell of a date column: text is cleaned, dates stay."""
        return plain(self.text(cell)) if isinstance(cell, str) else cell

    def column(self, name: str, column: Coded[RawCell], pad: int = 0) -> tuple[Coded[str], Masks]:
        """Clean text of a column, and per code the rows in which something was wrong."""
        prepare, refine = self._rules_for(name, pad)
        texts = self._prepared(column.distinct, prepare)
        wrong: defaultdict[str, list[int]] = defaultdict(list)
        if refine:
            for index, text in enumerate(texts):
                if text:
                    texts[index], code = refine(text)
                    if code:
                        wrong[code].append(index)
        masks = {}
        for code, indexes in wrong.items():
            flags = np.zeros(len(column.distinct), dtype=np.bool_)
            flags[indexes] = True
            masks[code] = column.mask(flags)
        return distinct_texts(Coded(column.codes, texts)), masks

    def _prepared(self, cells: list[RawCell], prepare: Callable[[RawCell], str]) -> list[str]:
        """Each cell as text. Runs of cells that are clean as they stand are taken whole."""
        texts: list[str] = []
        for start in range(0, len(cells), _RUN):
            run = cells[start : start + _RUN]
            strings = [cell for cell in run if isinstance(cell, str)]
            if len(strings) == len(run) and self._is_clean(strings):
                texts += strings
            else:
                texts += map(prepare, run)
        return texts

    def _is_clean(self, run: list[str]) -> bool:
        joined = "\n".join(run)
        return (
            joined.count("\n") == len(run) - 1
            and not _UNCLEAN.search(joined)
            and self._exact.isdisjoint(run)
            and self._folded.isdisjoint(joined.casefold().split("\n"))
        )

    def _rules_for(
        self, name: str, pad: int
    ) -> tuple[Callable[[RawCell], str], Callable[[str], Meaning] | None]:
        """How a cell of a column of this name becomes text, and what that text means."""
        if name in IDENTIFIERS:
            return lambda cell: plain(self.text(cell)), _identifier
        if name in self._keys or pad:
            damaged = "record_id_damaged" if name == "record_id" else "scientific_notation"
            prepare = self._record_id_text if name == "record_id" else self._key_text
            return prepare, partial(_key, pad=pad, damaged=damaged)
        if name == "address":
            return self._address_text, lambda text: (text.strip(", "), "")
        meanings = self._definition.value_map(name)
        if meanings:
            return self.text, partial(_mapped, meanings=meanings, name=name)
        return self.text, None

    def _key_text(self, cell: RawCell) -> str:
        """An id; one that a spreadsheet took for a date is the number of days again."""
        if isinstance(cell, str):
            return self.text(cell)
        day = cell.date() if isinstance(cell, datetime) else cell
        return str((day - _EXCEL_START).days)

    def _record_id_text(self, cell: RawCell) -> str:
        """An id, with its line breaks: two ids in one cell must not become a third."""
        if isinstance(cell, str) and len(lines := cell.strip().splitlines()) > 1:
            return "\n".join(map(self.text, lines))
        return self._key_text(cell)

    def _address_text(self, cell: RawCell) -> str:
        """Lines of an address become parts of one line."""
        if isinstance(cell, str) and ("\n" in cell or "\r" in cell):
            lines = (line.strip(", \t") for line in cell.splitlines())
            cell = ", ".join(line for line in lines if line)
        return self.text(cell)


def hold_unseen(cells: list[RawCell]) -> list[bool]:
    """Of each cell, whether it holds characters that cannot be seen; none at all if none does."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    together = "".join(texts)
    # Most columns are told at once.
    if together.isprintable() and "&" not in together:
        return []
    flags = [isinstance(cell, str) and _holds_unseen(cell) for cell in cells]
    return flags if any(flags) else []


def _holds_unseen(cell: str) -> bool:
    if "&" in cell:
        cell = unescape(cell)
    return not cell.isprintable() and not "".join(cell.split()).isprintable()


def is_error(cell: RawCell) -> bool:
    """Whether a spreadsheet wrote an error, such as #N/A, or #### where a column is too narrow."""
    if not isinstance(cell, str) or "#" not in cell:
        return False
    line = _one_line(cell)
    return line.casefold() in SPREADSHEET_ERRORS or bool(_TOO_NARROW.fullmatch(line))


def _one_line(cell: str) -> str:
    """Text without entities, characters that cannot be seen, and white space around it."""
    if "&" in cell:
        cell = unescape(cell)
    cell = " ".join(cell.split())
    if not cell.isprintable():
        cell = " ".join("".join(filter(str.isprintable, cell)).split())
    return cell


def distinct_texts(column: Coded[str]) -> Coded[str]:
    """The column with each text listed once, and "" as missing."""
    if len(set(column.distinct)) == len(column.distinct) and "" not in column.distinct:
        return column
    places: dict[str, int] = {"": -1}
    targets = [places.setdefault(text, len(places) - 1) for text in column.distinct]
    del places[""]
    return Coded(column.map_codes(targets), list(places))


def _identifier(text: str) -> Meaning:
    """An NHS number or UPN without what people and spreadsheets put between digits."""
    if text.isdigit():
        return text, ""
    if text.isalnum() and not text[0].isdigit():
        return text.upper(), ""
    if _DAY.fullmatch(text):
        return "", "number_as_date"
    scientific = _SCIENTIFIC.fullmatch(text)
    if scientific:
        first, rest, exponent = scientific.groups(default="")
        whole = len(first + rest) == int(exponent) + 1
        return (first + rest, "") if whole else ("", "scientific_notation")
    whole_number = _POINT_ZERO.fullmatch(text)
    return (whole_number[1] if whole_number else _BETWEEN.sub("", text).upper()), ""


def _key(text: str, *, pad: int, damaged: str) -> Meaning:
    """An id that rows are found by, as the system holds it."""
    if "\n" in text:
        return "", "record_id_of_lines"
    if "+" in text and _SCIENTIFIC.fullmatch(text):
        return "", damaged
    if text.endswith("0") and (whole_number := _POINT_ZERO.fullmatch(text)):
        text = whole_number[1]
    return (text.zfill(pad) if pad and text.isdigit() else text), ""


def _mapped(text: str, *, meanings: dict[str, str | None], name: str) -> Meaning:
    folded = text.casefold()
    if folded in meanings:
        return (meanings[folded] or ""), ""
    if name not in CLOSED:
        return text, ""
    return "", "role_unknown" if name == "role" else "not_recognised"
