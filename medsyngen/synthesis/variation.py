"""What Private Evolution asks of a source of images: random ones, and variations of given ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels


@dataclass(frozen=True, eq=False)
class Population:
    """Synthetic images with what they were made from: no scan is in them.

    Args:
        pixels: float32 in [-1, 1], (count, 1, size, size).
        classes: int64 (count,): number of the class that each is meant to show.
        places: float64 (count, parameters): the points in the unit cube of the source's parameters that images were
            rendered at (:meth:`medsyngen.phantoms.parameters.ParameterSpace.at`); None where images are all there is.
    """

    pixels: Pixels = field(repr=False)
    classes: NDArray[np.int64] = field(repr=False)
    places: NDArray[np.float64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        counts = {len(self.pixels), len(self.classes), len(self.pixels if self.places is None else self.places)}
        if len(counts) > 1:
            raise ValueError(f"images, classes and places of different numbers: {sorted(counts)}")

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: NDArray[np.int64]) -> Population:
        """Returns these members, in this order; a number may come more than once."""
        return Population(self.pixels[rows], self.classes[rows], None if self.places is None else self.places[rows])


class Variation(Protocol):
    """RANDOM_API and VARIATION_API of Private Evolution (Lin et al. 2024, arXiv 2305.15560, section 4).

    An implementation knows no scan: it gets populations that were chosen by noised votes, and public randomness.
    """

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        """Returns ``count`` images meant to show class ``label``."""
        ...

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        """Returns one variation of each member, of the same class.

        Args:
            population: Any members.
            degree: From 0, hardly changed, to 1, as different as random ones.
            rng: Public randomness.
        """
        ...
