"""Ranks of one process: each is a thread, and what passes between them passes through queues."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

from medsyngen.parallel import Ranks


class Wired(Ranks):
    """One rank of a job whose ranks share the queues; notes every frame that it sends."""

    def __init__(self, rank: int, count: int, wires: dict[tuple[int, int], Queue[list[bytes]]]) -> None:
        super().__init__(rank, count)
        self.wires, self.sent = wires, list[tuple[int, tuple[bytes, ...]]]()

    def send(self, rank: int, *parts: bytes) -> None:
        self.sent.append((rank, parts))
        self.wires[self.rank, rank].put([bytes(part) for part in parts])

    def receive(self, rank: int) -> list[bytes]:
        return self.wires[rank, self.rank].get(timeout=60)


def together(count: int, lead: Callable[[Ranks], Any], serve: Callable[[Ranks], None]) -> tuple[Any, list[Wired]]:
    """Returns what the first rank came to, and all ranks; the others have ended by then."""
    wires: dict[tuple[int, int], Queue[list[bytes]]] = {(a, b): Queue() for a in range(count) for b in range(count)}
    ranks = [Wired(rank, count, wires) for rank in range(count)]
    with ThreadPoolExecutor(count) as pool:
        others = [pool.submit(serve, each) for each in ranks[1:]]
        found = lead(ranks[0])
        for other in others:
            other.result(timeout=60)
    return found, ranks
