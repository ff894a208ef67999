"""Masked values shown because the reviewer asked; whoever lets them is to enter it in the log."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine

from api.db.engine import writing
from api.services.register.acts import ActError
from api.services.review import leases
from api.services.review.leases import Lease
from api.services.review.pairs import PairId, Reviewer
from matcher.rules.review import ReviewRules


def reveal(
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    *,
    fields: Collection[str],
    token: str,
    now: datetime,
) -> Lease:
    """Have these fields of the pair in hand shown, for as long as it is in this hand.

    Raises TakenError, and ActError for a field that is not masked.
    """
    if not set(fields) <= set(rules.masked) or not fields:
        raise ActError(f"what can be shown is: {', '.join(rules.masked) or 'nothing'}")
    with writing(aside) as beside:
        lease = leases.require(beside, pair, token, reviewer.by)
        if lease.expires_at <= now:
            lease = leases.renew(beside, lease, now=now, minutes=rules.lease_minutes)
        return leases.reveal(beside, lease, frozenset(fields))
