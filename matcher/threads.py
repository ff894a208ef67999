"""Work on chunks by several threads: NumPy releases the interpreter's lock."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def on_threads(
    function: Callable[[Chunk], Result], chunks: Iterable[Chunk], threads: int
) -> Iterator[Result]:
    """The result for each chunk, in their order, with only so many chunks held at once."""
    if threads == 1:
        yield from map(function, chunks)
        return
    with ThreadPoolExecutor(threads) as pool:
        tasks = (pool.submit(function, chunk) for chunk in chunks)
        waiting = list(islice(tasks, threads + 1))
        while waiting:
            yield waiting.pop(0).result()
            waiting.extend(islice(tasks, 1))
