"""Phantoms drawn ahead: while the network is busy with one batch, threads draw the next ones.

Each batch has a random stream of its own, by its number, so drawing early changes no draw and no order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def drawn_ahead(make: Callable[[int], T], count: int, *, workers: int = 1) -> Generator[T, None, None]:
    """Yields make(0), make(1), ... make(count - 1), in this order, each made while its forerunners are in use.

    At most ``workers`` batches wait beside the one in use, whatever ``count`` is. The threads have ended when the
    iterator is closed or runs out.

    Args:
        make: Makes the item of a number, from this number alone; called in a thread.
        count: Items in all.
        workers: Threads, and batches ahead.

    Raises:
        Exception: Whatever ``make`` raised, when its item's turn comes.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="phantoms ahead") as pool:
        waiting = deque(pool.submit(make, number) for number in range(min(workers, count)))
        for number in range(count):
            item = waiting.popleft().result()
            if number + workers < count:
                waiting.append(pool.submit(make, number + workers))
            yield item
