"""What is timed, each in a process of its own: ``python -m benchmarks.workloads NAME FOLDER``.

Prints one line of JSON: seconds by stage, counts, and whatever else the workload found. In
the folder, ``material`` leaves records.parquet (RECORDS) and sources.json (which sources hold
each child once), ``prepare_for_peers`` leaves prepared.parquet and rarity-*.parquet (what
Splink reads, with keys and rarities computed by the core) and plain.parquet (standardised
columns for recordlinkage), ``csv_files`` leaves csv/*.csv.
"""

import contextlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from stdnum.gb import upn

from api.services.rules import RuleBook, load_rule_book, shipped_model, shipped_rules
from benchmarks.towns import make_town
from fixtures.generator import generate
from matcher import pipeline
from matcher.frames import RECORD_TEXT_COLUMNS, join_records
from matcher.lookup import Lookup
from matcher.prepared import Prepared, prepare
from matcher.progress import Advance
from matcher.rules.model import Model
from matcher.train import train

# Records of children that seven sources hold per child, near enough to reach a size.
RECORDS_PER_CHILD = 3.72
LOOKUPS = 2_000
# Towns side by side get years of their own; leap years stay leap years.
YEARS = (0, 28, -28, 56, -56, 84, -84, 112, 140, 168)


class Stages:
    """An observer that keeps the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG002
        """Time a stage."""
        begun = time.perf_counter()
        yield lambda _: None
        took = time.perf_counter() - begun
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 3)


def material(folder: Path, records: int, towns: int) -> dict[str, Any]:
    """RECORDS of one town, or of several side by side whose blocks do not mix."""
    book = load_rule_book(shipped_rules())
    children = max(int(records / towns / RECORDS_PER_CHILD), 50)
    frames, single = [], frozenset[str]()
    for number in range(towns):
        made = make_town(children, number + 1, book).labelled
        frames.append(_moved(made.records, number))
        single = made.single
    joined = join_records(frames)
    for name in joined:
        if isinstance(joined[name].dtype, pd.CategoricalDtype):
            joined[name] = joined[name].cat.remove_unused_categories()
    joined.to_parquet(folder / "records.parquet")
    (folder / "sources.json").write_text(json.dumps(sorted(single)), encoding="utf-8")
    return {"records": len(joined), "towns": towns, "children": children * towns}


def _moved(records: pd.DataFrame, number: int) -> pd.DataFrame:
    """A town's records in years, an alphabet and a postcode area of their own.

    Letters of names are moved along by the town's number, which keeps how alike two names
    are, but not what is known about them: only the first town has nicknames and prefixes.
    """
    moved = records.copy()
    moved["record_id"] = f"{number}-" + moved["record_id"].astype(str)
    birth = moved["date_of_birth"]
    parts = {"year": birth.dt.year + YEARS[number], "month": birth.dt.month, "day": birth.dt.day}
    shifted = pd.to_datetime(pd.DataFrame(parts), errors="coerce")
    moved["date_of_birth"] = shifted.astype("datetime64[ns]")
    area = "OABCDEFGHJ"[number] + "L"
    letters = str.maketrans(
        ascii_letters,
        "".join(a[number:] + a[:number] for a in (ascii_lowercase, ascii_uppercase)),
    )
    names = ("forename", "middle_names", "surname", "former_surname", "known_as", "name")
    changes = [(column, lambda text: text.translate(letters)) for column in names]
    for column, change in (
        *changes,
        ("postcode", lambda text: text.upper().replace("OL", area, 1)),
        ("upn", lambda text: _upn_of(text, number)),
        ("former_upn", lambda text: _upn_of(text, number)),
    ):
        moved[column] = moved[column].astype(object).map(change, na_action="ignore")
        moved[column] = moved[column].astype("category")
    return moved


def _upn_of(text: str, number: int) -> str:
    """A permanent UPN under another authority's number, so that towns share none."""
    body = text[1:]
    if len(body) != 12 or not body.isdigit():
        return text
    body = f"{int(body[:3]) + number:03d}{body[3:]}"
    return f"{upn.calc_check_digit(body)}{body}"


def csv_files(folder: Path, records: int, _: int) -> dict[str, Any]:
    """Seven CSV files of one town of about so many records."""
    counts = generate(int(records / RECORDS_PER_CHILD), 1, folder / "csv", native=False)
    return {"records": sum(counts.values()), "files": len(counts)}


def prepare_for_peers(folder: Path) -> dict[str, Any]:
    """What the peers read: keys, rarities and standardised columns, computed by the core."""
    from matcher.scale.records import rarity_tables, splink_records

    prepared, book, model = _prepared(folder)
    rules = book.linkage.matching
    single = prepared.single[prepared.source]
    numbers = prepared.source.copy()
    numbers[~single] = -1
    keys = pipeline.block(prepared, rules)
    table = splink_records(rules, prepared.table, keys, numbers if single.any() else None)
    table.to_parquet(folder / "prepared.parquet")
    population = pipeline.count_population(prepared, rules)
    frequencies = {name: population.shares(prepared.table, name) for name in pipeline.terms(rules)}
    rarities = rarity_tables(rules.comparisons, model, frequencies)
    for name, rarity in rarities.items():
        rarity.to_parquet(folder / f"rarity-{name}.parquet")
    plain = prepared.standardised.assign(
        number=prepared.source, single=single, position=np.arange(len(single))
    )
    plain.to_parquet(folder / "plain.parquet")
    return {"records": len(plain)}


def ours(folder: Path) -> dict[str, Any]:
    """From RECORDS in Parquet to clusters, on two threads."""
    stages = Stages()
    with stages.stage("read"):
        records, single, book, model = _load(folder)
    linked = pipeline.link(
        records, book.linkage, model, single_sources=single, threads=2, observer=stages
    )
    return {
        "stages": stages.seconds,
        "candidate_pairs": linked.candidates,
        "scored_pairs": len(linked.pairs),
        "clusters": int(np.unique(linked.clusters.label).size),
    }


def splink(folder: Path) -> dict[str, Any]:
    """The same rules and levels in Splink on DuckDB, from prepared Parquet to clusters."""
    import duckdb
    from splink import DuckDBAPI, Linker

    from matcher.scale import letters, splink_settings

    book = load_rule_book(shipped_rules())
    rules, model = book.linkage.matching, shipped_model(book)
    stages = Stages()
    connection = duckdb.connect()
    connection.execute("set threads=2")
    letters.give_duckdb(connection)
    api = DuckDBAPI(connection=connection)
    size = len(pd.read_parquet(folder / "prepared.parquet", columns=["record_position"]))
    settings = splink_settings(
        rules, model, probability=model.matches_per_record / (size - 1), single_sources=True
    )
    # Only for showing single pairs; without them Splink is faster and smaller.
    settings["retain_matching_columns"] = False
    settings["retain_intermediate_calculation_columns"] = False
    with stages.stage("read"):
        connection.execute(
            f"create table prepared as select * from '{folder / 'prepared.parquet'}'"
        )
        linker = Linker(api.register("prepared"), settings, log_level=None)
        for path in sorted(folder.glob("rarity-*.parquet")):
            name = path.stem.removeprefix("rarity-")
            rarity = api.register(pd.read_parquet(path))
            linker.table_management.register_term_frequency_lookup(rarity, name)
    with stages.stage("block, compare and weigh"):
        predicted = linker.inference.predict(threshold_match_weight=rules.thresholds.lower)
    with stages.stage("cluster"):
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_weight=rules.thresholds.upper
        )
        count = api.query_sql(
            f"select count(distinct cluster_id) as n from {clusters.physical_name}", "pandas"
        )
    scored = api.query_sql(f"select count(*) as n from {predicted.physical_name}", "pandas")
    return {
        "stages": stages.seconds,
        "scored_pairs": int(scored["n"].iloc[0]),
        "clusters": int(count["n"].iloc[0]),
    }


def recordlinkage(folder: Path) -> dict[str, Any]:
    """recordlinkage's own Index, Compare and ECM on the same keys and the plain comparisons."""
    import recordlinkage as toolkit

    warnings.simplefilter("ignore")
    rules = load_rule_book(shipped_rules()).linkage.matching
    stages = Stages()
    with stages.stage("read"):
        plain = pd.read_parquet(folder / "plain.parquet").set_index("position")
        table = plain.astype({name: object for name in plain if plain[name].dtype == "category"})
    with stages.stage("block"):
        index = toolkit.Index()
        for rule in rules.blocking:
            # Its blocks have no bound: the wide rules get the year that narrows ours.
            narrow = list(rule.narrow_by)
            first, second = [*rule.key, *narrow], [*(rule.against or rule.key), *narrow]
            index.block(first, second)
        pairs = index.index(table)
        number, single = table["number"].to_numpy(), table["single"].to_numpy()
        l = pairs.get_level_values(0).to_numpy()
        r = pairs.get_level_values(1).to_numpy()
        pairs = pairs[(number[l] != number[r]) | ~single[l]]
    with stages.stage("compare"):
        compare = toolkit.Compare()
        for name in ("forename", "surname", "middle_names"):
            compare.string(name, name, method="jarowinkler", threshold=0.92, label=name)
        compare.string("date_of_birth", "date_of_birth", method="damerau_levenshtein",
                       threshold=0.9, label="date near")  # fmt: skip
        for name in ("forename_4", "surname_4", "date_of_birth", "postcode", "address_5",
                     "sex", "nhs_number", "upn"):  # fmt: skip
            compare.exact(name, name, label=f"{name} same")
        vectors = compare.compute(pairs, table)
    with stages.stage("weigh"):
        links = toolkit.ECMClassifier().fit_predict(vectors)
    with stages.stage("cluster"):
        ends = (links.get_level_values(0).to_numpy(), links.get_level_values(1).to_numpy())
        graph = coo_array((np.ones(len(links), dtype=np.int8), ends), shape=(len(table),) * 2)
        count, _ = connected_components(graph, directed=False)
    return {"stages": stages.seconds, "candidate_pairs": len(pairs), "clusters": int(count)}


def training(folder: Path) -> dict[str, Any]:
    """A model without labels: u from random pairs, m by EM."""
    records, single, book, model = _load(folder)
    stages = Stages()
    train(records, book.linkage, single_sources=single, base=model, observer=stages)
    return {"stages": stages.seconds}


def lookup(folder: Path) -> dict[str, Any]:
    """One record against all others in memory, for a sample of records as they were written."""
    prepared, book, model = _prepared(folder)
    population = pipeline.count_population(prepared, book.linkage.matching)
    scorer = pipeline.weigh(prepared, book.linkage.matching, model, population)
    stages = Stages()
    with stages.stage("index"):
        held = Lookup(prepared, book.linkage, scorer)
    chosen = np.random.default_rng(0).choice(len(prepared.records), LOOKUPS, replace=False)
    asked = [_as_text(row) for row in prepared.records.iloc[chosen].to_dict("records")]
    for record in asked[:50]:
        held.candidates(record)
    took = []
    for record in asked:
        begun = time.perf_counter()
        held.candidates(record)
        took.append(1000 * (time.perf_counter() - begun))
    p50, p95, p99 = np.percentile(took, [50, 95, 99])
    return {"stages": stages.seconds, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}


def _as_text(row: dict[str, Any]) -> dict[str, str]:
    given = {}
    for name, value in row.items():
        if isinstance(value, pd.Timestamp) and not pd.isna(value):
            given[name] = value.strftime("%Y-%m-%d")
        elif isinstance(value, str):
            given[name] = value
    return given


def _load(folder: Path) -> tuple[pd.DataFrame, frozenset[str], RuleBook, Model]:
    book = load_rule_book(shipped_rules())
    single = json.loads((folder / "sources.json").read_text(encoding="utf-8"))
    records = pd.read_parquet(folder / "records.parquet")
    for name in RECORD_TEXT_COLUMNS:
        # A column without any value comes back without its type.
        records[name] = records[name].astype("category")
    return records, frozenset(single), book, shipped_model(book)


def _prepared(folder: Path) -> tuple[Prepared, RuleBook, Model]:
    records, single, book, model = _load(folder)
    return prepare(records, book.linkage, single), book, model


WORKLOADS: dict[str, Callable[..., dict[str, Any]]] = {
    "material": material,
    "csv_files": csv_files,
    "prepare_for_peers": prepare_for_peers,
    "ours": ours,
    "splink": splink,
    "recordlinkage": recordlinkage,
    "training": training,
    "lookup": lookup,
}


def main(arguments: list[str]) -> int:
    """NAME FOLDER [RECORDS TOWNS]: does the work and prints what it found."""
    name, folder, *numbers = arguments
    with contextlib.redirect_stdout(sys.stderr):
        found = WORKLOADS[name](Path(folder), *map(int, numbers))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
