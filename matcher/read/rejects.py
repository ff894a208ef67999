"""Why a row can be rejected, in words that name place, kind and remedy, never the value."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

# The code of a Drop rule by which a system tells that it holds a record no longer.
REMOVED = "removed"
# The code of a Drop rule that is not listed here gets _DROPPED.
MESSAGES = {
    "too_many_fields": "the row has more cells than the header; put text that holds the "
    "separator in quotes",
    "too_few_fields": "the row has fewer cells than the header; it may be cut short",
    "cell_too_long": "a cell holds more characters than can be kept: 200 of a record id, 64 of an "
    "NHS number or UPN, 500 of what else is said of a person, 131,072 of anything; shorten it, or "
    "leave its column out of the export",
    "repeated_header": "the row repeats the header; remove it",
    "column_types": "the row tells what the columns hold, such as (text); remove it",
    "totals_row": "the row holds totals, not a record; remove it",
    "missing_record_id": "the record id is empty; give the id that the system holds",
    "record_id_damaged": "the record id was shortened to scientific notation; export the "
    "column as text",
    "record_id_of_lines": "the record id has a line break in it, so it may be two; give the id "
    "that the system holds",
    "duplicate_record_id": "another row with the same record id counts; keep one of them",
    "superseded": "another row with the same record id counts",
    "unknown_record": "no accepted record of this extract has the id that the row refers to",
    "no_name": "the row has neither a name nor a date of birth or identifier to know a person by",
    "role_unknown": "the role is none of those that the source definition lists; add it there",
    "date_unreadable": "the cell holds no date in any format of the source definition",
    "date_impossible": "the calendar has no such date; correct it in the system",
    "date_ambiguous": "day and month can be read either way, and the column mixes orders or "
    "forms; write dates as yyyy-mm-dd or declare the order in the source definition",
    "date_perhaps_swapped": "no date cell of the column has a day after the 12th, and later days "
    "stand beside them as text: a spreadsheet has probably swapped day and month; export again "
    "with dates as yyyy-mm-dd",
    "date_implausible": "the year lies before 1900 or after 2100; correct it in the system",
    "missing_date": "the date is empty, and the row means nothing without it",
    "test_patient": "the system marks this as a test patient",
    "removed": "the system marks this row as removed",
}
_DROPPED = "the source definition leaves such rows out"


def message_of(code: str) -> str:
    """The sentence for a code; never contains data."""
    return MESSAGES.get(code, _DROPPED)


class RowRejects:
    """Which rows of a table are rejected; the first reason given to a row stays."""

    def __init__(self, size: int) -> None:
        self._reason: npt.NDArray[np.int16] = np.zeros(size, dtype=np.int16)
        self._reasons: list[tuple[str, str]] = [("", "")]

    def add(self, mask: npt.NDArray[np.bool_], code: str, column: str = "") -> None:
        """Reject the rows of the mask that are not rejected yet."""
        fresh = mask & (self._reason == 0)
        if not fresh.any():
            return
        if (code, column) not in self._reasons:
            self._reasons.append((code, column))
        self._reason[fresh] = self._reasons.index((code, column))

    def replace(self, mask: npt.NDArray[np.bool_], code: str, better: str, column: str) -> None:
        """Give rows of the mask that were rejected with a code a better one."""
        numbers = [at for at, (known, _) in enumerate(self._reasons) if at and known == code]
        rows = mask & np.isin(self._reason, numbers)
        self._reason[rows] = 0
        self.add(rows, better, column)

    @property
    def accepted(self) -> npt.NDArray[np.bool_]:
        """Rows without a reason."""
        return np.equal(self._reason, 0)

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        """Position, code and column of each rejected row, in order of rows."""
        for position in np.flatnonzero(self._reason):
            code, column = self._reasons[self._reason[position]]
            yield int(position), code, column
