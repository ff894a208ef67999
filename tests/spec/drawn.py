"""Tables drawn as text: cells apart by ``|``, an empty cell is a missing value.

forename | surname | date_of_birth
Aisha    | Khan    | 2014-05-03
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from matcher.frames import records_from


def rows(text: str) -> list[dict[str, str]]:
    return rows_of(text.strip().splitlines())


def rows_of(drawn: Iterable[str]) -> list[dict[str, str]]:
    header, *lines = ([cell.strip() for cell in line.split("|")] for line in drawn)
    return [{name: cell for name, cell in zip(header, line, strict=True) if cell} for line in lines]


def records(text: str) -> pd.DataFrame:
    """RECORDS as drawn."""
    return records_from(rows(text))


def lines(table: Iterable[Mapping[str, object]]) -> list[str]:
    """Rows as one line each, so that a failing table reads like the drawn one."""
    return [" | ".join(str(value) for value in row.values()) for row in table]


def coded(text: str) -> pd.DataFrame:
    """A frame of categorical columns as drawn, as `matcher.standardise` would hand it on."""
    header = [cell.strip() for cell in text.strip().splitlines()[0].split("|")]
    found = rows(text)
    return categorical({name: [row.get(name) for row in found] for name in header})


def categorical(columns: Mapping[str, list[str | None]]) -> pd.DataFrame:
    """A frame of categorical columns; None is missing."""
    return pd.DataFrame(
        {name: pd.Series(cells, dtype=object).astype("category") for name, cells in columns.items()}
    )
