"""Golden values for those who may not be told whose a lookalike of a shielded child is.

What a lookalike says survives like anything else, and so would tell of which child it is. For
whoever is not cleared the values of such a child are therefore made anew without it.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Golden, Membership
from api.services.extracts.current import current_records, held
from api.services.register.columns import Numbers, columns
from api.services.register.corrections import corrected
from api.services.register.lookalikes import lookalike_records
from api.services.register.standing import Standing
from matcher.register import golden_values
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.standardise import standardise

Values = dict[str, Any]


def golden_now(
    connection: Connection, children: Collection[str], *, cleared: bool
) -> dict[str, Values]:
    """By child, its golden values by GOLDEN_COLUMNS; missing ones None."""
    query = select(Golden.child, *(getattr(Golden, name) for name in GOLDEN_COLUMNS)).where(
        Golden.to_run.is_(None), among(Golden.child, sorted(children))
    )
    found: dict[str, Values] = {
        row[0]: dict(zip(GOLDEN_COLUMNS, row[1:], strict=True)) for row in connection.execute(query)
    }
    return found if cleared else found | golden_without(connection, children)


def golden_without(
    connection: Connection, children: Collection[str] | None = None, *, as_of_run: int | None = None
) -> dict[str, Values]:
    """What `golden_now` tells of those of these children, or of all, that hold a lookalike.

    As if they held none; a child that holds nothing else is left out.
    """
    untold = lookalike_records(connection)
    standing = Standing.at(connection) if len(untold) else None
    if standing is None:
        return {}
    of = select(Membership.child).where(
        held(Membership, as_of_run), among(Membership.record, untold)
    )
    if children is not None:
        of = of.where(among(Membership.child, sorted(children)))
    query = select(Membership.record, Membership.child).where(
        held(Membership, as_of_run), Membership.child.in_(of)
    )
    record, child = columns(connection, query)
    return _made(connection, standing, *_outside(record, child, untold), as_of_run)


def _outside(record: Numbers, child: Any, untold: Numbers) -> tuple[Numbers, Any]:
    kept = ~np.isin(record, untold)
    return record[kept], child[kept]


def _made(
    connection: Connection, standing: Standing, record: Numbers, child: Any, as_of_run: int | None
) -> dict[str, Values]:
    if not len(record):
        return {}
    of_record: Mapping[int, str] = dict(zip(record.tolist(), child.tolist(), strict=True))
    frame = current_records(connection, record, as_of_run=as_of_run)
    frame = frame.sort_values(["source", "record_id"], ignore_index=True)
    linkage = standing.read.linkage
    standardised = standardise(frame, linkage.names, linkage.values)
    own = np.array([of_record[one] for one in frame["id"].tolist()], dtype=object)
    names, label = np.unique(own.astype(str), return_inverse=True)
    golden = golden_values(frame, standardised, label.astype(np.int64), linkage.survivorship)
    golden.index = pd.Index(names[golden.index.to_numpy()], name="child")
    golden = corrected(connection, golden, of_record)
    return {
        str(one): {str(name): None if pd.isna(said) else said for name, said in row.items()}
        for one, row in golden[list(GOLDEN_COLUMNS)].to_dict("index").items()
    }
