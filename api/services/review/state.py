"""What a decision on a pair is made on, so that a decision on something else is noticed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, func, or_, select

from api.db.among import among
from api.db.models import Decision, Pair, RecordVersion
from api.services.review.pairs import PairId

# A new prior moves every weight a little; this much, in bits, is another one to a reviewer.
MOVED = 1.0


@dataclass(frozen=True, slots=True)
class PairState:
    """Hashes of what both records say (low, then high), the last entry about them, the weight.

    A record that is not current has no hash; a pair that is not kept has no weight.
    """

    low: str | None
    high: str | None
    decisions: int
    weight: float | None

    @property
    def etag(self) -> str:
        """A hash of all of it."""
        return _hash(asdict(self))

    @property
    def read(self) -> str:
        """A hash of what the records say."""
        return _hash({"low": self.low, "high": self.high})

    @property
    def shown(self) -> str:
        """What a page tells of it that shows no weight, as a form sends it back."""
        return f"{self.low}.{self.high}.{self.decisions}"

    def as_json(self) -> dict[str, Any]:
        """As a lease keeps it."""
        return asdict(self)


def changes(then: Mapping[str, Any], now: PairState, *, swapped: bool) -> list[str]:
    """Names of what is otherwise: record_l, record_r, decisions, weight.

    ``then`` is as `PairState.as_json` gave it; ``swapped`` that the left record is the high one.
    """
    sides = ("record_r", "record_l") if swapped else ("record_l", "record_r")
    found = [
        side for side, name in zip(sides, ("low", "high"), strict=True)
        if then[name] != getattr(now, name)
    ]  # fmt: skip
    found.sort()
    if then["decisions"] != now.decisions:
        found.append("decisions")
    if _moved(then["weight"], now.weight):
        found.append("weight")
    return found


def changes_since(shown: str, now: PairState) -> list[str]:
    """Names of what is otherwise than `PairState.shown` said: records, decisions, or page."""
    then, current = shown.split("."), now.shown.split(".")
    if len(then) != len(current):
        return ["page"]
    found = ["records"] if then[:2] != current[:2] else []
    return found + ["decisions"] * (then[2] != current[2])


def state_of(connection: Connection, pair: PairId) -> PairState:
    """How the pair stands now."""
    both = np.array([pair.low, pair.high], dtype=np.int64)
    said = dict(
        iter(
            connection.execute(
                select(RecordVersion.record, RecordVersion.content_hash).where(
                    among(RecordVersion.record, both), RecordVersion.to_run.is_(None)
                )
            )
        )
    )
    last = connection.scalar(select(func.max(Decision.id)).where(either_way(Decision, pair)))
    weight = connection.scalar(
        select(Pair.weight).where(
            or_(
                and_(Pair.l == pair.low, Pair.r == pair.high),
                and_(Pair.l == pair.high, Pair.r == pair.low),
            )
        )
    )
    low, high = (
        None if said.get(record) is None else f"{said[record] & (2**64 - 1):016x}"
        for record in (pair.low, pair.high)
    )
    return PairState(low, high, last or 0, None if weight is None else round(weight, 3))


def either_way(table: Any, pair: PairId) -> Any:
    """That ``record_l`` and ``record_r`` of a row are this pair, in either order."""
    return or_(
        and_(table.record_l == pair.low, table.record_r == pair.high),
        and_(table.record_l == pair.high, table.record_r == pair.low),
    )


def _moved(then: float | None, now: float | None) -> bool:
    if then is None or now is None:
        return then != now
    return abs(then - now) >= MOVED


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]
