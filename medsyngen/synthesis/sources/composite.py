"""One source to start, another to vary: phantoms give the layout, a diffusion model changes what phantoms can't say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsyngen.errors import UsageError
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator
from medsyngen.synthesis.variation import Population, Variation


@dataclass(frozen=True)
class Composite:
    """The best mix of Sim-PE on faces (arXiv 2502.05505): a weak simulator starts, a diffusion model varies.

    Args:
        start: Makes the random images.
        change: Makes the variations.

    Raises:
        UsageError: A part is itself composite, or phantoms would have to vary images that were not rendered from their
            own places.
    """

    start: Variation
    change: Variation

    def __post_init__(self) -> None:
        if isinstance(self.start, Composite) or isinstance(self.change, Composite):
            raise UsageError(
                "a composite source is made of two that are not composite themselves",
                do="name in `start` what makes the first images, and in `change` what varies them",
            )
        if isinstance(self.change, PhantomSimulator) and self.change != self.start:
            raise UsageError(
                "phantoms can't vary images of another source: they need the places these were rendered at",
                do="vary with another source, or start and vary with the same phantom",
            )

    @property
    def origin(self) -> str:
        """What it is, for reports."""
        start, change = (getattr(each, "origin", type(each).__name__) for each in (self.start, self.change))
        return f"{start} to start, {change} to vary"

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        """Returns random images of the first source."""
        return self.start.random(count, label, rng)

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        """Returns variations by the second source."""
        return self.change.vary(population, degree, rng)
