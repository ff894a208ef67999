"""Rows of an extract that may be of a shielded child, before they are let in.

Whoever may bring extracts could look for a shielded child as whoever may put records could:
by rows with its name and guessed places. What is linked by an extract is told of as ever, so
one with such rows is let in by somebody only who may know the place anyway.
"""

import re
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import SearchEntry
from api.services.register.columns import Numbers
from api.services.register.lookalikes import nearness_to_shielded
from api.services.register.shields import PLACES, leading_records
from api.services.register.standing import Standing
from api.services.register.weighing import SAID, Person, Positions
from matcher.rules.values import ValueRules
from matcher.standardise.values import is_placeholder_date

# As far as is counted.
MOST = 20
_AT_ONCE = 5_000
_NAMES = ("forename", "surname", "known_as", "name")
_NUMBERS = ("nhs_number", "upn", "former_upn")
_WORDS = re.compile(r"[^\W\d_]+")


def count_lookalike_rows(connection: Connection, records: pd.DataFrame) -> int:
    """How many of these RECORDS might be linked to a shielded child, or wait to be.

    At its own place, whatever place they give. `MOST` if there are more.
    """
    shielded = leading_records(connection)
    standing = Standing.at(connection) if len(shielded) else None
    if standing is None:
        return 0
    listed, known = _known(connection, shielded)
    found: set[int] = set()
    homes = _homes_alone(records, standing.linkage.values)
    pairs = _sharing(records, known, homes, listed)
    while len(found) < MOST and (some := list(islice(pairs, _AT_ONCE))):
        said = {at: _said(records, at) for at in {at for at, _ in some}}
        near = nearness_to_shielded(
            connection,
            standing,
            [said[at] for at, _ in some],
            np.array([other for _, other in some], dtype=np.int64),
        ).may_be
        found |= {at for (at, _), one in zip(some, near.tolist(), strict=True) if one}
    return min(len(found), MOST)


def _known(connection: Connection, shielded: Numbers) -> tuple[set[int], dict[str, set[int]]]:
    """Shielded records that say something now, all and by what is looked for.

    That is by starts of names, birthdays and numbers.
    """
    query = select(
        SearchEntry.record,
        SearchEntry.forename,
        SearchEntry.surname,
        SearchEntry.date_of_birth,
        SearchEntry.nhs_number,
        SearchEntry.upn,
    ).where(among(SearchEntry.record, shielded))
    listed: set[int] = set()
    found: dict[str, set[int]] = {}
    for record, forename, surname, *plain in connection.execute(query):
        listed.add(record)
        starts = [name[:4] for name in (forename, surname) if name]
        for key in [*starts, *filter(None, plain)]:
            found.setdefault(key, set()).add(record)
    return listed, found


def _homes_alone(records: pd.DataFrame, rules: ValueRules) -> Positions:
    """Rows with a home and no usable birthday, by position: these may be linked by it alone."""
    codes, days = pd.factorize(records["date_of_birth"])
    usable = [not is_placeholder_date(str(day)[:10], rules) for day in days]
    homes = [records[name].astype(object).fillna("").to_numpy() != "" for name in PLACES]
    return np.flatnonzero(~np.array([*usable, False])[codes] & np.any(homes, axis=0))


def _sharing(
    records: pd.DataFrame, known: dict[str, set[int]], homes: Positions, all_: set[int]
) -> Iterator[tuple[int, int]]:
    """Rows, by position, with shielded records that share anything with them but a place.

    Those at ``homes`` with all of them.
    """
    near: dict[int, set[int]] = {at: set(all_) for at in homes.tolist()}
    for name in (*_NAMES, *_NUMBERS, "date_of_birth"):
        codes, values = pd.factorize(records[name])
        hits = [_met(name, value, known) for value in values]
        met = np.array([bool(one) for one in [*hits, ()]])
        for at in np.flatnonzero(met[codes]).tolist():
            near.setdefault(at, set()).update(hits[codes[at]])
    for at in sorted(near):
        for record in sorted(near[at]):
            yield at, record


def _met(name: str, value: object, known: dict[str, set[int]]) -> set[int]:
    if name == "date_of_birth":
        return known.get(str(value)[:10], set())
    text = str(value).upper()
    if name in _NUMBERS:
        return known.get(re.sub(r"[\s-]", "", text), set())
    found: set[int] = set()
    for word in [*_WORDS.findall(text), re.sub(r"[\W\d_]", "", text)]:
        found |= known.get(word[:4], set())
    return found


def _said(records: pd.DataFrame, at: int) -> Person:
    row, said = records.iloc[at], {}
    for name in SAID:
        value = row[name]
        if not pd.isna(value) and value != "":
            said[name] = str(value)[:10] if name == "date_of_birth" else str(value)
    return said
