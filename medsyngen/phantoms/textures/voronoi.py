"""Cells: Poisson-Voronoi mosaics and cellular noise (Worley 1996), as of trabecular bone, lobules, epithelium."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.parameters import Parameter, Parameters, ParameterSpace
from medsyngen.phantoms.textures.counts import poisson
from medsyngen.phantoms.textures.finish import WIDE, finished_in_parts, tone
from medsyngen.scan import Pixels

Columns = dict[str, NDArray[np.float32]]
F = NDArray[Any]
"""float32."""
N = NDArray[np.int64]

_WORLEY = "cellular noise of the nearest and second nearest seed: Worley 1996; wide"
_BONE = "trabeculae 0.1 to 0.3 of their spacing; from no wall to thick ones"

SPACE = ParameterSpace(
    (
        Parameter("cells", 3.0, 10.0, "1/side", "trabeculae, lobules, epithelium at several magnifications", log=True),
        Parameter("stretch", 1.0, 2.0, "1", WIDE),
        Parameter("direction", 0.0, np.pi, "rad", WIDE),
        Parameter("greys", 0.0, 1.0, "1", "greys that differ from cell to cell: mosaics; none: foam"),
        Parameter("relief", -1.0, 1.0, "1", _WORLEY),
        Parameter("wall", 0.0, 0.3, "spacing", _BONE),
        Parameter("wall_grey", -1.5, 1.5, "1", WIDE),
        *tone((0.1, 0.6)),
    )
)

MARGIN = 2.0
"""Seeds are strewn so far beyond the picture, in mean spacings: cells at the border have all their neighbours."""
SEEDS_AT_MOST = 280
BATCH = 8
"""Images drawn together: their distances stay in the processor's cache."""


def _longer(stretch: F, direction: F) -> tuple[F, F, F]:
    """Returns a, b, c of the squared distance a x^2 + 2 b x y + c y^2, shorter along ``direction``; same area."""
    cos, sin = np.cos(direction), np.sin(direction)
    a = cos * cos / stretch + sin * sin * stretch
    c = sin * sin / stretch + cos * cos * stretch
    return a, cos * sin * (1 / stretch - stretch), c


def strew(cells: F, rng: np.random.Generator) -> tuple[F, N]:
    """Strews a Poisson number of seeds over each picture and its margin, one for each unit of area.

    Args:
        cells: Side of each picture in mean spacings, (count,).
        rng: Public randomness.

    Returns:
        Seeds (count, SEEDS_AT_MOST, 2) as x and y in mean spacings, and how many of them hold, (count,), at least 2.
    """
    n, room = len(cells), cells + 2 * MARGIN
    count = poisson(room**2, rng.random((n,), dtype=np.float32), SEEDS_AT_MOST).clip(2)
    seeds = rng.random((n, SEEDS_AT_MOST, 2), dtype=np.float32) * room[:, None, None] - np.float32(MARGIN)
    return seeds, count


def nearest(p: Columns, seeds: F, count: N, size: int) -> tuple[F, F, N]:
    """Finds the two nearest seeds of every pixel.

    Args:
        p: Columns with cells, stretch and direction, (count, 1, 1).
        seeds: From :func:`strew`.
        count: From :func:`strew`.
        size: Side in pixels.

    Returns:
        F1 and F2, distances to the nearest and second nearest seed in mean spacings, and the number of the nearest
        seed, each (count, size, size).
    """
    order = np.argsort(-count, kind="stable")  # pictures that still have seeds come first
    a, b, c = (part[order].ravel() for part in _longer(p["stretch"], p["direction"]))
    sx, sy = seeds[order, :, 0], seeds[order, :, 1]
    axis = ((np.arange(size, dtype=np.float32) + 0.5) / size)[None, :] * p["cells"].ravel()[order, None]
    f1, f2 = np.full((2, len(count), size, size), np.inf, np.float32)
    owner = np.zeros(f1.shape, np.int64)
    # |p - s|^2 = |p|^2 + |s|^2 - 2 <p, s>: what depends on the seed is a sum of a row and a column.
    mx, my = a[:, None] * sx + b[:, None] * sy, b[:, None] * sx + c[:, None] * sy
    square = sx * mx + sy * my
    for j in range(count.max(initial=0)):
        m = int((count > j).sum())
        across = square[:m, j, None] - 2 * mx[:m, j, None] * axis[:m]
        d = across[:, None, :] - (2 * my[:m, j, None] * axis[:m])[:, :, None]
        np.copyto(owner[:m], j, where=d < f1[:m])
        np.minimum(f2[:m], np.maximum(f1[:m], d), out=f2[:m])
        np.minimum(f1[:m], d, out=f1[:m])
    x, y = axis[:, None, :], axis[:, :, None]
    own = a[:, None, None] * x * x + 2 * b[:, None, None] * x * y + c[:, None, None] * y * y
    back = np.argsort(order)
    return np.sqrt((f1 + own).clip(0))[back], np.sqrt((f2 + own).clip(0))[back], owner[back]


def cell_field(p: Columns, size: int, rng: np.random.Generator) -> Pixels:
    """Returns cells with greys, relief and walls, about 1 in size, (count, size, size)."""
    seeds, count = strew(p["cells"].ravel(), rng)
    f1, f2, owner = nearest(p, seeds, count, size)
    grey = rng.random((len(f1), SEEDS_AT_MOST), dtype=np.float32) * 2 - 1
    inside = p["greys"] * grey[np.arange(len(f1))[:, None, None], owner] + p["relief"] * (2 * f1 - 1)
    pixel = p["cells"] / size
    wall = np.clip((p["wall"] - (f2 - f1)) / (2 * pixel) + 0.5, 0, 1) * np.minimum(p["wall"] / pixel, 1)
    return np.asarray(inside + wall * (p["wall_grey"] - inside), np.float32)


@dataclass(frozen=True)
class Voronoi:
    """Convex cells around random seeds, with greys, walls and relief; long in one direction in some pictures."""

    name: str = "voronoi"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws the images a few at a time; see :class:`PhantomSource`."""
        return finished_in_parts(cell_field, SPACE.columns(parameters), size, rng, BATCH)
