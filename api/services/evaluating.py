"""Compare a run's files with the truth."""

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
    """A CSV file with every cell as text, empty cells as empty text."""
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeError, pd.errors.ParserError) as error:
        raise DataError(f"{path.name} is not a CSV file in UTF-8") from error
