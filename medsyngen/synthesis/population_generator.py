"""A generator that is a population: images are its members, varied anew for each image drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from medsyngen.cohort.conditions import Attribute
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels
from medsyngen.synthesis.bought_shares import SHARES
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.conditioning import Conditioning, part_of
from medsyngen.synthesis.evolution import drawn_from
from medsyngen.synthesis.population_tensors import to_tensors
from medsyngen.synthesis.synthesizer import Draws
from medsyngen.synthesis.variation import Population, Variation

BLOCK = 32
"""Images varied together, always: what is drawn with an image must not depend on how many are wanted."""


@dataclass(frozen=True)
class PopulationFacts:
    """Public numbers and marks of a population that images are drawn from.

    Args:
        size: Side of the images.
        classes: Class names.
        shares: Public proportion of each class.
        seed: Public seed of drawing.
        degree: How far each image is varied from its member; None draws the members as they are.
        seeded: Some private draw came from a seed: can't be released.
        private: The private part went through differential privacy: otherwise can't be released.
        conditions: Attributes in place of classes.
        bought: The shares were bought of the patients, and are saved with what was learned.
    """

    size: int
    classes: tuple[str, ...]
    shares: tuple[float, ...]
    seed: int
    degree: float | None
    seeded: bool
    private: bool
    conditions: tuple[Attribute, ...] = ()
    bought: bool = False

    @property
    def conditioning(self) -> Conditioning:
        """The attributes, whichever form they were given in."""
        return Conditioning.of(self.classes, self.shares, self.conditions)


@dataclass(frozen=True, eq=False)
class PopulationGenerator:
    """Draws images; post-processing of a population that noisy votes, or another release, made.

    Args:
        facts: Public numbers and marks.
        population: Members of every cell.
        source: Varies them; knows no scan.
    """

    facts: PopulationFacts
    population: Population = field(repr=False)
    source: Variation = field(repr=False)

    kind = "population"

    def tensors(self) -> dict[str, Tensor]:
        """Returns all that was learned, by name, for a file or another process."""
        shares = {SHARES: torch.tensor(self.facts.shares, dtype=torch.float64)} if self.facts.bought else {}
        return to_tensors(self.population) | shares

    def dealt(self, count: int) -> dict[str, tuple[str, ...]]:
        """Returns, for each attribute, the value of each of ``count`` images, known before any is drawn; "": null."""
        return self.facts.conditioning.columns(count)

    def named(self, images: Pixels, columns: Mapping[str, tuple[str, ...]]) -> Draws:
        """Returns images with their values."""
        return Draws.of(images, columns, declared=bool(self.facts.conditions))

    @property
    def images_at_once(self) -> int:
        """Images of one batch."""
        return 2 * BLOCK

    def image_drawer(self, count: int) -> Callable[[range], Pixels]:
        """Returns a function that draws some of ``count`` images, by their numbers: float32 (rows, 1, size, size).

        Images are varied in whole blocks, each from a public stream of its own number: a source that is a network or
        a user's command is not called for every single one. Of the last block some may be drawn and left out.
        """
        streams, blocks = Streams(self.facts.seed), -(-count // BLOCK)
        members = drawn_from(self.population, Cells(self.facts.conditioning).deal(BLOCK * blocks), streams)

        def block(number: int) -> Pixels:
            images = self.population.take(members[BLOCK * number : BLOCK * (number + 1)])
            if self.facts.degree is not None:
                images = self.source.vary(images, self.facts.degree, streams.numpy("draw", number))
            return np.clip(images.pixels, -1, 1)

        def images_of(rows: range) -> Pixels:
            first = rows.start // BLOCK
            drawn = np.concatenate([block(number) for number in range(first, -(-rows.stop // BLOCK))])
            return drawn[rows.start - first * BLOCK : rows.stop - first * BLOCK]

        return images_of

    def batches(self, count: int, *, progress: Progress = silent, batch: int | None = None) -> Iterator[Draws]:
        """Draws images batch by batch, so that memory does not grow with ``count``; see :meth:`draw`."""
        images_of, columns, at_once = self.image_drawer(count), self.dealt(count), batch or self.images_at_once
        for start in range(0, count, at_once):
            rows = range(start, min(start + at_once, count))
            images = images_of(rows)
            progress("drawing images", rows.stop, count)
            yield self.named(images, part_of(columns, rows))

    def draw(self, count: int, *, progress: Progress = silent, batch: int | None = None) -> Draws:
        """Draws images; image ``i`` does not depend on ``count`` or ``batch``.

        Args:
            count: How many.
            progress: Told after each batch.
            batch: Images at once; bounds memory.
        """
        drawn = list(self.batches(count, progress=progress, batch=batch))
        return self.named(np.concatenate([part.pixels for part in drawn]), self.dealt(count))
