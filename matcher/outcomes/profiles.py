"""Profiles of disclosure control: which counts are small, and how others are rounded.

They are those of published guidance: NHS England's for statistics on children (1 to 7 hidden,
others to the nearest 5), rounding to 5 with 1 to 4 hidden, and a threshold of 10.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ProfileName = Literal["none", "nhs_digital", "round5", "threshold10"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts from 1 to ``hidden`` are hidden; others are rounded to a multiple of ``base``."""

    name: ProfileName
    hidden: int
    base: int
    sentence: str

    def hides(self, count: int) -> bool:
        """Whether a count is too small to be told."""
        return 1 <= count <= self.hidden

    def count(self, count: int) -> int | None:
        """The count as it may be told; None if it may not."""
        if self.hides(count):
            return None
        return (count + self.base // 2) // self.base * self.base

    def span(self, count: int) -> tuple[int, int]:
        """Between what a count lies that is told, as anybody can tell who knows the profile."""
        told, off = self.count(count), self.base // 2
        if not told:
            return count, count
        return max(self.hidden + 1, told - off), told + off


PROFILES: Mapping[ProfileName, Profile] = {
    profile.name: profile
    for profile in (
        Profile("none", 0, 1, "Counts are exact."),
        Profile(
            "nhs_digital",
            7,
            5,
            "Counts from 1 to 7 are hidden and others rounded to the nearest 5; percentages are "
            "of the rounded counts.",
        ),
        Profile(
            "round5",
            4,
            5,
            "Counts from 1 to 4 are hidden and others rounded to the nearest 5; percentages are "
            "of the rounded counts.",
        ),
        Profile("threshold10", 9, 1, "Counts from 1 to 9 are hidden."),
    )
}
