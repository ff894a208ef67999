"""What a change moves beside the records that changed: keys, counts, and all that hangs on them.

Records are *touched* that changed, that show a key whose block became too large or no longer
is, or a name that is now commoner or rarer by half a bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, delete, select, tuple_

from api.db.bulk import insert, temporary_table
from api.db.models import BlockingKey
from api.services.extracts.current import records_around
from api.services.register.columns import Numbers, among, columns
from api.services.register.counts import (
    TOTALS,
    Moved,
    adjust_claims,
    blocking_counts,
)
from api.services.register.linker import Linker
from api.services.register.pairs import (
    open_pairs_of,
)
from api.services.register.state import Given
from matcher.company import coverage_bits
from matcher.keys import BIRTH_YEAR, ShownKeys, kept_keys, moved_blocks, sized_keys
from matcher.pipeline import Prepared, Sources
from matcher.population import COHORT, HELD, Claims, Hashes, Population, coarse
from matcher.table import Table

_CHUNK = 500_000
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Side:
    """Some records of children as they are at one time, coded; ``record`` is record.id."""

    record: Numbers
    table: Table
    source: Sources
    sources: list[str]

    @classmethod
    def of(cls, prepared: Prepared) -> "Side":
        """Records that were prepared."""
        return cls(ids_of(prepared), prepared.table, prepared.source, prepared.sources)

    def take(self, at: npt.NDArray[np.intp]) -> "Side":
        """Some of the records."""
        return Side(self.record[at], self.table.take(at), self.source[at], self.sources)


NOBODY = Side(_NONE, Table({}, 0), np.empty(0, dtype=np.int32), [])


@dataclass(frozen=True)
class Part:
    """What moved: records to be compared again, and those whose company says something else.

    ``touched`` are current; ``gone`` were children's records until now; ``seeds`` are the
    records of pairs for which company counts. ``new`` are the changed records as they are.
    """

    touched: Numbers
    gone: Numbers
    seeds: Numbers
    held: dict[str, int]
    new: Side


def find_moved(linker: Linker, before: Given, changed: Numbers) -> Part | None:
    """Bring keys and counts up to date, and find what depends on what moved.

    Nothing if so much moved that everything must be linked: a total, or the floor.
    """
    connection = linker.connection
    old, new = _around(linker, changed)
    coverage = _coverage(linker)
    keys = _update_keys(linker, old, new)
    moved = adjust_claims(connection, linker.kinds, *(_claims(linker, side) for side in (old, new)))
    linker.forget_counts()
    held = _held(before.held, old, new)
    if _coarsely(moved[TOTALS]).any() or linker.floor(Population(held, {}, {})) != before.floor:
        return None
    rarer = [_keys_of_term(linker, term, moved[term]) for term in linker.terms]
    touched = np.union1d(new.record, _showing(connection, np.concatenate([keys, *rarer])))
    years = _years_moved(coverage, _coverage(linker))
    born = kept_keys(linker.lists.index(BIRTH_YEAR), years)
    seeds = open_pairs_of(connection, born) if len(born) else _NONE
    return Part(touched, np.setdiff1d(changed, new.record), seeds, held, new)


def _around(linker: Linker, changed: Numbers) -> tuple[Side, Side]:
    """Changed records of children as they were until now, and as they are."""
    prepared = linker.prepared(records_around(linker.connection, changed, linker.run))
    if prepared is None:
        return NOBODY, NOBODY
    ended = (prepared.records["ended"] == 1).to_numpy()
    side = Side.of(prepared)
    return side.take(np.flatnonzero(ended)), side.take(np.flatnonzero(~ended))


def _claims(linker: Linker, side: Side) -> list[Claims]:
    """What these records claim."""
    if not len(side.record):
        return []
    return linker.claims(side.table, side.source, side.sources)


def ids_of(prepared: Prepared) -> Numbers:
    """record.id of each."""
    return prepared.records["id"].to_numpy(np.int64)


def _update_keys(linker: Linker, old: Side, new: Side) -> Numbers:
    """Write the keys that records show now; the keys of blocks whose pairs are others now."""
    connection = linker.connection
    shown = [ShownKeys(side.table, linker.lists) for side in (old, new) if len(side.record)]
    wanted = [sized_keys(linker.matching, own) for own in shown]
    sized = np.unique(np.concatenate([_NONE, *wanted]))
    before = blocking_counts(connection, sized)
    if len(old.record):
        _forget_keys(connection, *_shown(old, shown[0]))
    if len(new.record):
        key, record = _shown(new, shown[-1])
        insert(connection, BlockingKey, {"key": key, "record": record})
    after = blocking_counts(connection, sized)
    moved = [moved_blocks(linker.matching, own, before, after) for own in shown]
    return np.unique(np.concatenate([_NONE, *moved]))


def _shown(side: Side, shown: ShownKeys) -> tuple[Numbers, Numbers]:
    """Every key with the record that shows it."""
    key, at = shown.all()
    return key, side.record[at]


def _forget_keys(connection: Connection, key: Numbers, record: Numbers) -> None:
    rows = temporary_table(connection, "keys", {"key": key, "record": record}, ("key", "record"))
    mine = tuple_(BlockingKey.key, BlockingKey.record)
    connection.execute(delete(BlockingKey).where(mine.in_(select(rows.c.key, rows.c.record))))


def _held(before: Mapping[str, int], old: Side, new: Side) -> dict[str, int]:
    held = dict(before)
    for sign, side in ((-1, old), (1, new)):
        counts = np.bincount(side.source, minlength=len(side.sources)).tolist()
        for name, records in zip(side.sources, counts, strict=True):
            held[name] = held.get(name, 0) + sign * records
    return {name: records for name, records in held.items() if records > 0}


def _coarsely(moved: Moved) -> npt.NDArray[np.bool_]:
    """Which counts moved so far that weights do."""
    return np.asarray(coarse(moved.before) != coarse(moved.after))


def _keys_of_term(linker: Linker, term: str, moved: Moved) -> Numbers:
    """Keys that show the values which are commoner or rarer now."""
    values = moved.keys[_coarsely(moved)].view(np.uint64)
    return kept_keys(linker.lists.index((term,)), values)


def _showing(connection: Connection, keys: Numbers) -> Numbers:
    """Records that show one of the keys."""
    shown = among(connection, BlockingKey.key, np.unique(keys))
    return np.unique(columns(connection, select(BlockingKey.record).where(shown))[0])


def _coverage(linker: Linker) -> pd.DataFrame:
    """Bits that each source's coverage is worth, by hash of the year."""
    tallies = {kind: linker.counted(kind) for kind in (COHORT, HELD)}
    names = sorted(linker.numbers)
    year = tallies[COHORT].of
    share = Population({}, tallies, {}).coverage(year, names)
    return pd.DataFrame(coverage_bits(share), index=year, columns=names)


def _years_moved(before: pd.DataFrame, after: pd.DataFrame) -> Hashes:
    """Hashes of the years for which some source's coverage is worth more or less now."""
    years = before.index.union(after.index)
    was, now = (side.reindex(years, fill_value=0.0) for side in (before, after))
    return years.to_numpy(dtype=np.uint64)[(was != now).any(axis=1).to_numpy()]
