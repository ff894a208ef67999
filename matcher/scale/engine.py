"""Pairs proposed, compared and weighed by Splink."""

from typing import Any

import duckdb
import pandas as pd
from splink import DuckDBAPI, Linker

from matcher import pipeline
from matcher.prepared import Prepared
from matcher.rules.matching import MatchingRules
from matcher.rules.model import Model
from matcher.scale import letters
from matcher.scale.conditions import DUCKDB, SPARK, Dialect
from matcher.scale.levels import splink_comparisons
from matcher.scale.records import POSITION, rarity_tables, splink_records
from matcher.scale.settings import splink_settings

# Even odds: a prior of no bits, so that the total weight is the evidence alone.
EVEN = 0.5


def score_on_splink(
    prepared: Prepared, rules: MatchingRules, model: Model, *, database: Any = None
) -> pd.DataFrame:
    """Every candidate pair with its levels and evidence, in order of position.

    Columns: ``l`` and ``r`` (positions in ``prepared.records``, l < r), one per comparison
    under its name (number of the level, -1 for missing) and ``evidence`` (sum of partial
    weights in bits, without the prior).

    ``database`` is one of Splink's database APIs; a new DuckDB in memory if not given.
    """
    if database is not None:
        return _score(prepared, rules, model, database)
    with duckdb.connect() as connection:
        return _score(prepared, rules, model, DuckDBAPI(connection))


def _score(prepared: Prepared, rules: MatchingRules, model: Model, database: Any) -> pd.DataFrame:
    linker = splink_linker(prepared, rules, model, database=database, probability=EVEN)
    compared = splink_comparisons(rules.comparisons, model, _dialect(database))
    levels = "".join(f"{x.level_column}, " for x in compared)
    predicted = linker.inference.predict()
    found: pd.DataFrame = database.query_sql(
        f"SELECT {POSITION}_l AS l, {POSITION}_r AS r, {levels} match_weight AS evidence "  # noqa: S608
        f"FROM {predicted.physical_name} ORDER BY l, r",
        "pandas",
    )
    predicted.drop_table_from_database_and_remove_from_cache()
    result = found[["l", "r"]].astype("int32")
    for x in compared:
        result[x.rule.name] = x.numbers[found[x.level_column].to_numpy()]
    return result.assign(evidence=found["evidence"].astype("float64"))


def splink_linker(
    prepared: Prepared, rules: MatchingRules, model: Model, *, database: Any, probability: float
) -> Linker:
    """A Splink linker over prepared records, with all that the rules and the model say.

    ``probability`` is that of two random records being one child. Whatever Splink can do
    with a trained model can be done with it: charts, clusters, new records.
    """
    dialect = _dialect(database)
    (letters.give_duckdb if dialect is DUCKDB else letters.give_spark)(_connection(database))
    single = prepared.single[prepared.source]
    numbers = prepared.source.copy()
    numbers[~single] = -1
    records = splink_records(
        rules, prepared.table, pipeline.block(prepared, rules), numbers if single.any() else None
    )
    settings = splink_settings(
        rules, model, probability=probability, single_sources=bool(single.any()), dialect=dialect
    )
    linker = Linker(database.register(records), settings, log_level=None)
    population = pipeline.count_population(prepared, rules)
    frequencies = {name: population.shares(prepared.table, name) for name in pipeline.terms(rules)}
    for name, lookup in rarity_tables(rules.comparisons, model, frequencies).items():
        linker.table_management.register_term_frequency_lookup(database.register(lookup), name)
    return linker


def _dialect(database: Any) -> Dialect:
    return {"duckdb": DUCKDB, "spark": SPARK}[database.sql_dialect.sql_dialect_str]


def _connection(database: Any) -> Any:
    return database.duckdb_con if _dialect(database) is DUCKDB else database.spark
