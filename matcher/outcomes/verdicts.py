"""Yes, no or unknown, for every member of a cohort, and why unknown.

Conditions combine as in Kleene's logic: no beats unknown in "and", yes beats it in "or".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.crosswalks import Codes

YES, NO, UNKNOWN = 1, 0, -1

REASONS = {
    "meals_unknown": "free school meals not known",
    "results_incomplete": "no score in every goal that the definition needs",
    "results_of_other_framework": "results of another framework than the year's",
    "results_disagree": "results that contradict one another",
    "no_date_of_birth": "no date of birth in any record",
}
"""Codes of the reasons why something is unknown, and what they say."""

_CODES = {name: code for code, name in enumerate(REASONS)}
_NAMES = tuple(REASONS)


@dataclass(frozen=True)
class Verdicts:
    """One status (YES, NO or UNKNOWN) per member, and for UNKNOWN a number for the reason."""

    status: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]

    @classmethod
    def of(cls, yes: npt.NDArray[np.bool_]) -> "Verdicts":
        """Yes or no, nothing unknown."""
        status = np.where(yes, YES, NO).astype(np.int8)
        return cls(status, np.full(len(status), -1, dtype=np.int8))

    def set_unknown(self, where: npt.NDArray[np.bool_], reason: str) -> None:
        """Make members unknown, for the reason; it replaces an earlier one."""
        self.status[where] = UNKNOWN
        self.reason[where] = _CODES[reason]

    def is_(self, status: int) -> npt.NDArray[np.bool_]:
        """Which members have the status."""
        return np.asarray(self.status == status)

    def unknown_as_no(self, kept: frozenset[str]) -> "Verdicts":
        """Unknown becomes no, except for the reasons in ``kept``."""
        codes = [_CODES[name] for name in kept]
        drop = (self.status == UNKNOWN) & ~np.isin(self.reason, codes)
        return Verdicts(
            np.where(drop, NO, self.status).astype(np.int8),
            np.where(drop, -1, self.reason).astype(np.int8),
        )

    def by_unit(self, unit: Codes, every: bool) -> "Verdicts":
        """One verdict per unit: yes if any of its members, or every one, is yes."""
        count = int(unit.max(initial=-1)) + 1
        decisive, other = (NO, YES) if every else (YES, NO)
        status = np.full(count, other, dtype=np.int8)
        status[unit[self.status == UNKNOWN]] = UNKNOWN
        status[unit[self.status == decisive]] = decisive
        reason = np.full(count, -1, dtype=np.int8)
        np.maximum.at(reason, unit, self.reason)
        reason[status != UNKNOWN] = -1
        return Verdicts(status, reason)

    def reasons(self, where: npt.NDArray[np.bool_]) -> dict[str, int]:
        """How many of those members are unknown, by reason."""
        codes = self.reason[where & (self.status == UNKNOWN)]
        counts = np.bincount(codes.astype(np.int64), minlength=len(_NAMES))
        return {name: int(count) for name, count in zip(_NAMES, counts, strict=True) if count}


def all_of(verdicts: list[Verdicts], count: int) -> Verdicts:
    """Yes where all are yes, no where any is no, otherwise unknown for the first reason."""
    result = Verdicts.of(np.ones(count, dtype=bool))
    for one in verdicts:
        first = (one.status == UNKNOWN) & (result.status == YES)
        result.status[first] = UNKNOWN
        result.reason[first] = one.reason[first]
        result.status[one.status == NO] = NO
        result.reason[one.status == NO] = -1
    return result
