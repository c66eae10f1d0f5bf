"""What a phantom is: a declared parameter space and a pure way to draw images from parameters."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.scan import Pixels


class PhantomSource(Protocol):
    """Images drawn by program: public by construction, they cost no privacy."""

    @property
    def name(self) -> str:
        """As recipes call it."""
        ...

    @property
    def version(self) -> int:
        """Counts up whenever the pictures change."""
        ...

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        ...

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws one image for each row of parameters; the same parameters and generator give the same images.

        Args:
            parameters: From :attr:`space`.
            size: Side in pixels.
            rng: For what is no parameter: noise fields, positions of leaves.

        Returns:
            float32 in [-1, 1], (count, 1, size, size).
        """
        ...


def draw_phantoms(source: PhantomSource, count: int, size: int, rng: np.random.Generator) -> Pixels:
    """Draws parameters from the whole space and renders them."""
    return source.render(source.space.draw(count, rng), size, rng)
