"""Several groups at work at once, their results as they come. Knows nothing of what the work is."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

Group = TypeVar("Group")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Ended:
    """A worker's end, and what ended it early: the place of its group and the error."""

    failed: tuple[int, BaseException] | None = None


def in_parallel(
    work: Callable[[Group], Iterable[Result]], groups: Sequence[Group], width: int
) -> Iterator[Result]:
    """What `work` yields for each of the groups, `width` of them at a time; in order where `width` is 1.

    Where it raises, no further group is begun, the results of those under way are still yielded, and then the error of
    the first group that has one is raised. The threads are daemons: one that hangs keeps nobody from leaving.
    """
    if min(width, len(groups)) <= 1:
        for group in groups:
            yield from work(group)
        return
    results: queue.SimpleQueue[Result | _Ended] = queue.SimpleQueue()
    waiting = iter(enumerate(groups))
    lock, stop = threading.Lock(), threading.Event()

    def worker() -> None:
        place = -1
        try:
            while not stop.is_set():
                with lock:
                    place, group = next(waiting, (-1, None))
                if group is None:
                    break
                for result in work(group):
                    results.put(result)
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for the results
            stop.set()
            results.put(_Ended((place, error)))
        else:
            results.put(_Ended())

    crew = [threading.Thread(target=worker, daemon=True) for _ in range(min(width, len(groups)))]
    for thread in crew:
        thread.start()
    failed: list[tuple[int, BaseException]] = []
    at_work = len(crew)
    try:
        while at_work:
            result = results.get()
            if not isinstance(result, _Ended):
                yield result
                continue
            at_work -= 1
            if result.failed is not None:
                failed.append(result.failed)
    finally:
        stop.set()
    if failed:
        raise min(failed, key=lambda one: one[0])[1]
