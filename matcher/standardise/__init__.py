"""Values brought into comparable form, once per distinct value.

``standardise`` turns RECORDS (see `matcher.frames`) into the STANDARDISED frame, whose
columns `STANDARDISED_COLUMNS` names; matching rules may use any of them.
"""

from matcher.standardise.frame import (
    PLACE_COLUMNS,
    STANDARDISED_COLUMNS,
    Standardiser,
    standardise,
    standardise_record,
)

__all__ = [
    "PLACE_COLUMNS",
    "STANDARDISED_COLUMNS",
    "Standardiser",
    "standardise",
    "standardise_record",
]
