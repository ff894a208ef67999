"""Everything that a change can reach: components of pairs that could be one child."""

import numpy as np
from sqlalchemy import Connection, select

from api.db.models import Membership
from api.services.register.columns import Numbers, among, columns
from api.services.register.decisions import decided_partners
from api.services.register.pairs import partners


def closure(connection: Connection, seeds: Numbers) -> Numbers:
    """Records that are joined to these, through any number of others.

    By pairs that are not kept apart, by what people decided, and by being of one child
    until now. What lies outside cannot change with these.
    """
    reached = np.unique(seeds)
    frontier = reached
    while len(frontier):
        found = np.union1d(partners(connection, frontier), decided_partners(connection, frontier))
        found = np.union1d(found, fellows(connection, frontier))
        frontier = np.setdiff1d(found, reached, assume_unique=True)
        reached = np.union1d(reached, frontier)
    return reached


def fellows(connection: Connection, records: Numbers) -> Numbers:
    """Records that are of one child with these."""
    mine = select(Membership.child).where(
        Membership.to_run.is_(None), among(connection, Membership.record, records)
    )
    (children,) = columns(connection, mine)
    query = select(Membership.record).where(
        Membership.to_run.is_(None),
        among(connection, Membership.child, np.unique(children).tolist()),
    )
    return np.unique(columns(connection, query)[0])
