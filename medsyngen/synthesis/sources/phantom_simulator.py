"""A phantom as the source: variations move its parameters (Sim-PE, Lin et al. 2025, arXiv 2502.05505)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.source import PhantomSource
from medsyngen.synthesis.variation import Population

Places = NDArray[np.float64]


@dataclass(frozen=True)
class PhantomSimulator:
    """Renders points of a phantom's parameter space; public by construction.

    Guarantee: built from public names and numbers alone, so populations are functions of what was passed in.

    Args:
        phantom: Name of the phantom.
        size: Side of the images in pixels.

    Raises:
        UsageError: There is no such phantom.
    """

    phantom: str
    size: int

    def __post_init__(self) -> None:
        phantom(self.phantom)

    @property
    def source(self) -> PhantomSource:
        """The phantom."""
        return phantom(self.phantom)

    @property
    def origin(self) -> str:
        """What it is, for reports."""
        return f"phantoms drawn by program ({self.phantom}, version {self.source.version})"

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        """Returns images of points drawn uniformly from the unit cube of the parameters."""
        places = rng.random((count, len(self.source.space.parameters)))
        return self.rendered(places, np.full(count, label, np.int64), rng)

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        """Returns the same phantoms with every parameter moved by :func:`jittered`, and with fresh noise.

        Args:
            population: Made by this source, or otherwise with places in its space.
            degree: Farthest that a parameter moves, as a share of its range; 1 forgets the old place.
            rng: Public randomness.

        Raises:
            ValueError: The members have no places, or the degree leaves [0, 1].
        """
        if population.places is None:
            raise ValueError("a phantom can't vary images alone: it needs the places that they were rendered at")
        return self.rendered(jittered(population.places, degree, rng), population.classes, rng)

    def rendered(self, places: Places, classes: NDArray[np.int64], rng: np.random.Generator) -> Population:
        """Returns the images of these points of the unit cube.

        Args:
            places: float64 (count, parameters), in [0, 1].
            classes: int64 (count,).
            rng: For what is no parameter.
        """
        space = self.source.space
        return Population(self.source.render(space.at(places), self.size, rng), classes, places)


def jittered(places: Places, degree: float, rng: np.random.Generator) -> Places:
    """Returns places moved by uniforms in [-degree, degree], reflected at the borders of the cube.

    Reflected, not clipped: clipped, evolution would pile phantoms up at the ends of every range. Unfolded, the range is
    half of a circle of length 2 on which a step has no preferred direction: so uniform places stay uniform at every
    degree, and a step of degree 1 goes round the whole circle and ends anywhere, wherever it began.

    Args:
        places: float64 in [0, 1], any shape.
        degree: In [0, 1].
        rng: Public randomness.

    Raises:
        ValueError: The degree leaves [0, 1].
    """
    if not 0 <= degree <= 1:
        raise ValueError(f"degree must be in [0, 1], got {degree}")
    moved = np.abs(places + rng.uniform(-degree, degree, places.shape))
    return np.asarray(np.where(moved > 1, 2 - moved, moved), np.float64)
