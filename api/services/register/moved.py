"""What a change moves beside the records that changed: keys, counts, and all that hangs on them.

Records are *touched* that changed, or that show a key whose block became too large or no
longer is. Beside them are those that show a name which is now commoner or rarer by half a bit:
only their pairs with each other weigh something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, bindparam, delete, select, tuple_

from api.db.among import among
from api.db.bulk import insert, temporary_table
from api.db.models import BlockingKey
from api.services.register.columns import Numbers, columns
from api.services.register.counts import (
    TOTALS,
    Moved,
    adjust_claims,
    blocking_counts,
    looked_up,
)
from api.services.register.linker import Linker
from api.services.register.pairs import open_pairs_of
from api.services.register.sides import Side, sides_around
from api.services.register.state import Given
from matcher.company import coverage_bits
from matcher.keys import BIRTH_YEAR, Count, kept_keys, moved_blocks, sized_keys
from matcher.population import COHORT, HELD, Claims, Hashes, Population, Tally, coarse

# Up to so many keys are deleted one by one.
_FEW_KEYS = 1_000
_NONE = np.empty(0, dtype=np.int64)

# Keys, and the record that shows each.
Shown = tuple[Numbers, Numbers]


@dataclass(frozen=True)
class Part:
    """What moved: records to be compared again, and those whose company says something else.

    ``touched`` are current and to be compared with all, ``named`` with each other only;
    ``gone`` were children's records until now; ``seeds`` are the records of pairs for which
    company counts. ``new`` are the changed records as they are, and
    ``shown_by`` counts the records that show a key, of those ``counted``, in order: all of theirs.
    """

    touched: Numbers
    named: Numbers
    gone: Numbers
    seeds: Numbers
    held: dict[str, int]
    new: Side
    shown_by: Count
    counted: Numbers

    def shown(self, linker: Linker, side: Side) -> Count:
        """How many records show each key that these look for."""
        others = np.setdiff1d(sized_keys(linker.matching, side.shown), self.counted)
        if not len(others):
            return self.shown_by
        more = blocking_counts(linker.connection, others)

        def count(wanted: Numbers) -> Numbers:
            known = np.isin(wanted, self.counted)
            return np.where(known, self.shown_by(wanted), more(wanted))

        return count


def find_moved(linker: Linker, given: Given, changed: Numbers) -> Part | None:
    """Bring keys and counts up to date, and find what depends on what moved.

    Nothing if so much moved that everything must be linked: a total, or the floor.
    """
    connection = linker.connection
    old, new = sides_around(linker, changed)
    before = _years(linker)
    keys, counted, shown_by = _update_keys(linker, old, new)
    moved = adjust_claims(connection, linker.kinds, *(_claims(linker, side) for side in (old, new)))
    held = _held(given.held, old, new)
    born = _NONE.view(np.uint64)
    if any(len(one.keys) for one in moved.values()):
        linker.forget_counts()
        born = _years_moved(_coverage(linker, before), _coverage(linker, _years(linker)))
    if _coarsely(moved[TOTALS]).any() or linker.floor(Population(held, {}, {})) != given.floor:
        return None
    rarer = [_NONE, *(_keys_of_term(linker, term, moved[term]) for term in linker.terms)]
    touched = np.union1d(new.record, _showing(connection, keys))
    named = np.setdiff1d(_showing(connection, np.concatenate(rarer)), touched)
    if not linker.matching.rarity_is_shared:
        touched, named = np.union1d(touched, named), _NONE
    years = kept_keys(linker.lists.index(BIRTH_YEAR), born)
    seeds = open_pairs_of(connection, years) if len(years) else _NONE
    gone = np.setdiff1d(changed, new.record)
    return Part(touched, named, gone, seeds, held, new, shown_by, counted)


def _claims(linker: Linker, side: Side) -> list[Claims]:
    """What these records claim."""
    if not len(side.record):
        return []
    return linker.claims(side.coded)


def _update_keys(linker: Linker, old: Side, new: Side) -> tuple[Numbers, Numbers, Count]:
    """Write the keys that records show now; those of blocks whose pairs are others now.

    Also how many records show each key that either side looks for, from now on, and which those
    keys are.
    """
    connection = linker.connection
    shown = [side.shown for side in (old, new) if len(side.record)]
    wanted = [sized_keys(linker.matching, own) for own in shown]
    counted = np.unique(np.concatenate([_NONE, *wanted]))
    before = blocking_counts(connection, counted)
    gone, come = _differing(_shown(old), _shown(new))
    _forget_keys(connection, *gone)
    insert(connection, BlockingKey, {"key": come[0], "record": come[1]})
    after = _adjusted(before, gone[0], come[0])
    moved = [moved_blocks(linker.matching, own, before, after) for own in shown]
    return np.unique(np.concatenate([_NONE, *moved])), counted, after


def _shown(side: Side) -> Shown:
    """Every key with the record that shows it."""
    if not len(side.record):
        return _NONE, _NONE
    key, at = side.shown.all()
    return key, side.record[at]


def _differing(one: Shown, other: Shown) -> tuple[Shown, Shown]:
    """Keys with their records that only the one shows, and that only the other does."""
    key, record = (np.concatenate(parts) for parts in zip(one, other, strict=True))
    order = np.lexsort((record, key))
    same = (key[order[1:]] == key[order[:-1]]) & (record[order[1:]] == record[order[:-1]])
    alone = np.ones(len(key), dtype=bool)
    alone[order[1:][same]] = alone[order[:-1][same]] = False
    first = alone & (np.arange(len(key)) < len(one[0]))
    second = alone & ~first
    return (key[first], record[first]), (key[second], record[second])


def _adjusted(count: Count, gone: Numbers, come: Numbers) -> Count:
    """Counts by key after some went and others came."""
    keys, at = np.unique(np.concatenate([gone, come]), return_inverse=True)
    by = np.repeat([-1, 1], [len(gone), len(come)])
    more = looked_up(keys, np.bincount(at, by, len(keys)).astype(np.int64))
    return lambda wanted: count(wanted) + more(wanted)


def _forget_keys(connection: Connection, key: Numbers, record: Numbers) -> None:
    if not len(key):
        return
    if len(key) <= _FEW_KEYS:
        # A temporary table would cost more, and make SQLite plan every statement anew.
        one = (BlockingKey.key == bindparam("its_key")) & (BlockingKey.record == bindparam("of"))
        rows = zip(key.tolist(), record.tolist(), strict=True)
        gone = [{"its_key": one_key, "of": of} for one_key, of in rows]
        connection.execute(delete(BlockingKey).where(one), gone)
        return
    table = temporary_table(connection, "keys", {"key": key, "record": record}, ("key", "record"))
    mine = tuple_(BlockingKey.key, BlockingKey.record)
    connection.execute(delete(BlockingKey).where(mine.in_(select(table.c.key, table.c.record))))


def _held(before: Mapping[str, int], old: Side, new: Side) -> dict[str, int]:
    held = dict(before)
    for sign, side in ((-1, old), (1, new)):
        sources = side.coded.sources
        counts = np.bincount(side.coded.source, minlength=len(sources)).tolist()
        for name, records in zip(sources, counts, strict=True):
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
    if not len(keys):
        return keys
    shown = among(BlockingKey.key, np.unique(keys))
    return np.unique(columns(connection, select(BlockingKey.record).where(shown))[0])


def _years(linker: Linker) -> dict[str, Tally]:
    """Children by year of birth, and by year and source."""
    return {kind: linker.counted(kind) for kind in (COHORT, HELD)}


def _coverage(linker: Linker, tallies: Mapping[str, Tally]) -> pd.DataFrame:
    """Bits that each source's coverage is worth, by hash of the year."""
    names = sorted(linker.numbers)
    year = tallies[COHORT].of
    share = Population({}, tallies, {}).coverage(year, names)
    return pd.DataFrame(coverage_bits(share), index=year, columns=names)


def _years_moved(before: pd.DataFrame, after: pd.DataFrame) -> Hashes:
    """Hashes of the years for which some source's coverage is worth more or less now."""
    years = before.index.union(after.index)
    was, now = (side.reindex(years, fill_value=0.0) for side in (before, after))
    return years.to_numpy(dtype=np.uint64)[(was != now).any(axis=1).to_numpy()]
