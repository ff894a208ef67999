"""What ``matching.yaml`` names: rules, comparisons, levels and columns, found by their places.

All of it works on the plain values of a file that may be wrong in any other way, so that
every name in it is looked at, whatever else is to be mended.
"""

from collections.abc import Iterator
from typing import Any

from matcher.rules.document import Location, Mistake

_NAME_COLUMNS = {"key", "against", "narrow_by", "needs", "same", "same_across", "swapped"}
_NAME_COLUMNS |= {"present", "either", "shares", "column", "term_frequency"}


def matching_disagreements(data: Any) -> Iterator[Mistake]:
    """Names given twice, levels out of order, and levels that no earlier comparison has."""
    for at, name in _repeated_names(data, ("blocking",)):
        yield at, f"two blocking rules are called {name!r}"
    for at, name in _repeated_names(data, ("comparisons",)):
        yield at, f"two comparisons are called {name!r}"
    seen: dict[str, set[str] | None] = {}
    for at, comparison in _groups(data, ("comparisons",)):
        yield from _levels_out_of_order(comparison, at)
        yield from _unknown_levels(comparison, at, seen)
        own = comparison.get("name")
        if isinstance(own, str):
            seen[own] = _level_names(comparison)


def named_columns(data: Any) -> Iterator[tuple[Location, str]]:
    """Every column that blocking rules and comparisons name, and where."""
    if isinstance(data, dict):
        for part in ("blocking", "comparisons"):
            yield from _columns(data.get(part), (part,))


def _columns(data: Any, at: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(data, list):
        for number, item in enumerate(data):
            yield from _columns(item, (*at, number))
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        place = (*at, str(key))
        if key in _NAME_COLUMNS:
            names = enumerate(value) if isinstance(value, list) else [(0, value)]
            yield from (((*place, n), name) for n, name in names if isinstance(name, str))
        elif not (key == "levels" and isinstance(value, dict)):  # these name comparisons
            yield from _columns(value, place)


def _groups(data: Any, path: Location) -> Iterator[tuple[Location, dict[Any, Any]]]:
    """The groups of keys in the list at that path, and where each stands."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    if isinstance(data, list):
        for number, item in enumerate(data):
            if isinstance(item, dict):
                yield (*path, number), item


def _repeated_names(data: Any, path: Location) -> Iterator[tuple[Location, str]]:
    """The name of each group of the list that an earlier one has too."""
    seen: set[str] = set()
    for at, group in _groups(data, path):
        if isinstance(name := group.get("name"), str):
            if name in seen:
                yield at, name
            seen.add(name)


def _levels_out_of_order(comparison: dict[Any, Any], at: Location) -> Iterator[Mistake]:
    for place, name in _repeated_names(comparison, ("levels",)):
        yield (*at, *place), f"two levels have the same name {name!r}"
    levels = comparison.get("levels")
    if not isinstance(levels, list) or len(levels) < 2:
        return  # told as a list that is too short
    for place, level in _groups(comparison, ("levels",)):
        last = place == ("levels", len(levels) - 1)
        if last and level.get("when") is not None:
            yield (*at, *place), "the last level takes every other pair, so it has no 'when'"
        elif not last and level.get("when") is None:
            yield (*at, *place), "only the last level may leave out 'when'"


def _unknown_levels(
    comparison: dict[Any, Any], at: Location, seen: dict[str, set[str] | None]
) -> Iterator[Mistake]:
    for place, level in _groups(comparison, ("levels",)):
        for other, names in _level_references(level.get("when")):
            known = seen.get(other, set())
            unknown = set() if known is None else names - known
            if unknown:
                listed = ", ".join(sorted(unknown))
                yield (*at, *place), f"no earlier comparison {other!r} with level {listed}"


def _level_references(condition: Any) -> Iterator[tuple[str, set[str]]]:
    """Comparisons and levels that a condition refers to, itself or in its parts."""
    if isinstance(condition, list):
        for part in condition:
            yield from _level_references(part)
    if not isinstance(condition, dict):
        return
    for part in ("all", "any", "not"):
        yield from _level_references(condition.get(part))
    levels = condition.get("levels")
    for other, names in levels.items() if isinstance(levels, dict) else ():
        if isinstance(other, str) and isinstance(names, list):
            yield other, {name for name in names if isinstance(name, str)}


def _level_names(comparison: dict[Any, Any]) -> set[str] | None:
    """Levels that others may refer to; None while one of them cannot be read."""
    levels = comparison.get("levels")
    if not isinstance(levels, list):
        return None
    names = [level.get("name") if isinstance(level, dict) else None for level in levels]
    known = {name for name in names if isinstance(name, str)}
    return known | {"missing"} if len(known) == len(set(map(str, names))) else None
