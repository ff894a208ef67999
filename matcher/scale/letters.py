"""jellyfish's spelling functions, given to engines whose own differ.

Those of DuckDB count bytes: there these are called for pairs of which one text is not plain
ASCII, since a call into Python costs as much as many of the engine's own. Spark calls them
for every pair.
"""

from collections.abc import Callable
from typing import Any

import duckdb
import jellyfish

Measure = Callable[[str | None, str | None], float | None]

SIMILARITY = "jaro_winkler_of_letters"
DISTANCE = "damerau_levenshtein_of_letters"


def give_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions on a DuckDB connection, unless it has them."""
    for name, measure in _measures().items():
        try:
            connection.execute(f"SELECT {name}(NULL, NULL)").fetchall()
        except duckdb.CatalogException:
            connection.create_function(name, measure, ["VARCHAR", "VARCHAR"], "DOUBLE")


def give_spark(session: Any) -> None:
    """Register the functions on a Spark session, whose workers need jellyfish."""
    for name, measure in _measures().items():
        session.udf.register(name, measure, "double")


def _measures() -> dict[str, Measure]:
    return {
        SIMILARITY: _of_present(jellyfish.jaro_winkler_similarity),
        DISTANCE: _of_present(jellyfish.damerau_levenshtein_distance),
    }


def _of_present(measure: Callable[[str, str], float]) -> Measure:
    def of_present(left: str | None, right: str | None) -> float | None:
        return None if left is None or right is None else float(measure(left, right))

    return of_present
