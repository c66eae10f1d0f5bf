"""Dead leaves: opaque shapes that cover one another (Matheron 1968; Lee, Mumford and Huang 2001)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsyngen.phantoms.acquisition import blur_and_scatter
from medsyngen.phantoms.parameters import Parameter, Parameters, ParameterSpace
from medsyngen.phantoms.textures.power_law import power_law_field
from medsyngen.scan import Pixels

_LEE = "Lee, Mumford, Huang 2001: radius law r^-3 between two cut-offs"
_WIDE = "wide prior, chosen in public"

SPACE = ParameterSpace(
    (
        Parameter("radius_min", 0.03, 0.12, "side", _LEE, log=True),
        Parameter("radius_max", 0.4, 1.2, "side", _LEE),
        Parameter("mean", -0.6, 0.4, "grey", _WIDE),
        Parameter("contrast", 0.2, 0.8, "grey", _WIDE),
        Parameter("texture", 0.0, 0.15, "grey", "textured leaves: VibrantLeaves 2025"),
        Parameter("texture_exponent", 1.5, 3.5, "1", "Burgess 2003: anatomical noise"),
        Parameter("psf", 0.2, 0.8, "pixel", _WIDE),
        Parameter("noise", 0.002, 0.04, "grey", _WIDE, log=True),
    )
)

MAX_LEAVES = 100
"""Drawn front to back; what is still open then belongs to one last leaf that covers everything."""


@dataclass(frozen=True)
class DeadLeaves:
    """Discs, ellipses and rectangles of any orientation with radii distributed as r^-3."""

    name: str = "dead_leaves"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws the leaves of all images together, one leaf of each at a time; see :class:`PhantomSource`."""
        p = SPACE.columns(parameters)
        n = len(p["mean"])
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size
        x, y = axis[None, None, :], axis[None, :, None]
        image = np.zeros((n, size, size), np.float32)
        open_ = np.ones((n, size, size), bool)
        uniform = rng.random((MAX_LEAVES, 6, n, 1, 1), dtype=np.float32)
        least, most = p["radius_min"] ** -2, p["radius_max"] ** -2
        for u in uniform:
            radius = (least - u[0] * (least - most)) ** -0.5  # inverse of the distribution function of r^-3
            dx, dy = x - (u[1] * 1.4 - 0.2), y - (u[2] * 1.4 - 0.2)
            cos, sin = np.cos(np.pi * u[3]), np.sin(np.pi * u[3])
            a, b = (dx * cos + dy * sin) / radius, (dy * cos - dx * sin) / (radius * (0.35 + 0.65 * u[4]))
            box = u[5] > 0.6
            inside = np.where(box, np.maximum(np.abs(a), np.abs(b)) < 0.8, a * a + b * b < 1)
            hit = inside & open_
            grey = rng.uniform(-1, 1, (n, 1, 1)).astype(np.float32)
            image = np.where(hit, grey, image)
            open_ &= ~hit
        last = rng.uniform(-1, 1, (n, 1, 1)).astype(np.float32)
        image = np.where(open_, last, image)
        image = p["mean"] + p["contrast"] * image
        image += p["texture"] * power_law_field(p["texture_exponent"], size, rng)
        image = blur_and_scatter(image, p["psf"], np.zeros_like(p["psf"]))
        image += p["noise"] * rng.standard_normal(image.shape, dtype=np.float32)
        return np.clip(image, -1, 1)[:, None]
