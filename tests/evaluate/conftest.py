"""Drawn tables: one line per row, cells apart by white space, "-" for a missing value."""

from collections.abc import Callable

import pandas as pd
import pytest


def draw(text: str) -> pd.DataFrame:
    header, *rows = (line.split() for line in text.strip().splitlines())
    return pd.DataFrame(rows, columns=header).replace("-", None)


@pytest.fixture(scope="session")
def table() -> Callable[[str], pd.DataFrame]:
    return draw
