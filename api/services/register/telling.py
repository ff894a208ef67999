"""What the comparison of two records may tell somebody, and what its weight may.

A comparison of what may not be seen is hidden: its level, its sentence, and its weight, which
would say whether a guess is right. So is one that refers to such a one, where both records
have a value for that.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from api.services.access.policy import View
from api.services.register.shields import WHEREABOUTS
from matcher.frames import RECORD_TEXT_COLUMNS
from matcher.rules.matching import Comparison, MatchingRules
from matcher.table import MISSING

_FIELDS = (*RECORD_TEXT_COLUMNS, "date_of_birth")
# Standardised columns that are not called after the field that they are made of.
_MADE_OF = {
    "birth_year": "date_of_birth",
    "birth_month": "date_of_birth",
    "birth_day": "date_of_birth",
    "placeholder_date": "date_of_birth",
    "uncertain_day": "date_of_birth",
    "middle_1": "middle_names",
    "prefix_only": "forename",
    "name_prefix": "forename",
    "placeholder_name": "forename",
    "multiple_birth": "forename",
    "family": "family_id",
}


@lru_cache(maxsize=256)
def own_fields(columns: Iterable[str]) -> frozenset[str]:
    """Fields of records that standardised columns are made of."""
    found = set()
    for column in columns:
        made = _MADE_OF.get(column)
        found |= {made} if made else {name for name in _FIELDS if column.startswith(name)}
    return frozenset(found)


class Telling:
    """Which comparisons may be told of, for what somebody may see; no view bars no source."""

    def __init__(self, rules: MatchingRules, view: View | None) -> None:
        self._view = view
        self.fields = {one.name: own_fields(frozenset(one.columns)) for one in rules.comparisons}
        self._refers = {one.name: refers(one) for one in rules.comparisons}
        self._barred: dict[tuple[frozenset[str], bool], frozenset[str]] = {}

    def hidden(
        self, sources: Collection[str], placeless: bool, levels: Mapping[str, int]
    ) -> frozenset[str]:
        """Comparisons of two records that may not be told of.

        ``sources`` are those of the two, ``levels`` what each comparison found; ``placeless``
        says that the place of either may not be told.
        """
        barred = self._barred_of(frozenset(sources), placeless)
        told = {name for name in barred if levels[name] != MISSING}
        return barred | {name for name, others in self._refers.items() if others & told}

    def _barred_of(self, sources: frozenset[str], placeless: bool) -> frozenset[str]:
        known = self._barred.get((sources, placeless))
        if known is None:
            known = frozenset(
                name
                for name, fields in self.fields.items()
                if (placeless and not fields.isdisjoint(WHEREABOUTS))
                or not all(self._may_see(one, field) for one in sources for field in fields)
            )
            self._barred[sources, placeless] = known
        return known

    def _may_see(self, source: str, field: str) -> bool:
        return self._view is None or self._view.may_see(source, field)


def refers(comparison: Comparison) -> frozenset[str]:
    """The comparisons that another's levels are made of, such as a case of several together."""
    whens = [level.when for level in comparison.levels if level.when is not None]
    return frozenset().union(*(when.level_references.keys() for when in whens))
