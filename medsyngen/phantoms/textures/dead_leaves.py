"""Dead leaves of mixed shapes: opaque leaves that cover the plane (Matheron 1968; Lee, Mumford and Huang 2001)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.parameters import Parameter, Parameters, ParameterSpace
from medsyngen.phantoms.textures.finish import finished_in_parts, tone
from medsyngen.phantoms.textures.leaves import NUMBERS, leaves_needed, place_leaves
from medsyngen.phantoms.textures.painting import paint
from medsyngen.phantoms.textures.power_law import power_law_field
from medsyngen.scan import Pixels

Columns = dict[str, NDArray[np.float32]]

_LEE = "Lee, Mumford, Huang 2001: radius law r^-3 between two cut-offs"
_SHAPES = "mixed shapes: Baradad et al. 2021, wide"
_TEXTURE = "textured leaves: VibrantLeaves 2025"

SPACE = ParameterSpace(
    (
        Parameter("radius_min", 0.03, 0.12, "side", _LEE, log=True),
        Parameter("radius_max", 0.4, 1.2, "side", _LEE),
        Parameter("rounded", 0.0, 1.0, "1", _SHAPES),
        Parameter("thinnest", 0.3, 1.0, "1", _SHAPES),
        Parameter("texture", 0.0, 0.4, "1", _TEXTURE),
        Parameter("texture_exponent", 1.5, 3.5, "1", "Burgess 2003: anatomical noise"),
        *tone((0.2, 0.8)),
    )
)

OPEN_AT_MOST = 0.005
"""Probability that no leaf covers a pixel; what is open belongs to one last leaf behind all others."""
LEAVES_AT_MOST = 900
BATCH = 16
"""Images painted together: what they need stays in the processor's cache."""


def count_leaves(p: Columns) -> NDArray[np.int64]:
    """Returns how many leaves each picture gets, from its own parameters, (count,)."""
    mean_aspect = (1 + p["thinnest"].ravel()) / 2
    jagged = 1 - 0.1 * (1 - p["rounded"].ravel())  # polygons with uneven corners are smaller
    return leaves_needed(p["radius_min"].ravel(), p["radius_max"].ravel(), mean_aspect * jagged, OPEN_AT_MOST)


def leaf_field(p: Columns, size: int, rng: np.random.Generator) -> Pixels:
    """Returns leaves of greys uniform on [-1, 1], each with a piece of texture of its own, (count, size, size)."""
    n = len(p["mean"])
    numbers = rng.random((n, LEAVES_AT_MOST, NUMBERS + 4), dtype=np.float32)
    picture, order = np.nonzero(np.arange(LEAVES_AT_MOST) < count_leaves(p)[:, None])
    u = numbers[picture, order]
    least, most, thinnest, rounded = (
        p[name].ravel()[picture] for name in ("radius_min", "radius_max", "thinnest", "rounded")
    )
    seen = paint(place_leaves(u[:, :NUMBERS], picture, least, most, thinnest, rounded), n, size)
    # Behind all leaves lies one more of each picture, numbered after them.
    seen = np.where(seen < 0, len(u) + np.arange(n)[:, None, None], seen)
    own = np.concatenate([u[:, NUMBERS:], rng.random((n, 4), dtype=np.float32)])
    texture = power_law_field(p["texture_exponent"], size, rng)
    shift = (own[:, 1:3] * size).astype(np.int64)
    row = (np.arange(size)[:, None] + shift[seen, 0]) % size
    column = (np.arange(size) + shift[seen, 1]) % size
    rough = p["texture"] * own[seen, 3] * texture[np.arange(n)[:, None, None], row, column]
    field: Pixels = 2 * own[seen, 0] - 1 + rough
    return field


@dataclass(frozen=True)
class DeadLeaves:
    """Ellipses and polygons of three to six corners, with radii distributed as r^-3, flat or textured."""

    name: str = "dead_leaves"
    version: int = 2

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws the images a few at a time; see :class:`PhantomSource`."""
        return finished_in_parts(leaf_field, SPACE.columns(parameters), size, rng, BATCH)
