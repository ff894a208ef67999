"""Link extracts into a register, as files."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from api.services.extracts.reading import OTHER_LAYOUT
from api.services.measuring import all_measures
from api.services.observe import Recorder
from api.services.output import OutputFolder
from api.services.rules import GENERIC, RuleBook
from matcher.deciding import Linked
from matcher.errors import DataError, ExtractRefused
from matcher.frames import REJECT_COLUMNS, join_activity, join_records
from matcher.links import link_table
from matcher.outcomes import MeasureInputs, MeasureResult
from matcher.outcomes import as_dict as measure_as_dict
from matcher.pipeline import crosswalk, link, register
from matcher.read import Progress, ReadResult, read_extract
from matcher.rules.model import Model

RESULT_FILES = ("crosswalk.csv", "links.csv", "register.csv", "rejects.csv", "summary.json")


@dataclass(frozen=True, slots=True)
class Extract:
    """One NAME=PATH of a call."""

    source: str
    path: Path


@dataclass(frozen=True)
class Material:
    """Everything read: RECORDS and ACTIVITY of all extracts, and each extract's own result."""

    records: pd.DataFrame
    activity: dict[str, pd.DataFrame]
    by_source: dict[str, ReadResult]
    single_sources: frozenset[str]


@dataclass(frozen=True)
class LinkRun:
    """What one call found; ``summary`` is what summary.json holds."""

    crosswalk: pd.DataFrame
    links: pd.DataFrame
    measures: tuple[MeasureResult, ...]
    summary: dict[str, Any]


def read_extracts(extracts: Sequence[Extract], book: RuleBook, recorder: Recorder) -> Material:
    """Read every extract, in order of name. Writes nothing.

    Raises ExtractRefused if one is refused, and DataError, with the reasons of rejects, if
    no record of a child is left.
    """
    found: dict[str, ReadResult] = {}
    for extract in sorted(extracts, key=lambda extract: extract.source):
        with recorder.stage(f"read {extract.source}") as advance:
            seen = dict.fromkeys([""], 0)

            def progress(file: str, rows: int, seen: dict[str, int] = seen) -> None:
                advance(rows - seen.get(file, 0))
                seen[file] = rows

            found[extract.source] = _read(extract, book, progress)
    if not any((result.records["role"] == "child").any() for result in found.values()):
        raise DataError(_no_child(found))
    return Material(
        join_records([result.records for result in found.values()]),
        join_activity([result.activity for result in found.values()]),
        found,
        frozenset(name for name in found if book.definition(name).one_record_per_child),
    )


def _no_child(found: Mapping[str, ReadResult]) -> str:
    """Why nothing can be linked: rejects by source and reason, as counts."""
    lines = ["no record of a child was read, so there is nothing to link"]
    for name, result in found.items():
        reasons = ", ".join(f"{code} {n:,}" for code, n in _counts(result.rejects["code"]).items())
        lines.append(
            f"  {name}: {len(result.records):,} records, {len(result.rejects):,} rejects"
            + (f" ({reasons})" if reasons else "")
        )
    return "\n".join(lines)


def _read(extract: Extract, book: RuleBook, progress: Progress) -> ReadResult:
    """Read by the source's own definition, or as generic if the file is laid out like that."""
    definition = book.definition(extract.source)
    try:
        return read_extract(extract.source, extract.path, definition, progress=progress)
    except ExtractRefused as refusal:
        if definition.name == GENERIC or refusal.code not in OTHER_LAYOUT:
            raise
        try:
            return read_extract(
                extract.source, extract.path, book.sources[GENERIC], progress=progress
            )
        except ExtractRefused:
            raise refusal from None


def link_extracts(
    extracts: Sequence[Extract],
    book: RuleBook,
    model: Model,
    out: Path,
    recorder: Recorder,
) -> LinkRun:
    """Read, link and write the register's files into ``out``, all of them or none."""
    _refuse_if_repeated(extracts)
    material = read_extracts(extracts, book, recorder)
    linked = link(
        material.records,
        book.linkage,
        model,
        single_sources=material.single_sources,
        observer=recorder,
    )
    with recorder.stage("register"):
        ids = crosswalk(linked)
        golden = register(linked, ids, book.linkage)
        links = link_table(linked, book.linkage.matching)
    with recorder.stage("measures"):
        inputs = MeasureInputs(material.records, ids, material.activity)
        measures = all_measures(book, inputs, links)
    with OutputFolder(out) as folder:
        with recorder.stage("write"):
            folder.table("crosswalk.csv", ids)
            folder.table("links.csv", links)
            folder.table("register.csv", golden)
            folder.table("rejects.csv", rejects(material))
        summary = {
            **summarise(material, linked, ids, links),
            "measures": [measure_as_dict(result) for result in measures],
            "rules": {"hash": book.content_hash, "matching": book.linkage.matching.content_hash},
            "model": {"hash": model.content_hash, "trained_on": model.trained_on},
            "versions": versions(),
            "stages": [asdict(cost) for cost in recorder.costs],
        }
        folder.json("summary.json", summary)
    return LinkRun(ids, links, measures, summary)


def _refuse_if_repeated(extracts: Sequence[Extract]) -> None:
    names = [extract.source for extract in extracts]
    for name in names:
        if names.count(name) > 1:
            raise ExtractRefused(name, "", "named_twice", "the source is given twice; name it once")


def rejects(material: Material) -> pd.DataFrame:
    """REJECTS of all extracts, in order of source."""
    frames = [result.rejects for result in material.by_source.values()]
    return pd.concat(frames, ignore_index=True)[list(REJECT_COLUMNS)]


def summarise(
    material: Material, linked: Linked, ids: pd.DataFrame, links: pd.DataFrame
) -> dict[str, Any]:
    """Counts that reconcile: rows = records + rejects, per file."""
    sources = {
        name: {
            "files": [asdict(count) for count in result.files],
            "rows": sum(count.rows for count in result.files),
            "records": len(result.records),
            "children": int((result.records["role"] == "child").sum()),
            "rejects": len(result.rejects),
            "rejects_by_code": _counts(result.rejects["code"]),
            "notes": [asdict(note) for note in result.notes],
            "activity": {kind: len(frame) for kind, frame in result.activity.items()},
        }
        for name, result in material.by_source.items()
    }
    designation = links["designation"]
    return {
        "sources": sources,
        "records": len(material.records),
        "records_of_children": len(ids),
        "candidate_pairs": linked.candidates,
        "blocks_given_up": [asdict(block) for block in linked.given_up],
        "links": int((designation == "link").sum()),
        "possible_links": int((designation == "possible").sum()),
        "children": int(np.unique(linked.clusters.label).size),
    }


def _counts(values: pd.Series) -> Mapping[str, int]:
    return {str(key): int(count) for key, count in sorted(values.value_counts().items())}


def versions() -> dict[str, str]:
    """Versions of this software and of what the numbers depend on."""
    names = ("child-register", "recordlinkage", "jellyfish", "numpy", "pandas", "scipy")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


@cache
def _version(name: str) -> str:
    return version(name)
