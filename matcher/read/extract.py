"""An extract as records, activity and rejects.

files → tables as written → cells understood → rows judged, joined → frames
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from matcher.errors import ExtractRefused
from matcher.frames import REJECT_COLUMNS
from matcher.read.activity import activity_frame, reject_empty_activity, reject_strangers, tells
from matcher.read.clean import CleanTable, Mask, clean_table, stack
from matcher.read.files import expected_table, hidden_sheets, read_file
from matcher.read.members import Member, open_members, shown_name
from matcher.read.records import (
    apply_join,
    born_later,
    choose_rows,
    empty_future_births,
    records_frame,
    reject_nameless,
    reject_rows,
)
from matcher.read.rejects import REMOVED, message_of
from matcher.read.result import FileCount, Note, ReadResult
from matcher.read.tables import MANY, Progress, RawTable, missing_columns
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Table


def read_extract(
    source: str,
    path: Path,
    definition: SourceDefinition,
    *,
    taken: date | None = None,
    progress: Progress | None = None,
) -> ReadResult:
    """Read the extract of a source. Writes nothing.

    Args:
        source: the name under which the records go; may differ from the definition's.
        path: a file, folder or zip, as the definition says.
        definition: how the extract is laid out.
        taken: as of which day the extract was taken, if that is known.
        progress: called with the file's name and its rows read so far.

    Raises ExtractRefused if a file cannot be what the definition says it is.
    """
    raw: list[RawTable] = []
    notes: list[Note] = []
    unlike: list[tuple[Table | None, ExtractRefused]] = []
    with open_members(source, path, definition) as (members, alone):
        for member in members:
            try:
                tables, seen = read_file(member, definition, alone=alone, progress=progress)
            except ExtractRefused as refusal:
                if alone or refusal.code != "wrong_columns":
                    raise
                unlike.append((expected_table(member, definition), refusal))
            else:
                raw += tables
                notes += seen
    _refuse_unlike(unlike, raw)
    notes += _missing_tables(source, path, members, raw, definition, notes)
    return read_tables(source, raw, definition, notes, taken=taken)


def _refuse_unlike(
    unlike: Sequence[tuple[Table | None, ExtractRefused]], raw: Sequence[RawTable]
) -> None:
    """Refuse an extract for a file that is not the table its name says.

    Where nobody's records are there at all, a file that only happens to have such a name
    would be a misleading reason; that the records are missing is the better one.
    """
    people = any("records" in table.table.yields for table in raw)
    for table, refusal in unlike:
        if people or (table and "records" in table.yields):
            raise refusal


def _missing_tables(
    source: str,
    path: Path,
    members: Sequence[Member],
    raw: Sequence[RawTable],
    definition: SourceDefinition,
    seen: Sequence[Note],
) -> list[Note]:
    """Notes of optional tables that are not there. Raises ExtractRefused for the others."""
    found = {table.table.name for table in raw}
    missing = [table for table in definition.tables if table.name not in found]
    people = [table for table in definition.tables if "records" in table.yields]
    needed = [table for table in missing if not table.optional]
    if not needed and all(table in missing for table in people):
        needed = people[:1]
    if needed:
        raise ExtractRefused(
            source,
            shown_name(path),
            "missing_table",
            f"this is no whole extract of this source ({definition.title}): "
            f"{_what_is_there(members, raw)}. The table {needed[0].name!r} must be there, with the "
            f"columns {missing_columns(needed[0])}. Check that this is the right file, add the "
            "table, or name this system's own headers in a copy of the source definition"
            f"{hidden_sheets(seen, of_file=True)}",
        )
    return [Note(shown_name(path), table.name, "table_absent", 1) for table in missing]


def _what_is_there(members: Sequence[Member], raw: Sequence[RawTable]) -> str:
    """What was found, in words: tables that are known, or else names of files."""
    tables = sorted({repr(table.table.name) for table in raw})
    if tables:
        return f"it holds {' and '.join(tables)} only"
    names = [repr(member.name) for member in members]
    listed = ", ".join(names[:MANY])
    more = f" and {len(names) - MANY} more files" if len(names) > MANY else ""
    return f"none of its tables is in {listed}{more}"


@dataclass
class _Tables:
    """The tables of an extract by name, and what was read of each file."""

    raw: dict[str, list[RawTable]]
    clean: dict[str, CleanTable]


def read_tables(
    source: str,
    raw: Sequence[RawTable],
    definition: SourceDefinition,
    notes: Sequence[Note] = (),
    *,
    taken: date | None = None,
) -> ReadResult:
    """An extract whose tables have been read from their files; ``taken``: see `read_extract`."""
    found = list(notes)
    tables = _Tables(defaultdict(list), {})
    for table in raw:
        tables.raw[table.table.name].append(table)
        found += table.notes
    for name, parts in tables.raw.items():
        cleaned = [clean_table(part, definition, taken) for part in parts]
        found += [note for _, seen in cleaned for note in seen]
        tables.clean[name] = stack([table for table, _ in cleaned])
    chosen, seen = _judge(tables.clean, definition, taken)
    found += seen
    activity: dict[str, pd.DataFrame] = {}
    for kind in _kinds(definition):
        yielding = [table for table in tables.clean.values() if kind in table.table.yields]
        activity[kind], seen = activity_frame(source, kind, yielding)
        found += seen
    return ReadResult(
        records=records_frame(
            source, [(tables.clean[name], mask) for name, mask in chosen.items()], definition
        ),
        activity=activity,
        rejects=_rejects_frame(source, tables),
        files=_count(tables),
        removed=_removed(tables.clean, chosen),
        notes=tuple(sorted(set(found), key=lambda note: (note.file, note.column, note.code))),
    )


def _kinds(definition: SourceDefinition) -> list[str]:
    kinds = {kind for table in definition.tables for kind in table.yields}
    return sorted(kinds - {"records"})


def _judge(
    tables: dict[str, CleanTable], definition: SourceDefinition, taken: date | None
) -> tuple[dict[str, Mask], list[Note]]:
    """Reject what must be, join, and say which rows of which tables become records."""
    for table in tables.values():
        reject_rows(table)
        reject_empty_activity(table)
    people = {name: table for name, table in tables.items() if "records" in table.table.yields}
    for join in definition.joins:
        if join.table in tables:
            for table in people.values():
                apply_join(table, tables[join.table], join)
    chosen: dict[str, Mask] = {}
    notes: list[Note] = []
    known: set[str] = set()
    for name, table in people.items():
        ahead = empty_future_births(table, definition.dates, taken)
        for code, count in (("birth_in_future", ahead), ("born_after_as_of", born_later(table))):
            if count:
                notes.append(Note(table.files[0], "date_of_birth", code, count))
        reject_nameless(table)
        chosen[name] = choose_rows(table, known)
        superseded = table.rejects.accepted & ~chosen[name] & ~tells(table)
        table.rejects.add(superseded, "superseded", "record_id")
        known.update(table.values("record_id")[chosen[name]])
    for table in people.values():
        # Another row says what the record is, so this one removes nothing.
        listed = np.array([record in known for record in table.values("record_id")], dtype=np.bool_)
        table.rejects.replace(listed, REMOVED, "superseded", "record_id")
    for name, table in tables.items():
        if name not in people:
            for column in _references(name, table, definition):
                reject_strangers(table, column, known)
    return chosen, notes


def _references(name: str, table: CleanTable, definition: SourceDefinition) -> set[str]:
    """Columns of a table in which it names the record that a row is about."""
    references = {
        join.key
        for join in definition.joins
        if join.key and join.table == name and join.to == "record_id"
    }
    return references | ({"record_id"} if table.table.yields else set())


def _rejects_frame(source: str, tables: _Tables) -> pd.DataFrame:
    rejected: list[tuple[str, int, str, str, str]] = []
    for name, parts in tables.raw.items():
        clean = tables.clean[name]
        rejected += [(part.file, row, "", "", code) for part in parts for row, code in part.broken]
        ids = clean.readable_ids()
        rejected += [
            (clean.files[clean.file_of[at]], int(clean.rows[at]), ids[at] or "", column, code)
            for at, code, column in clean.rejects
        ]
    rejected.sort()
    file, row, record_id, column, code = zip(*rejected, strict=True) if rejected else [()] * 5
    texts = {
        "source": [source] * len(rejected),
        "file": file,
        "record_id": record_id,
        "column": column,
        "code": code,
        "message": [message_of(one) for one in code],
    }
    columns = {name: np.array(values, dtype=object) for name, values in texts.items()}
    columns["row"] = np.array(row, dtype=np.int64)
    return pd.DataFrame({name: columns[name] for name in REJECT_COLUMNS})


def _removed(tables: dict[str, CleanTable], chosen: dict[str, Mask]) -> frozenset[str]:
    """Ids of records that rows mark as removed and no other row holds."""
    removed: set[str] = set()
    held: set[str] = set()
    for name, mask in chosen.items():
        ids = tables[name].values("record_id")
        held.update(ids[mask])
        removed.update(ids[at] for at, code, _ in tables[name].rejects if code == REMOVED)
    return frozenset(removed - held - {None})


def _count(tables: _Tables) -> tuple[FileCount, ...]:
    counts = []
    for name, parts in tables.raw.items():
        clean = tables.clean[name]
        accepted = np.bincount(clean.file_of[clean.rejects.accepted], minlength=len(parts))
        for part, records in zip(parts, accepted.tolist(), strict=True):
            rejects = len(part.broken) + len(part.rows) - records
            counts.append(FileCount(part.file, name, part.count, records, rejects))
    return tuple(sorted(counts, key=lambda count: (count.file, count.table)))
