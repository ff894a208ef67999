"""Conditions of comparison levels as SQL, read by DuckDB and by Spark alike.

The two sides of a pair are columns such as ``forename_l`` and ``forename_r``. Where a value
is missing a condition may come out as NULL, which counts as false; only ``not`` has to say so.

Values are standardised texts: not empty, words parted by single spaces.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from matcher.compare.conditions import ROUNDING
from matcher.rules.matching import Comparison, Condition, Edits, Similarity, StartsWith
from matcher.scale import letters


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine's own functions. ``overlap`` is of two arrays.

    Spelling functions are named only where they give what jellyfish gives for plain ASCII.
    """

    name: str
    overlap: str
    jaro_winkler: str | None = None
    damerau_levenshtein: str | None = None


DUCKDB = Dialect("duckdb", "list_has_any", "jaro_winkler_similarity", "damerau_levenshtein")
# The Jaro–Winkler that Splink brings to Spark counts half a transposition where others count
# none, and Spark calls into Python for every row, whichever branch a row takes.
SPARK = Dialect("spark", "arrays_overlap")


@dataclass(frozen=True)
class ConditionCompiler:
    """Compiles conditions; ``comparisons`` are those whose levels a condition may refer to."""

    dialect: Dialect
    comparisons: Mapping[str, Comparison]

    def sql(self, condition: Condition) -> str:
        """The condition as SQL: true where it holds, false or NULL elsewhere."""
        if condition.same is not None:
            return _all(_equal(column, column) for column in condition.same)
        if condition.same_across is not None:
            one, other = condition.same_across
            return _any([_equal(one, other), _equal(other, one)])
        if condition.swapped is not None:
            one, other = condition.swapped
            return _all([_equal(one, other), _equal(other, one)])
        if condition.jaro_winkler is not None:
            return self._jaro_winkler(condition.jaro_winkler)
        if condition.edits is not None:
            return self._edits(condition.edits)
        if condition.starts_with is not None:
            return _starts_with(condition.starts_with)
        if condition.shares is not None:
            words = (f"split({condition.shares}_{side}, ' ')" for side in "lr")
            return f"{self.dialect.overlap}({', '.join(words)})"
        if condition.present is not None:
            return _all(f"{column}_{s} IS NOT NULL" for column in condition.present for s in "lr")
        if condition.either is not None:
            return _any(f"{condition.either}_{side} IS NOT NULL" for side in "lr")
        if condition.negate is not None:
            return f"NOT coalesce({self.sql(condition.negate)}, FALSE)"
        if condition.levels is not None:
            return self._levels(condition.levels)
        if condition.all is not None:
            return _all(map(self.sql, _cheap_first(condition.all)))
        return _any(map(self.sql, _cheap_first(condition.any or [])))

    def lacks(self, columns: Sequence[str]) -> str:
        """Whether a value of one of the columns is missing on either side."""
        if not columns:
            return "FALSE"
        return _any(f"{column}_{side} IS NULL" for column in columns for side in "lr")

    def _jaro_winkler(self, rule: Similarity) -> str:
        own = _measured(self.dialect.jaro_winkler, letters.SIMILARITY, rule.column)
        return f"{own} >= {rule.at_least - ROUNDING!r}"

    def _edits(self, rule: Edits) -> str:
        own = _measured(self.dialect.damerau_levenshtein, letters.DISTANCE, rule.column)
        return _all([_long_enough(rule), f"{own} <= {rule.at_most}"])

    def _levels(self, wanted: Mapping[str, list[str]]) -> str:
        rules = [self.comparisons[name] for name in wanted]
        rules.sort(key=lambda rule: any(x.when and x.when.is_costly for x in rule.levels))
        return _all(self._reaches(rule, set(wanted[rule.name])) for rule in rules)

    def _reaches(self, rule: Comparison, wanted: set[str]) -> str:
        """Whether the pair's level of a comparison is one of those wanted."""
        steps = [(self.lacks(rule.needs), "missing")] if rule.needs else []
        steps += [(self.sql(x.when) if x.when else "", x.name) for x in rule.levels]
        # Neighbours with the same answer make one step; the last step takes all the rest.
        runs = [
            (answer, [sql for sql, _ in run])
            for answer, run in groupby(steps, key=lambda step: step[1] in wanted)
        ]
        cases = [f"WHEN {_any(tests)} THEN {_truth(answer)}" for answer, tests in runs[:-1]]
        last = _truth(runs[-1][0])
        return f"(CASE {' '.join(cases)} ELSE {last} END)" if cases else last


def _equal(left: str, right: str) -> str:
    return f"{left}_l = {right}_r"


def _long_enough(rule: Edits | StartsWith) -> str:
    return _all(f"length({rule.column}_{side}) >= {rule.min_length}" for side in "lr")


def _starts_with(rule: StartsWith) -> str:
    l, r = f"{rule.column}_l", f"{rule.column}_r"
    begins = _any([f"left({l}, length({r})) = {r}", f"left({r}, length({l})) = {l}"])
    return _all([_long_enough(rule), begins])


def _measured(own: str | None, of_letters: str, column: str) -> str:
    """The engine's own function where both texts are ASCII, for it may count bytes."""
    l, r = f"{column}_l", f"{column}_r"
    if own is None:
        return f"{of_letters}({l}, {r})"
    ascii_ = _all(f"bit_length({text}) = 8 * length({text})" for text in (l, r))
    return f"(CASE WHEN {ascii_} THEN {own}({l}, {r}) ELSE {of_letters}({l}, {r}) END)"


def _cheap_first(parts: list[Condition]) -> list[Condition]:
    return sorted(parts, key=lambda part: part.is_costly)


def _all(parts: Iterable[str]) -> str:
    return _joined(" AND ", parts)


def _any(parts: Iterable[str]) -> str:
    return _joined(" OR ", parts)


def _joined(word: str, parts: Iterable[str]) -> str:
    given = list(parts)
    return given[0] if len(given) == 1 else f"({word.join(given)})"


def _truth(answer: bool) -> str:
    return "TRUE" if answer else "FALSE"
