"""The same matching rules on another engine: Splink, on DuckDB or on Spark.

What belongs to one record (blocking keys, rarity of its values) is computed by the core
and handed over as columns. What belongs to pairs, of which there are far more, is SQL.

Needs the extra ``scale`` (``pip install child-register[scale]``).
"""

from matcher.scale.engine import score_on_splink, splink_linker
from matcher.scale.settings import splink_settings

__all__ = ["score_on_splink", "splink_linker", "splink_settings"]
