"""A pair as reviewers name it, who they are, and why something cannot be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_
from sqlalchemy.sql.elements import ColumnElement

from api.services.access.caller import Caller
from api.services.access.policy import View
from api.services.access.roles import Permission
from api.services.register.acts import ActError, Key, UnknownError, keys_of


class TakenError(ActError):
    """The pair is not in this reviewer's hand, or is in another's by now."""


class InHandError(ActError):
    """Somebody else has the pair in hand in the review queue, so that only they decide it."""

    def __init__(self) -> None:
        super().__init__(
            "somebody has this pair in hand in the review queue now, and only they can decide it; "
            "try again when they are done"
        )


class NotInHandError(TakenError):
    """The pair is not in this reviewer's hand; that it is in another's is not said."""


class AnsweredError(NotInHandError):
    """This reviewer has answered the pair."""


class StaleError(ActError):
    """What the reviewer decided on is otherwise by now.

    ``changes`` names what: record_l, record_r, decisions, weight, or page (the reviewer was
    shown the pair again since).
    """

    def __init__(self, changes: Sequence[str]) -> None:
        self.changes = tuple(changes)
        super().__init__("the pair has changed since it was shown: " + ", ".join(changes))


class UnknownPairError(UnknownError):
    """There is no such pair, or it may not be looked at."""


@dataclass(frozen=True, slots=True, order=True)
class PairId:
    """Two records by record.id, the lower first. As text: ``12-345``."""

    low: int
    high: int

    @classmethod
    def of(cls, one: int, other: int) -> "PairId":
        """In either order."""
        return cls(min(one, other), max(one, other))

    @classmethod
    def parse(cls, text: str) -> "PairId":
        """Raises UnknownPairError."""
        parts = text.split("-")
        if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
            low, high = map(int, parts)
            if low < high < 2**63:
                return cls(low, high)
        raise UnknownPairError("there is no such pair")

    @property
    def records(self) -> tuple[int, int]:
        """The lower one first."""
        return self.low, self.high

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"

    def is_of(self, low: Any, high: Any) -> ColumnElement[bool]:
        """That two columns hold this pair."""
        return and_(low == self.low, high == self.high)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who reviews, and what they may see. Senior ones settle what others leave to them.

    Ids that are UPNs are masked, as UPNs are.
    """

    by: str
    senior: bool
    view: View

    @classmethod
    def of(cls, caller: Caller, view: View) -> "Reviewer":
        """As the caller's roles have it."""
        return cls(caller.name, caller.may(Permission.SETTLE_REVIEWS), view.masking_ids)


def shown_keys(connection: Connection, view: View, records: Sequence[int]) -> dict[int, Key]:
    """The keys of records as they may be told: by the number of one whose id may not be."""
    return as_shown(view, keys_of(connection, records))


def as_shown(view: View, keys: Mapping[int, Key]) -> dict[int, Key]:
    """Keys by record.id as they may be told, in the order of what they are."""
    return {
        number: (source, view.shown_id(source, key, number))
        for number, (source, key) in sorted(keys.items(), key=lambda one: one[1])
    }


def may_see_pair(connection: Connection, view: View, pair: PairId) -> bool:
    """Whether both records are still there, of sources that may be seen."""
    keys = shown_keys(connection, view, [pair.low, pair.high])
    return len(keys) == 2 and {source for source, _ in keys.values()} <= view.sources
