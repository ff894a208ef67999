"""Spelling functions for texts beyond ASCII, given to engines that count bytes.

They are jellyfish's, as in `matcher.compare`. SQL calls them only for pairs of which one
text is not plain ASCII, since a call into Python costs a thousand comparisons of theirs.
"""

from typing import Any

import duckdb
import jellyfish

SIMILARITY = "jaro_winkler_of_letters"
DISTANCE = "damerau_levenshtein_of_letters"


def similarity(left: str | None, right: str | None) -> float | None:
    """Jaro–Winkler similarity; None where a text is missing."""
    if left is None or right is None:
        return None
    return float(jellyfish.jaro_winkler_similarity(left, right))


def distance(left: str | None, right: str | None) -> float | None:
    """Damerau–Levenshtein distance; None where a text is missing."""
    if left is None or right is None:
        return None
    return float(jellyfish.damerau_levenshtein_distance(left, right))


def give_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions on a DuckDB connection, unless it has them."""
    for name, function in ((SIMILARITY, similarity), (DISTANCE, distance)):
        try:
            connection.execute(f"SELECT {name}(NULL, NULL)").fetchall()
        except duckdb.CatalogException:
            connection.create_function(name, function, ["VARCHAR", "VARCHAR"], "DOUBLE")


def give_spark(session: Any) -> None:
    """Register the functions on a Spark session."""
    session.udf.register(SIMILARITY, similarity, "double")
    session.udf.register(DISTANCE, distance, "double")
