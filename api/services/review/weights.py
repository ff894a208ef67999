"""What each comparison says of a pair, in bits: for after the decision."""

import numpy as np
from sqlalchemy import Connection

from api.services.register.history import Member
from api.services.register.severances import are_severed
from api.services.register.shields import shielded_records
from api.services.register.why import Explained, why_pair
from api.services.review.pairs import PairId, Reviewer, UnknownPairError, shown_keys


def weights_of(connection: Connection, reviewer: Reviewer, pair: PairId) -> Explained | None:
    """The weights of a pair, as far as the reviewer may see what they are made of.

    Nothing before the first run. Raises UnknownPairError if it may not be seen at all.
    """
    keys = shown_keys(connection, reviewer.view, [pair.low, pair.high])
    unseen = {source for source, _ in keys.values()} - reviewer.view.sources
    if len(keys) < 2 or unseen or are_severed(connection, pair.low, pair.high):
        raise UnknownPairError("there is no such pair")
    l, r = (Member(*key, record) for record, key in keys.items())
    shielded = np.isin([pair.low, pair.high], shielded_records(connection)).any()
    return why_pair(connection, reviewer.view, l, r, shielded=bool(shielded))
