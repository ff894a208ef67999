"""Files written together: all of them appear, or none."""

import csv
import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from api.services.scratch import scratch_folder
from matcher.errors import DataError

# What is written is about people: only its owner may read it.
_OWN = 0o600


class OutputFolder:
    """A folder whose new files take their places only when everything was written."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def __enter__(self) -> "OutputFolder":
        """Make the folder and a place beside the files for what is being written."""
        self.out.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        self._draft = self._stack.enter_context(scratch_folder(self.out))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Move the files into place, unless something failed."""
        try:
            if kind is None:
                taken = [p.name for p in self._draft.iterdir() if (self.out / p.name).is_dir()]
                if taken:
                    raise DataError(f"{taken[0]} is a folder in {self.out.name}; remove it")
                for path in sorted(self._draft.iterdir()):
                    path.chmod(_OWN)
                    path.replace(self.out / path.name)
        finally:
            self._stack.close()

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """A CSV file, UTF-8, one line per row; missing values are empty."""
        self.pieces(name, list(frame.columns), [frame])

    def pieces(self, name: str, columns: Sequence[str], frames: Iterable[pd.DataFrame]) -> None:
        """A CSV file as `table` writes it, of frames one below another."""
        with (self._draft / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for frame in frames:
                cells = [texts(frame[column]) for column in columns]
                writer.writerows(zip(*cells, strict=True))

    def json(self, name: str, data: dict[str, Any]) -> None:
        """A JSON file for people and programs."""
        self.text(name, json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def text(self, name: str, text: str) -> None:
        """A text file."""
        (self._draft / name).write_text(text, encoding="utf-8")


def folder_of(file: Path) -> OutputFolder:
    """The folder that a file is to be written to. Raises DataError if there is none."""
    if not file.absolute().parent.is_dir():
        raise DataError(f"the folder that {file.name} is to be in does not exist; make it first")
    return OutputFolder(file.absolute().parent)


def texts(column: pd.Series) -> list[Any]:
    """What CSV shows of a column; missing values are empty."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        shown = [*column.cat.categories.tolist(), ""]
        return [shown[code] for code in column.cat.codes]
    if column.dtype == object:
        return column.where(column.notna(), "").tolist()
    return column.tolist()
