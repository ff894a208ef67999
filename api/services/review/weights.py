"""What each comparison says of a pair, in bits: for after the decision.

It is kept with the answer, because it changes: a run that follows the answer makes one child of
two, and other records, values and rules weigh otherwise.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from api.services.register.history import Member
from api.services.register.severances import are_severed
from api.services.register.shields import shielded_records
from api.services.register.standing import Standing
from api.services.register.why import Explained, Part, why_pair
from api.services.review.pairs import PairId, Reviewer, UnknownPairError, shown_keys
from matcher.classify import probability as probability_of
from matcher.rules.matching import Thresholds


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a weight is made of, in bits, and the thresholds that it stood to.

    The weight is ``prior`` plus ``company`` plus those of the ``parts`` that may be seen.
    """

    prior: float
    company: float
    parts: tuple[Part, ...]
    thresholds: Thresholds

    @property
    def weight(self) -> float:
        """The sum, without what may not be seen."""
        return self.prior + self.company + sum(part.weight or 0.0 for part in self.parts)

    @property
    def probability(self) -> float:
        """How likely that makes it that the two are one child."""
        return float(probability_of(np.array([self.weight]))[0])


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


def weighed_now(connection: Connection, reviewer: Reviewer, pair: PairId) -> Weighed | None:
    """What the weight of a pair is made of by now. As `weights_of`."""
    explained, standing = weights_of(connection, reviewer, pair), Standing.at(connection)
    if explained is None or standing is None:
        return None
    return Weighed(
        explained.prior,
        explained.company,
        tuple(explained.parts),
        standing.matching.thresholds,
    )


def to_keep(connection: Connection, reviewer: Reviewer, pair: PairId) -> dict[str, Any] | None:
    """The same, to be kept with an answer; nothing of a pair that they may not see."""
    now = None
    with suppress(UnknownPairError):
        now = weighed_now(connection, reviewer, pair)
    if now is None:
        return None
    return asdict(now) | {"thresholds": now.thresholds.model_dump()}


def as_kept(kept: Mapping[str, Any], now: Weighed) -> Weighed:
    """What was kept, without what the reviewer may not see any more."""
    seen = {part.comparison for part in now.parts if not part.hidden}
    parts = [Part(**part) for part in kept["parts"]]
    return Weighed(
        kept["prior"],
        kept["company"],
        tuple(part if part.comparison in seen else _hidden(part) for part in parts),
        Thresholds(**kept["thresholds"]),
    )


def _hidden(part: Part) -> Part:
    return Part(part.comparison, part.title, None, None, None, hidden=True)
