"""Images drawn by several processes: whole batches in turn, gathered in their order by rank 0.

Image i is made from its own public stream whoever draws it, so the cohort is that of one process (up to rounding).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np
from safetensors.torch import load, save
from torch import Tensor

from medsyngen.parallel import Ranks
from medsyngen.progress import Progress, silent
from medsyngen.scan import image_shape
from medsyngen.synthesis.conditioning import part_of
from medsyngen.synthesis.generator import shares
from medsyngen.synthesis.synthesizer import Draws, Generator


def drawn_by_all(generator: Generator, count: int, ranks: Ranks, *, progress: Progress = silent) -> Iterator[Draws]:
    """Yields ``count`` images batch by batch, as ``generator.batches`` does; the other ranks draw theirs meanwhile.

    Args:
        generator: Of rank 0, which is this one; the others have the same in :func:`draw_shares`.
        count: How many.
        ranks: The processes of this job.
        progress: Told after each batch.

    Raises:
        RankEnded: Another process failed.
    """
    # Batches small enough that every process has one: images do not depend on them.
    at_once = max(1, min(generator.images_at_once, -(-count // ranks.count)))
    for rank in ranks.others:
        ranks.send(rank, json.dumps([count, at_once]).encode())
    images_of, columns = generator.image_drawer(count), generator.dealt(count)
    shape = image_shape(generator.facts.size)
    for number, rows in enumerate(shares(count, at_once)):
        rank = number % ranks.count
        if rank:
            (data,) = ranks.receive(rank)
            images = np.frombuffer(bytearray(data), np.float32).reshape(len(rows), *shape)
        else:
            images = images_of(rows)
        progress("drawing images", rows.stop, count)
        yield generator.named(images, part_of(columns, rows))


def draw_shares(generator: Generator, ranks: Ranks) -> None:
    """Draws this rank's batches and sends them to rank 0."""
    (asked,) = ranks.receive(0)
    count, at_once = json.loads(asked)
    images_of = generator.image_drawer(count)
    for rows in shares(count, at_once)[ranks.rank :: ranks.count]:
        ranks.send(0, images_of(rows).tobytes())


def send_tensors(ranks: Ranks, tensors: Mapping[str, Tensor]) -> None:
    """Sends what a generator learned to every other rank, each tensor in its own type."""
    for rank in ranks.others:
        ranks.send(rank, save(dict(tensors)))


def receive_tensors(ranks: Ranks) -> dict[str, Tensor]:
    """Returns what rank 0 sent."""
    (data,) = ranks.receive(0)
    return load(bytes(data))
