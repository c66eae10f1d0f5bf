"""Ranks of one process: each is a thread, and what passes between them passes through queues."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Queue
from typing import Any

from medsyngen.parallel import RankEnded, Ranks


class Wired(Ranks):
    """One rank of a job whose ranks share the queues; notes every frame that it sends."""

    def __init__(self, rank: int, count: int, wires: dict[tuple[int, int], Queue[list[bytes] | None]]) -> None:
        super().__init__(rank, count)
        self.wires, self.sent = wires, list[tuple[int, tuple[bytes, ...]]]()

    def send(self, rank: int, *parts: bytes) -> None:
        self.sent.append((rank, parts))
        self.wires[self.rank, rank].put([bytes(part) for part in parts])

    def receive(self, rank: int) -> list[bytes]:
        parts = self.wires[rank, self.rank].get(timeout=60)
        if parts is None:
            raise RankEnded(rank, {"exit_code": 0, "what": "", "do": "", "details": []})
        return parts


def together(count: int, lead: Callable[[Ranks], Any], serve: Callable[[Ranks], None]) -> tuple[Any, list[Wired]]:
    """Returns what the first rank came to, and all ranks; the others have ended by then.

    The first one's end, also by an error, ends those that still wait for it.
    """
    wires: dict[tuple[int, int], Queue[list[bytes] | None]] = {
        (a, b): Queue() for a in range(count) for b in range(count)
    }
    ranks = [Wired(rank, count, wires) for rank in range(count)]
    with ThreadPoolExecutor(count) as pool:
        others = [pool.submit(serve, each) for each in ranks[1:]]
        try:
            found = lead(ranks[0])
        finally:
            for rank in range(1, count):
                wires[0, rank].put(None)
        for other in others:
            with suppress(RankEnded):
                other.result(timeout=60)
    return found, ranks
