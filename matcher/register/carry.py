"""Which child each new cluster is: ids carried over by the records that held them.

A cluster goes on as the child that most of its records were, the older one if two had as
many. Of clusters with as many records of a child, the one goes on whose records were of it
first: what came by a mistaken merge leaves without the id. A cluster that nothing leads on
takes back the id of a child that its records once were and that has ended since, so that a
merge can be undone. What is left is founded anew, by its first record.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.register.ids import founded_ids

Labels = npt.NDArray[np.int64]
Key = tuple[str, str]


@dataclass(frozen=True)
class Succession:
    """Some records of ``child`` are now of ``successor``; merged if none stayed."""

    child: str
    successor: str
    merged: bool


@dataclass(frozen=True)
class Carried:
    """``child`` of each record. ``founded`` and ``restored`` ids begin, ``ended`` ones end."""

    child: list[str]
    founded: list[str]
    restored: list[str]
    ended: list[str]
    successions: list[Succession]


def carry_ids(
    label: Labels,
    keys: Sequence[Key],
    before: Sequence[str | None],
    since: Sequence[int],
    once: Mapping[int, Collection[str]],
    age: Mapping[str, int],
    left: Iterable[str],
    taken: Callable[[list[str]], Collection[str]],
) -> Carried:
    """Ids of clusters.

    Args:
        label: the cluster of each record, in key order; a number of its own choice.
        keys: source and record id of each record.
        before: the child that each record was until now.
        since: the run in which it became that; 0 if it was none.
        once: by position, ended children that the record belonged to before that.
        age: by child, the run that founded it.
        left: children that records belonged to which are no longer there.
        taken: which of some ids were ever given, and may not be founded again.
    """
    clusters = label.tolist()
    led: dict[int, Counter[str]] = defaultdict(Counter)
    first: dict[tuple[int, str], int] = {}
    for cluster, own, run in zip(clusters, before, since, strict=True):
        if own:
            led[cluster][own] += 1
            first[cluster, own] = min(run, first.get((cluster, own), run))
    child = _matched(led, age, first)
    held = {b for b in before if b} | set(left)
    past: dict[int, Counter[str]] = defaultdict(Counter)
    for at, ended_before in once.items():
        if clusters[at] not in child:
            past[clusters[at]].update(b for b in ended_before if b not in held)
    restored = _matched(past, age, {})
    child |= restored
    founders: dict[int, Key] = {}
    for cluster, key in zip(clusters, keys, strict=True):
        if cluster not in child:
            founders.setdefault(cluster, key)
    founded = _found(founders, taken)
    child |= founded
    now = [child[cluster] for cluster in clusters]
    ended = sorted(held - set(now))
    return Carried(
        now, sorted(founded.values()), sorted(restored.values()), ended, _successions(before, now)
    )


def _matched(
    counts: Mapping[int, Counter[str]],
    age: Mapping[str, int],
    first: Mapping[tuple[int, str], int],
) -> dict[int, str]:
    """One child for each cluster at most, and one cluster for each child: most records first.

    Then the older child, and the cluster that held the child ``first``, by cluster and child.
    """
    ranked = sorted(
        (-records, age.get(child, 0), first.get((cluster, child), 0), cluster, child)
        for cluster, found in counts.items()
        for child, records in found.items()
    )
    result: dict[int, str] = {}
    used: set[str] = set()
    for *_, cluster, child in ranked:
        if cluster not in result and child not in used:
            result[cluster] = child
            used.add(child)
    return result


def _found(
    founders: Mapping[int, Key], taken: Callable[[list[str]], Collection[str]]
) -> dict[int, str]:
    """The ids that first records found; another one wherever that was given before."""
    found: dict[int, str] = {}
    attempt = 0
    waiting = dict(founders)
    while waiting:
        ids = founded_ids(list(waiting.values()), attempt=attempt)
        tried = dict(zip(waiting, ids, strict=True))
        given = {*taken(sorted(tried.values())), *found.values()}
        for cluster, own in tried.items():
            if own not in given:
                found[cluster] = own
                given.add(own)
                del waiting[cluster]
        attempt += 1
    return found


def _successions(before: Sequence[str | None], now: Sequence[str]) -> list[Succession]:
    moves = {(old, new) for old, new in zip(before, now, strict=True) if old and old != new}
    stayed = set(now)
    return [Succession(old, new, merged=old not in stayed) for old, new in sorted(moves)]
