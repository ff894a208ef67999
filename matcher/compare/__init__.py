"""Candidate pairs graded into ordered, exclusive comparison levels."""

from matcher.compare.levels import LevelComparison, reached_levels

__all__ = ["LevelComparison", "reached_levels"]
