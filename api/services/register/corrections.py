"""Values that people set by hand, which stay until they release them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.models import Correction
from api.services.register.columns import among

# What a golden value's source says where a person set it.
BY_HAND = "correction"


def corrected(
    connection: Connection, golden: pd.DataFrame, child_of: Mapping[int, str]
) -> pd.DataFrame:
    """Golden values by child, with corrections in place of what survived.

    ``child_of`` gives the child of each record.id; a correction goes with its record, and
    of several on one field the last holds.
    """
    records = np.array(sorted(child_of), dtype=np.int64)
    query = (
        select(Correction.record, Correction.field, Correction.value)
        .where(Correction.released_at.is_(None), among(connection, Correction.record, records))
        .order_by(Correction.id)
    )
    result = golden
    for record, field, value in connection.execute(query).all():
        if result is golden:
            result = golden.copy()
        result.loc[child_of[record], field] = value
        result.loc[child_of[record], f"{field}_source"] = BY_HAND
    return result
