"""What every engine takes and gives, and our own engine.

Engines get the same RECORDS. ``plain_table`` is what the peers see of them: the same values,
cleaned as their documentation asks (one case, no punctuation or accents, names apart, dates
as ISO text, postcodes with one space).
"""

import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from api.services.rules import RuleBook
from benchmarks.sets import LabelledSet
from matcher.deciding import Linked
from matcher.links import link_table
from matcher.pipeline import crosswalk, link
from matcher.rules.model import Model
from matcher.standardise.names import split_name
from matcher.train import train

Positions = npt.NDArray[np.int64]
# A column of which two random values are alike more often than this blocks nothing.
COMMONEST = 0.02
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")


@dataclass(frozen=True)
class Outcome:
    """What one engine made of a set.

    Either ``child_id`` (one cluster per record, in the order of the set's truth) or, from an
    engine that designates pairs and stops there, ``pairs`` (two arrays of positions).
    ``links`` has the columns of links.csv where the engine gives match probabilities.
    """

    engine: str
    setting: str
    seconds: float
    child_id: npt.NDArray[np.object_] | None = None
    pairs: tuple[Positions, Positions] | None = None
    links: pd.DataFrame | None = None
    details: dict[str, object] = field(default_factory=dict)


def ours(labelled: LabelledSet, book: RuleBook, model: Model, setting: str) -> Outcome:
    """The shipped rules with a model: records to clusters and links."""
    return ours_with_linked(labelled, book, model, setting)[0]


def ours_with_linked(
    labelled: LabelledSet, book: RuleBook, model: Model, setting: str
) -> tuple[Outcome, Linked]:
    """The outcome, and everything that the run found out."""
    begun = time.perf_counter()
    linked = link(labelled.records, book.linkage, model, single_sources=labelled.single)
    ids = crosswalk(linked)
    links = link_table(linked, book.linkage.matching)
    seconds = time.perf_counter() - begun
    found = labelled.truth[["source", "record_id"]].merge(
        ids.astype({"source": str}), on=["source", "record_id"], how="left", validate="1:1"
    )
    outcome = Outcome(
        "this",
        setting,
        seconds,
        child_id=found["child_id"].to_numpy(dtype=object),
        links=links,
        details={"candidate_pairs": linked.candidates},
    )
    return outcome, linked


def trained_without_labels(labelled: LabelledSet, book: RuleBook, base: Model) -> Model:
    """A model estimated from the set's own records, nobody telling who is who."""
    return train(labelled.records, book.linkage, single_sources=labelled.single, base=base)


def plain_table(records: pd.DataFrame) -> pd.DataFrame:
    """unique_id, source_dataset and the cleaned columns that hold anything, as text or None.

    forename, middle, surname, full_name, dob, sex, nhs_number, upn, address, house_number,
    postcode. ``unique_id`` is the position of the record.
    """
    children = records[(records["role"] == "child").to_numpy()]
    whole = children["name"].astype(object).to_numpy()
    order = children["name_order"].astype(object).to_numpy()
    split = [
        split_name(name, position if isinstance(position, str) else None)
        if isinstance(name, str)
        else ("", "")
        for name, position in zip(whole, order, strict=True)
    ]
    apart = pd.DataFrame(split, columns=["forename", "surname"], index=children.index)
    table = pd.DataFrame(
        {
            "unique_id": np.flatnonzero((records["role"] == "child").to_numpy()),
            "source_dataset": children["source"].astype(str),
        }
    )
    for column in ("forename", "surname"):
        own = children[column].astype(object)
        table[column] = _each(own.where(own.notna(), apart[column]), _words)
    table["middle"] = _each(children["middle_names"], _words)
    full = table["forename"].str.cat(table["surname"], sep=" ")
    table["full_name"] = full.astype(object).where(full.notna(), None)
    birth = children["date_of_birth"].dt.strftime("%Y-%m-%d")
    table["dob"] = birth.astype(object).where(birth.notna(), None)
    for column in ("sex", "nhs_number", "upn"):
        table[column] = _each(children[column], str.upper)
    table["address"] = _each(children["address"], _words)
    table["house_number"] = _each(table["address"], _house_number)
    table["postcode"] = _each(children["postcode"], _postcode)
    kept = [column for column in table if table[column].notna().any()]
    return table[kept].reset_index(drop=True)


def tells(table: pd.DataFrame, name: str) -> bool:
    """Whether a column is there and tells people apart: two rarely share a value by chance."""
    if name not in table:
        return False
    shares = table[name].value_counts(normalize=True).to_numpy()
    return bool((shares**2).sum() < COMMONEST)


def _each(values: pd.Series, function: Callable[[str], str]) -> pd.Series:
    """The function's result for each distinct value; None where there is none."""
    distinct = {value: function(value) or None for value in values.dropna().unique()}
    return values.astype(object).map(distinct).astype(object).where(values.notna(), None)


def _words(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).upper()
    return " ".join(re.sub(r"[^A-Z0-9 ]", " ", plain.replace("'", "")).split())


def _house_number(address: str) -> str:
    found = re.search(r"\b[0-9]+[A-Z]?\b", address)
    return found[0] if found else ""


def _postcode(text: str) -> str:
    compact = re.sub(r"[^A-Z0-9]", "", text.upper())
    found = _POSTCODE.fullmatch(compact)
    return f"{found[1]} {found[2]}" if found else compact
