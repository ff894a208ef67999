"""How long-running stages tell what they are doing, without knowing who listens."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

# Called with the number of units done since the last call.
Advance = Callable[[int], None]


class Observer(Protocol):
    """Is told of each stage as it begins; the stage ends with the context."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """``total`` is the number of units to do, where it is known."""
        ...


class Silent:
    """An observer that does nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG002
        """Do nothing."""
        yield lambda _: None
