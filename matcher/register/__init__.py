"""The register: a stable id for each child and the golden values, each with its source."""

from matcher.register.golden import golden_values
from matcher.register.ids import child_ids

__all__ = ["child_ids", "golden_values"]
