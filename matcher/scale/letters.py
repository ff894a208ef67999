"""Spelling functions for texts beyond ASCII, given to engines that count bytes.

They are jellyfish's, as in `matcher.compare`. SQL calls them only for pairs of which one
text is not plain ASCII, since a call into Python costs a thousand comparisons of theirs.
"""

from typing import Any

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


def give_duckdb(connection: Any) -> None:
    """Register the functions on a DuckDB connection, unless it has them."""
    known = "SELECT count(*) FROM duckdb_functions() WHERE function_name = ?"
    for name, function in ((SIMILARITY, similarity), (DISTANCE, distance)):
        if not connection.execute(known, [name]).fetchone()[0]:
            connection.create_function(name, function, ["VARCHAR", "VARCHAR"], "DOUBLE")


def give_spark(session: Any) -> None:
    """Register the functions on a Spark session."""
    session.udf.register(SIMILARITY, similarity, "double")
    session.udf.register(DISTANCE, distance, "double")
