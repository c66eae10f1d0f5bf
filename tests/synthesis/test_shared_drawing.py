"""Several processes draw one cohort; here they are threads that talk through queues."""

from __future__ import annotations

from queue import Queue
from threading import Thread

import numpy as np
import pytest
from small_generators import FACTS, SEVERAL, weights

from medsyngen.synthesis.generator import StagedGenerator
from medsyngen.synthesis.shared_drawing import draw_shares, drawn_by_all

GENERATOR = StagedGenerator(FACTS, weights(0), weights(1, 2))


class Threads:
    """Stands in for Ranks: a queue for each direction of each pair with rank 0."""

    def __init__(self, rank: int, count: int, lines: dict[tuple[int, int], Queue]) -> None:
        self.rank, self.count, self._lines = rank, count, lines
        self.others = range(1, count)

    def send(self, rank: int, *parts: bytes) -> None:
        self._lines[self.rank, rank].put(list(parts))

    def receive(self, rank: int) -> list[bytes]:
        return self._lines[rank, self.rank].get(timeout=60)


@pytest.mark.parametrize(("count", "processes"), [(7, 1), (7, 2), (7, 3), (2, 4), (1, 2)])
def test_the_images_are_those_of_one_process_in_the_same_order(count, processes):
    lines = {pair: Queue() for r in range(1, processes) for pair in ((0, r), (r, 0))}
    ranks = [Threads(rank, processes, lines) for rank in range(processes)]
    helpers = [Thread(target=draw_shares, args=(GENERATOR, ranks[rank])) for rank in range(1, processes)]
    for helper in helpers:
        helper.start()
    parts = list(drawn_by_all(GENERATOR, count, ranks[0]))
    for helper in helpers:
        helper.join(60)
    alone = GENERATOR.draw(count)
    np.testing.assert_allclose(np.concatenate([part.pixels for part in parts]), alone.pixels, atol=1e-4)
    assert tuple(name for part in parts for name in part.classes) == alone.classes
    assert len(parts) >= min(count, processes)  # everybody had a batch
    assert all(line.empty() for line in lines.values())


def test_several_attributes_are_drawn_by_several_processes():
    generator = StagedGenerator(SEVERAL, weights(0), weights(1, 2, 3))
    lines = {pair: Queue() for pair in ((0, 1), (1, 0))}
    helper = Thread(target=draw_shares, args=(generator, Threads(1, 2, lines)))
    helper.start()
    parts = list(drawn_by_all(generator, 5, Threads(0, 2, lines)))
    helper.join(60)
    alone = generator.draw(5)
    np.testing.assert_allclose(np.concatenate([part.pixels for part in parts]), alone.pixels, atol=1e-4)
    for name, values in alone.conditions.items():
        assert tuple(value for part in parts for value in part.conditions[name]) == values
