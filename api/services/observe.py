"""What a run costs: seconds and memory of each stage, and a progress bar.

Memory is the highest that the process ever had, as the system keeps it. It could be reset at
each stage, but then whatever measures the whole process from outside would be told too little.
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from matcher.progress import Advance


@dataclass(frozen=True, slots=True)
class StageCost:
    """``peak_mib`` is the highest memory of the process from its start to the end of the stage.

    It never falls from stage to stage: a stage that adds nothing to it needed no more than an
    earlier one.
    """

    stage: str
    seconds: float
    peak_mib: int


@dataclass
class Recorder:
    """An observer that records costs, and shows progress on the error stream if asked."""

    show: bool = False
    costs: list[StageCost] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the bars."""
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not self.show,
        )

    @contextmanager
    def live(self) -> Iterator[None]:
        """Bars are drawn while this is open."""
        with self._bars:
            yield

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Time a stage and draw its bar."""
        start = time.perf_counter()
        bar = self._bars.add_task(name, total=total)
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self._bars.update(bar, completed=done)

        yield advance
        finished = done or 1
        self._bars.update(bar, total=finished, completed=finished)
        self.costs.append(StageCost(name, round(time.perf_counter() - start, 3), peak_mib()))


def peak_mib() -> int:
    """Highest memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
