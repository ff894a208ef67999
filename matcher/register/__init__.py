"""The register: a stable id for each child and the golden values, each with its source."""

from matcher.register.carry import Carried, Succession, carry_ids
from matcher.register.golden import golden_values
from matcher.register.ids import child_ids
from matcher.register.replay import replay

__all__ = ["Carried", "Succession", "carry_ids", "child_ids", "golden_values", "replay"]
