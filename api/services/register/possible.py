"""With whom a child may be one: its possible links that wait for a person, by the other record."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, literal_column, or_, select

from api.db.among import among
from api.db.models import Pair
from api.services.access.policy import View
from api.services.register.columns import columns
from api.services.register.history import Member, members_of
from api.services.register.listed import ListedRecord, listed_records
from api.services.register.lookalikes import lookalikes
from api.services.register.queue import is_decided
from api.services.register.severances import severed_between
from api.services.register.viewing import seen_members


@dataclass(frozen=True, slots=True)
class PossibleMatch:
    """A record that may be the child's, and with which of the child's records a link waits.

    ``decided`` are those of them on which somebody has decided since linking last ran.
    """

    record: ListedRecord
    own: Sequence[Member]
    decided: frozenset[int]


def possible_matches(
    connection: Connection, view: View, child_id: str, *, limit: int
) -> list[PossibleMatch]:
    """Records with which possible links of a child wait, so many at most, as the queue has them.

    As in the lists of records: only links both of whose records may be seen.
    """
    members, _ = members_of(connection, child_id)
    untold = lookalikes(connection, view).records
    own = {one.record: one for one in seen_members(view, members, untold)}
    numbers = np.array(sorted(own), dtype=np.int64)
    query = (
        select(Pair.l, Pair.r, is_decided(Pair.l, Pair.r))
        .where(Pair.waiting == literal_column("1"))
        .where(or_(among(Pair.l, numbers), among(Pair.r, numbers)))
        .order_by(Pair.turn, Pair.l, Pair.r)
    )
    l, r, decided = columns(connection, query)
    severed = severed_between(connection, l, r)
    found: dict[int, list[tuple[Member, bool]]] = {}
    for one, other, said in zip(
        *(side[~severed].tolist() for side in (l, r, decided)), strict=True
    ):
        for mine, theirs in ((one, other), (other, one)):
            if mine in own and theirs not in own and theirs not in untold:
                found.setdefault(theirs, []).append((own[mine], bool(said)))
    listed = listed_records(connection, list(found), cleared=view.cleared)
    return [
        PossibleMatch(
            one,
            [member for member, _ in found[one.record]],
            frozenset(member.record for member, said in found[one.record] if said),
        )
        for one in listed
        if one.source in view.sources
    ][:limit]
