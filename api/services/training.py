"""Estimate a model from extracts."""

from collections.abc import Sequence
from pathlib import Path

from api.services.evaluating import read_table
from api.services.linking import Extract, read_extracts
from api.services.observe import Recorder
from api.services.output import folder_of
from api.services.rules import RuleBook, shipped_model
from matcher.errors import DataError, ModelError
from matcher.rules.model import Model
from matcher.train import train


def train_model(
    extracts: Sequence[Extract],
    book: RuleBook,
    truth: Path | None,
    seed: int,
    out: Path,
    recorder: Recorder,
) -> Model:
    """Read extracts, estimate a model and write it to ``out``.

    Without truth, training starts from the shipped model if that fits the rules.
    """
    persons = None
    if truth is not None:
        table = read_table(truth)
        missing = {"source", "record_id", "person_id"} - set(table.columns)
        if missing:
            raise DataError(f"{truth.name} has no column {', '.join(sorted(missing))}")
        if table.duplicated(["source", "record_id"]).any():
            raise DataError(f"{truth.name} names a record twice")
        persons = table.set_index(["source", "record_id"])["person_id"]
    try:
        base = shipped_model(book)
    except ModelError:
        base = None
    material = read_extracts(extracts, book, recorder)
    model = train(
        material.records,
        book.linkage,
        single_sources=material.single_sources,
        truth=persons,
        base=base,
        seed=seed,
        name=f"{len(material.records)} records of {', '.join(sorted(material.by_source))}",
        observer=recorder,
    )
    with folder_of(out) as folder:
        folder.text(out.name, model.to_yaml())
    return model
