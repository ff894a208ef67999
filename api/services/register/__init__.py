"""The register kept over time: linking what changed, and what follows from it.

keys and counts → candidate pairs → weights → components that are touched → children
"""

from api.services.register.linker import LinkOutcome
from api.services.register.linking import link_register

__all__ = ["LinkOutcome", "link_register"]
