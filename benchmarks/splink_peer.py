"""Splink on DuckDB: as its documentation recommends, and tuned by hand with the truth in view.

As documented: the comparisons of its library for names, dates of birth and postcodes, exact
matches with term frequencies for the rest, the blocking rules of its examples, u from random
pairs, m by EM within blocking rules, clusters of links above a probability. The documentation
compares names together or apart and cuts at 0.9, 0.95 or 0.99; all are run, and the table
shows the one with the fewest errors.

Tuned by hand: ordered levels for swapped and respelt names and dates, address and postcode
together, a level of fixed weight for another forename in one household, one record per
source where a source holds each person once, and of all thresholds the best for the set.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.engines import Outcome, plain_table, tells
from benchmarks.sets import LabelledSet
from matcher.crosswalks import join_codes

DOCUMENTED_CUTS = (0.9, 0.95, 0.99)
TUNED_CUTS = (0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 0.99, 0.999)
# Up to here every single field can be a blocking rule, as in the documentation's small sets.
SMALL = 20_000
_SEED = 1


def as_documented(labelled: LabelledSet) -> Iterator[Outcome]:
    """One outcome for each documented way of comparing names and each cut."""
    table = plain_table(labelled.records)
    for together in (True, False):
        begun = time.perf_counter()
        linker = _linker(labelled, table, _documented_comparisons(table, together=together))
        _train(linker, table)
        predicted = linker.inference.predict(threshold_match_probability=0.1)
        pairs = _pairs(linker, predicted)
        seconds = time.perf_counter() - begun
        for cut in DOCUMENTED_CUTS:
            clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
                predicted, threshold_match_probability=cut
            )
            names = "names together" if together else "names apart"
            yield Outcome(
                "Splink",
                f"as documented, {names}, {cut}",
                seconds,
                child_id=_cluster_ids(clusters.as_duckdbpyrelation().df(), labelled),
                links=_links(labelled, pairs, cut),
            )


def tuned(labelled: LabelledSet) -> Iterator[Outcome]:
    """One outcome for each cut and way of clustering; the best is for the caller to pick."""
    table = plain_table(labelled.records)
    begun = time.perf_counter()
    linker = _linker(labelled, table, _tuned_comparisons(table))
    _train(linker, table)
    predicted = linker.inference.predict(threshold_match_probability=min(TUNED_CUTS))
    pairs = _pairs(linker, predicted)
    seconds = time.perf_counter() - begun
    single = sorted(labelled.single)
    for cut in TUNED_CUTS:
        chosen = pairs[pairs["match_probability"] >= cut]
        joined = join_codes(len(labelled.records), chosen["l"].to_numpy(), chosen["r"].to_numpy())
        yield Outcome(
            "Splink tuned by hand",
            f"components at {cut}",
            seconds,
            child_id=joined.astype(str).astype(object),
            links=_links(labelled, pairs, cut),
        )
        if single and len(labelled.sources) > 1:
            clusters = linker.clustering.cluster_using_single_best_links(
                predicted, duplicate_free_datasets=single, threshold_match_probability=cut
            )
            yield Outcome(
                "Splink tuned by hand",
                f"single best links at {cut}",
                seconds,
                child_id=_cluster_ids(clusters.as_duckdbpyrelation().df(), labelled),
                links=_links(labelled, pairs, cut),
            )


def _linker(labelled: LabelledSet, table: pd.DataFrame, comparisons: list[Any]) -> Any:
    import duckdb
    from splink import DuckDBAPI, Linker, SettingsCreator

    sources = labelled.sources
    link_type = "dedupe_only"
    if len(sources) > 1:
        link_type = "link_only" if labelled.single >= set(sources) else "link_and_dedupe"
    settings = SettingsCreator(
        link_type=link_type,
        unique_id_column_name="unique_id",
        blocking_rules_to_generate_predictions=_blocking(table),
        comparisons=comparisons,
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    connection = duckdb.connect()
    # With it, DuckDB 2 plans single best links as a product that fills the disk.
    connection.execute("set disabled_optimizers='join_order'")
    api = DuckDBAPI(connection=connection)
    frames = [
        api.register(
            table[table["source_dataset"] == name].drop(columns="source_dataset"),
            dataset_display_name=name,
        )
        for name in sources
    ]
    return Linker(frames if len(frames) > 1 else frames[0], settings)


def _blocking(table: pd.DataFrame) -> list[Any]:
    from splink import block_on

    if len(table) <= SMALL:
        rules = [["forename"], ["surname"], ["dob"], ["postcode"], ["address"]]
    else:
        rules = [
            ["substr(forename, 1, 3)", "substr(surname, 1, 4)"],
            ["surname", "dob"],
            ["forename", "dob"],
            ["postcode", "forename"],
            ["postcode", "surname"],
            ["address", "forename"],
            ["address", "surname"],
            ["postcode", "dob"],
            ["substr(postcode, 1, 3)", "dob"],
        ]
    rules += [["nhs_number"], ["upn"]]
    usable = {name for name in table if tells(table, name)}
    kept = [
        block_on(*rule)
        for rule in rules
        if all(any(name in part for name in usable) for part in rule)
    ]
    if len(table) > SMALL and "dob" in usable:
        starts = ("substr(forename, 1, 2)", "substr(surname, 1, 2)", "substr(dob, 1, 4)")
        kept.append(block_on(*starts))
    return [*kept, "l.forename = r.surname and l.surname = r.forename"]


def _documented_comparisons(table: pd.DataFrame, *, together: bool) -> list[Any]:
    import splink.comparison_library as cl

    found: list[Any] = []
    if together:
        found.append(
            cl.ForenameSurnameComparison(
                "forename", "surname", forename_surname_concat_col_name="full_name"
            )
        )
    else:
        found += [
            cl.NameComparison(name).configure(term_frequency_adjustments=True)
            for name in ("forename", "surname")
        ]
    if "middle" in table:
        found.append(cl.ExactMatch("middle").configure(term_frequency_adjustments=True))
    if "dob" in table:
        found.append(cl.DateOfBirthComparison("dob", input_is_string=True))
    if "postcode" in table:
        british = table["postcode"].str.contains(" ", na=False).any()
        found.append(
            cl.PostcodeComparison("postcode")
            if british
            else cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(
                term_frequency_adjustments=True
            )
        )
    if "address" in table:
        # Beside a postcode the documentation adds only the house number, else the whole.
        found.append(
            cl.ExactMatch("house_number").configure(term_frequency_adjustments=True)
            if tells(table, "postcode")
            else cl.DamerauLevenshteinAtThresholds("address").configure(
                term_frequency_adjustments=True
            )
        )
    found += [cl.ExactMatch(name) for name in ("sex", "nhs_number", "upn") if name in table]
    return found


def _nearly_certain(table: pd.DataFrame) -> tuple[list[Any], float]:
    """Rules that hardly any but true pairs fulfil, and what share of these fulfils one."""
    from splink import block_on

    found: list[Any] = [block_on(name) for name in ("nhs_number", "upn") if name in table]
    if "dob" not in table:
        return [*found, block_on("forename", "surname", "address")], 0.7
    if len(table) <= SMALL:
        near = "levenshtein(l.dob, r.dob) <= 1"
        found += [
            f"l.forename = r.forename AND {near}",
            f"l.surname = r.surname AND {near}",
            "l.forename = r.forename AND levenshtein(l.surname, r.surname) <= 2 AND l.dob = r.dob",
        ]
        return found, 0.7
    found.append(block_on("forename", "surname", "dob"))
    if tells(table, "postcode"):
        found.append(block_on("dob", "postcode"))
    return found, 0.6


def _train(linker: Any, table: pd.DataFrame) -> None:
    from splink import block_on

    certain, recall = _nearly_certain(table)
    linker.training.estimate_probability_two_random_records_match(certain, recall=recall)
    random_pairs = 1e6 if len(table) <= SMALL else 1e7
    linker.training.estimate_u_using_random_sampling(max_pairs=random_pairs, seed=_SEED)
    sessions = [block_on("forename", "surname")]
    sessions.append(block_on("dob") if "dob" in table else block_on("address"))
    if tells(table, "postcode"):
        sessions.append(block_on("postcode", "forename"))
    for rule in sessions:
        # A level that no pair of a session reaches can end at a probability that Splink itself
        # refuses; what the session would have trained then keeps its default.
        with contextlib.suppress(ValueError):
            linker.training.estimate_parameters_using_expectation_maximisation(
                rule, estimate_without_term_frequencies=True
            )


def _level(condition: str, label: str, **more: Any) -> dict[str, Any]:
    return {"sql_condition": condition, "label_for_charts": label, **more}


def _tuned_comparisons(table: pd.DataFrame) -> list[Any]:
    """Comparisons as a person would write them after looking at errors."""
    import splink.comparison_library as cl

    else_ = _level("ELSE", "different")
    home = []
    if "address" in table:
        home.append("address_l = address_r")
    if tells(table, "postcode"):
        home.append("postcode_l = postcode_r")
    forename = [
        _level("forename_l IS NULL OR forename_r IS NULL", "missing", is_null_level=True),
        _level("forename_l = forename_r", "same", tf_adjustment_column="forename"),
        _level("forename_l = surname_r AND surname_l = forename_r", "swapped"),
        _level("jaro_winkler_similarity(forename_l, forename_r) >= 0.92", "near"),
        _level("jaro_winkler_similarity(forename_l, forename_r) >= 0.8", "alike"),
        _level("forename_l = surname_r OR surname_l = forename_r", "crossed"),
    ]
    surname = [
        _level("surname_l IS NULL OR surname_r IS NULL", "missing", is_null_level=True),
        _level("surname_l = surname_r", "same", tf_adjustment_column="surname"),
        _level("forename_l = surname_r AND surname_l = forename_r", "swapped"),
        _level("jaro_winkler_similarity(surname_l, surname_r) >= 0.92", "near"),
        _level("jaro_winkler_similarity(surname_l, surname_r) >= 0.8", "alike"),
        _level("contains(surname_l, surname_r) OR contains(surname_r, surname_l)", "part"),
    ]
    found = [
        {"output_column_name": "forename", "comparison_levels": [*forename, else_]},
        {"output_column_name": "surname", "comparison_levels": [*surname, else_]},
    ]
    if "dob" in table:
        found.append({"output_column_name": "dob", "comparison_levels": _date_levels()})
    if home:
        found.append({"output_column_name": "home", "comparison_levels": _home_levels(table)})
    if "dob" in table:
        found.append(_household(home))
    if "middle" in table:
        found.append(cl.NameComparison("middle"))
    if "sex" in table:
        found.append(cl.ExactMatch("sex"))
    found += [
        cl.DamerauLevenshteinAtThresholds(name, [1])
        for name in ("nhs_number", "upn")
        if name in table
    ]
    return found


def _household(home: list[str]) -> dict[str, Any]:
    """Twelve bits against: brothers, sisters and twins share all that is compared elsewhere.

    A comparison of its own, because Splink trains none that uses a column it blocks on.
    """
    place = f" AND ({' OR '.join(home)})" if home else ""
    other = (
        f"surname_l = surname_r AND dob_l = dob_r{place}"
        " AND jaro_winkler_similarity(forename_l, forename_r) < 0.8"
    )
    weight = {"m_probability": 0.0002, "u_probability": 0.8192}
    return {
        "output_column_name": "household",
        "comparison_levels": [
            _level(f"NOT coalesce({other}, false)", "no sign of it", is_null_level=True),
            _level(
                other,
                "same household, another forename",
                fix_m_probability=True,
                fix_u_probability=True,
                **weight,
            ),
            _level(
                "ELSE",
                "never",
                m_probability=0.5,
                u_probability=0.5,
                fix_m_probability=True,
                fix_u_probability=True,
            ),
        ],
    }


def _date_levels() -> list[dict[str, Any]]:
    swapped = (
        "dob_l = substr(dob_r, 1, 4) || '-' || substr(dob_r, 9, 2) || '-' || substr(dob_r, 6, 2)"
    )
    two_parts = " OR ".join(
        f"(substr(dob_l, {a}) = substr(dob_r, {a}) AND substr(dob_l, {b}) = substr(dob_r, {b}))"
        for a, b in (("1, 4", "6, 2"), ("1, 4", "9, 2"), ("6, 2", "9, 2"))
    )
    return [
        _level("dob_l IS NULL OR dob_r IS NULL", "missing", is_null_level=True),
        _level("dob_l = dob_r", "same"),
        _level(swapped, "swapped"),
        _level("damerau_levenshtein(dob_l, dob_r) <= 1", "near"),
        _level(two_parts, "two parts"),
        _level("ELSE", "different"),
    ]


def _home_levels(table: pd.DataFrame) -> list[dict[str, Any]]:
    levels = []
    postcode = tells(table, "postcode")
    address = "address" in table
    nothing = [
        f"({name}_l IS NULL OR {name}_r IS NULL)"
        for name, held in (("postcode", postcode), ("address", address))
        if held
    ]
    levels.append(_level(" AND ".join(nothing), "missing", is_null_level=True))
    if postcode and address:
        levels.append(_level("postcode_l = postcode_r AND address_l = address_r", "same"))
    if address:
        near = "jaro_winkler_similarity(address_l, address_r) >= 0.9"
        levels += [_level("address_l = address_r", "address"), _level(near, "address near")]
    if postcode:
        levels += [
            _level("postcode_l = postcode_r", "postcode", tf_adjustment_column="postcode"),
            _level("damerau_levenshtein(postcode_l, postcode_r) <= 1", "postcode near"),
        ]
    return [*levels, _level("ELSE", "different")]


def _pairs(linker: Any, predicted: Any) -> pd.DataFrame:
    """l, r (positions of records) and match_probability of every predicted pair."""
    frame = predicted.as_duckdbpyrelation().df()
    del linker
    return pd.DataFrame(
        {
            "l": frame["unique_id_l"].astype(np.int64),
            "r": frame["unique_id_r"].astype(np.int64),
            "match_probability": frame["match_probability"].clip(0, 1),
        }
    )


def _cluster_ids(frame: pd.DataFrame, labelled: LabelledSet) -> npt.NDArray[np.object_]:
    result = np.arange(len(labelled.records)).astype(str).astype(object)
    result[frame["unique_id"].to_numpy(dtype=np.int64)] = "c" + frame["cluster_id"].astype(str)
    return result


def _links(labelled: LabelledSet, pairs: pd.DataFrame, cut: float) -> pd.DataFrame:
    """The pairs as links.csv has them: links from the cut up, the others possible."""
    source = labelled.records["source"].astype(object).to_numpy()
    record = labelled.records["record_id"].to_numpy()
    l, r = pairs["l"].to_numpy(), pairs["r"].to_numpy()
    probability = pairs["match_probability"].to_numpy()
    return pd.DataFrame(
        {
            "source_l": source[l],
            "record_id_l": record[l],
            "source_r": source[r],
            "record_id_r": record[r],
            "match_probability": probability,
            "designation": np.where(probability >= cut, "link", "possible"),
        }
    )
