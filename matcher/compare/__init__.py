"""Candidate pairs graded into ordered, exclusive comparison levels."""

from matcher.compare.conditions import ReachedLevels
from matcher.compare.levels import LevelComparison, reached_levels

__all__ = ["LevelComparison", "ReachedLevels", "reached_levels"]
