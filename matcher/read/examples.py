"""The worked examples in source definitions, run through the reading code itself."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import pandas as pd

from matcher.errors import RuleProblem
from matcher.read.cells import raw_cell
from matcher.read.extract import read_tables
from matcher.read.result import ReadResult
from matcher.read.tables import RawTable, TableBuilder, match_header, missing_columns
from matcher.rules.sources import Example, SourceDefinition
from matcher.rules.tables import Cell, Table

Row = Mapping[str, Cell]


def run_examples(definition: SourceDefinition) -> list[RuleProblem]:
    """Examples whose rows do not become what they should; empty if all is well."""
    return [
        RuleProblem(definition.file, example.line, f"example {example.name!r}: {message}")
        for example in definition.examples
        for message in _failures(example, definition)
    ]


def _failures(example: Example, definition: SourceDefinition) -> list[str]:
    main = _main_table(example, definition)
    rows: dict[str, list[Row]] = {main.name: [example.row]}
    for name, others in example.others.items():
        rows.setdefault(name, []).extend(others)
    tables = []
    for name, of_table in rows.items():
        table = _raw_table(definition.table(name), of_table, definition)
        if table is None:
            wanted = missing_columns(definition.table(name))
            return [f"the rows of table {name!r} need the columns {wanted}"]
        tables.append(table)
    return _differences(example, main, read_tables(definition.name, tables, definition))


def _main_table(example: Example, definition: SourceDefinition) -> Table:
    if example.table:
        return definition.table(example.table)
    return next(table for table in definition.tables if "records" in table.yields)


def _raw_table(table: Table, rows: Sequence[Row], definition: SourceDefinition) -> RawTable | None:
    headers = list(dict.fromkeys(header for row in rows for header in row))
    header = match_header(headers, 0, table)
    if header is None:
        return None
    builder = TableBuilder(table.name, header, definition.dates.excel_epoch)
    for number, row in enumerate(rows, start=1):
        builder.add(number, [raw_cell(row.get(name)) for name in headers])
    return builder.finish()


def _differences(example: Example, main: Table, result: ReadResult) -> list[str]:
    rejects = result.rejects
    codes = rejects.loc[(rejects["file"] == main.name) & (rejects["row"] == 1), "code"].tolist()
    if example.reject:
        if codes == [example.reject]:
            return []
        return [f"expected the reject {example.reject}, got {codes[0] if codes else 'none'}"]
    if codes:
        return [f"expected a record, got the reject {codes[0]}"]
    found: list[str] = []
    if example.record is not None:
        if result.records.empty:
            return ["expected a record, got none"]
        record = {str(name): value for name, value in result.records.iloc[0].items()}
        found += _compare("", example.record, record)
    for kind, expected in example.activity.items():
        if kind not in result.activity:
            found.append(f"this source yields no {kind}")
            continue
        rows = result.activity[kind].to_dict("records")
        if len(rows) != len(expected):
            found.append(f"expected {len(expected)} {kind}, got {len(rows)}")
            continue
        for index, (wanted, row) in enumerate(zip(expected, rows, strict=True), start=1):
            found += _compare(f"{kind} {index}: ", wanted, {str(k): v for k, v in row.items()})
    return found


def _compare(place: str, expected: Mapping[str, Cell], got: Mapping[str, object]) -> list[str]:
    differences = []
    for name, wanted in expected.items():
        if name not in got:
            differences.append(f"{place}there is no {name!r}")
        elif _plain(got[name]) != _plain(wanted):
            differences.append(f"{place}{name}: expected {_shown(wanted)}, got {_shown(got[name])}")
    return differences


def _plain(value: object) -> object:
    """A value as YAML can say it: None if missing, a date without its time."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    return value.date() if isinstance(value, datetime) else value


def _shown(value: object) -> str:
    plain = _plain(value)
    if plain is None:
        return "nothing"
    return plain.isoformat() if isinstance(plain, date) else repr(plain)
