"""Compare a run's files with the truth."""

import re
import warnings
from pathlib import Path

import pandas as pd

from matcher.errors import DataError
from matcher.evaluate import Evaluation, evaluate


def evaluate_files(truth: Path, crosswalk: Path, links: Path | None) -> Evaluation:
    """Evaluate files as `matcher.evaluate` describes them. Raises DataError if one is no CSV."""
    return evaluate(
        read_table(truth), read_table(crosswalk), None if links is None else read_table(links)
    )


def read_table(path: Path) -> pd.DataFrame:
    """A CSV file with every cell as text, empty cells as empty text.

    Raises DataError, with a reason that quotes no cell, if it is none.
    """
    _refuse_other_formats(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False
            )
    except UnicodeError as error:
        raise DataError(f"{path.name} is not text in UTF-8; save it as CSV in UTF-8") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path.name} is empty") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path.name} is not a CSV file: {_reason(str(error))}") from error
    except ValueError as error:
        raise DataError(f"{path.name} is not a CSV file in UTF-8") from error
    _refuse_odd_header(path, table)
    return table


_FORMATS = {
    b"PK\x03\x04": "a workbook or a zip",
    b"\xd0\xcf\x11\xe0": "a workbook of an old kind",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, kind in _FORMATS.items():
        if start.startswith(mark):
            raise DataError(f"{path.name} is {kind}; save it as CSV in UTF-8")
    if b"\0" in start:
        raise DataError(f"{path.name} is not text; save it as CSV in UTF-8")


def _reason(message: str) -> str:
    """Why pandas could not read it, in our words: its own might quote a cell."""
    if line := re.search(r"in line (\d+), saw", message):
        return f"line {line[1]} has more cells than the header"
    if line := re.search(r"inside string starting at row (\d+)", message):
        return f"a quote that opens near line {int(line[1]) + 1} is not closed"
    if "Length of header" in message:
        return "its rows have more cells than the header"
    return "its rows do not make a table"


def _refuse_odd_header(path: Path, table: pd.DataFrame) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    if len(table.columns) == 1 and re.search("[;\t|]", header):
        raise DataError(f"{path.name}: its cells are not separated by commas; save it as CSV")
    names = [name.strip().strip('"') for name in header.strip().split(",")]
    if len(set(names)) < len(names):
        raise DataError(f"{path.name}: its header names a column twice")
