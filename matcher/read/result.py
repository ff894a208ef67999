"""What reading an extract gives: records, activity, rejects, and counts that add up."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class FileCount:
    """Rows of one table of one file: ``rows == records + rejects``, always.

    A row is a line (or sheet row, or repeated element) below the header that is not
    blank. Rows above the header are not rows. ``records`` counts accepted rows: those
    that became a record, or an activity, or were fit to be joined to a record.
    """

    file: str
    table: str
    rows: int
    records: int
    rejects: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was seen while reading and cost no row, with how often.

    ``column`` is empty if it concerns a whole file. ``code`` is stable.
    """

    file: str
    column: str
    code: str
    count: int


@dataclass(frozen=True)
class ReadResult:
    """One extract, read. The frames are described in ``matcher.frames``.

    ``activity`` has a frame for every kind that the definition yields, even if empty.
    ``removed`` are ids of records that the system marks as removed, and that are in none of
    the frames; the rows that say so are rejects.
    """

    records: pd.DataFrame
    activity: dict[str, pd.DataFrame]
    rejects: pd.DataFrame
    files: tuple[FileCount, ...]
    notes: tuple[Note, ...]
    removed: frozenset[str] = frozenset()
