"""Frames, one below another, as one file of CSV or Parquet."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from api.services.output import texts

# Columns that hold numbers; all others hold text.
_NUMBERS = {
    "run": pa.int64(),
    "match_weight": pa.float64(),
    "match_probability": pa.float64(),
}


def write_csv(path: Path, columns: Sequence[str], frames: Iterable[pd.DataFrame]) -> int:
    """UTF-8, one line per row, missing values empty; how many rows."""
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for frame in frames:
            writer.writerows(zip(*(texts(frame[name]) for name in columns), strict=True))
            rows += len(frame)
    return rows


def write_parquet(path: Path, columns: Sequence[str], frames: Iterable[pd.DataFrame]) -> int:
    """Numbers as such, all else as text, missing values as null; how many rows."""
    schema = pa.schema([(name, _NUMBERS.get(name, pa.string())) for name in columns])
    rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for frame in frames:
            arrays = [
                pa.Array.from_pandas(frame[field.name].astype(object), type=field.type)
                for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows += len(frame)
    return rows
