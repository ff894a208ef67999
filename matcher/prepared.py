"""Records of children in the order of their keys, standardised and coded."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.errors import DataError
from matcher.families import FAMILY_COLUMNS
from matcher.rules.library import LinkageRules
from matcher.rules.matching import MatchingRules
from matcher.standardise import PLACE_COLUMNS, Standardiser
from matcher.table import Mask, Positions, Table

Sources = npt.NDArray[np.int32]

# Columns that counting children and telling families need, whatever the rules compare.
_ALWAYS = {"forename", "forename_4", "prefix_only"} | FAMILY_COLUMNS


def compared_columns(rules: MatchingRules) -> set[str]:
    """Standardised columns that linking by these rules looks at."""
    return rules.columns | _ALWAYS


@dataclass(frozen=True)
class Coded:
    """Records of children in key order, standardised and coded.

    ``source`` is the number of each record's source in ``sources``; ``single`` says, by
    that number, whether the source holds each child once.
    """

    table: Table
    source: Sources
    sources: list[str]
    single: Mask

    @property
    def single_sources(self) -> set[str]:
        """Names of the sources that hold each child once."""
        return {name for name, once in zip(self.sources, self.single, strict=True) if once}

    def group(self, l: Positions, r: Positions) -> npt.NDArray[np.int64]:
        """The group of each pair: the source that holds both, or the last one."""
        within = self.source[l] == self.source[r]
        return np.where(within, self.source[l], len(self.single)).astype(np.int64)


@dataclass(frozen=True)
class Prepared(Coded):
    """The same, with the records and what they say as frames, row by row."""

    records: pd.DataFrame
    standardised: pd.DataFrame

    def take(self, at: npt.NDArray[np.intp]) -> "Prepared":
        """Some of the records."""
        return replace(
            self,
            table=self.table.take(at),
            source=self.source[at],
            records=self.records.iloc[at].reset_index(drop=True),
            standardised=self.standardised.iloc[at].reset_index(drop=True),
        )


def prepare(
    records: pd.DataFrame,
    rules: LinkageRules,
    single_sources: Collection[str],
    standardiser: Standardiser | None = None,
) -> Prepared:
    """Children's records in order of (source, record_id), standardised and coded.

    A column ``unplaced`` may mark those whose place is not compared; it still counts for golden
    values. ``standardiser`` is one by the same rules, if there is one that remembers.
    Raises DataError if a key occurs twice or no child is left.
    """
    children = records[(records["role"] == "child").to_numpy()]
    if children.empty:
        raise DataError("no record of a child was read, so there is nothing to link")
    children, number = _in_key_order(children)
    standardiser = standardiser or Standardiser(rules.names, rules.values)
    standardised = standardiser.frame(children)
    wanted = compared_columns(rules.matching)
    table = placed(children, Table.of(standardised, wanted, rules.matching.crossings))
    sources = [str(name) for name in children["source"].cat.categories]
    single = np.array([name in single_sources for name in sources])
    return Prepared(table, number, sources, single, children, standardised)


def placed(records: pd.DataFrame, table: Table) -> Table:
    """The table of these records without the places of those that are ``unplaced``."""
    if "unplaced" not in records:
        return table
    return table.without(PLACE_COLUMNS, records["unplaced"].to_numpy(dtype=np.bool_))


def _in_key_order(records: pd.DataFrame) -> tuple[pd.DataFrame, Sources]:
    """Records by source, then record id, and the number of each one's source."""
    source = records["source"].cat.remove_unused_categories()
    source = source.cat.reorder_categories(sorted(source.cat.categories))
    number = source.cat.codes.to_numpy().astype(np.int32)
    keys: list[str] = records["record_id"].tolist()
    of_source = [np.flatnonzero(number == one) for one in range(len(source.cat.categories))]
    # Python's sort is quick where extracts are in order already, as most are.
    order = np.concatenate(
        [np.array(sorted(at.tolist(), key=keys.__getitem__), dtype=np.intp) for at in of_source]
    )
    ordered = records.iloc[order].reset_index(drop=True)
    ordered["source"] = source.iloc[order].array
    number = number[order]
    ids = ordered["record_id"].to_numpy()
    if np.any((ids[1:] == ids[:-1]) & (number[1:] == number[:-1])):
        raise DataError("a record id occurs twice in one source")
    return ordered, number
