"""A crop of an MR volume around a hippocampus, drawn by program, with its front (1) and back (2) as label map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.anatomies.volumes.fields import (
    Columns,
    Space,
    coordinates,
    drawn,
    inside,
    painted,
    scanned,
    seen,
    smooth_volume,
)
from medsyngen.phantoms.anatomies.volumes.hippocampus_parameters import SPACE
from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.scan import Pixels


@dataclass(frozen=True)
class HippocampusMR:
    """A bent tube of two parts in white matter, with cortex, fluid and a bright core around it; bias, blur, noise."""

    name: str = "hippocampus_mr"
    version: int = 1
    labels: int = 3

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render_volumes(
        self, parameters: Parameters, space: Space, rng: np.random.Generator
    ) -> tuple[Pixels, NDArray[np.uint8]]:
        """Draws all volumes; see :class:`VolumeSource`. Label 1 is the front (head), 2 the back (body and tail)."""
        return drawn(_draw, SPACE, parameters, space, rng)


def _draw(p: Columns, space: Space, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.uint8]]:
    count = len(p["side"])
    x, y, z = coordinates(space)
    x, y, z = (x - p["shift_x"]) * np.sign(p["side"] + 1e-9), y - p["shift_y"], z - p["shift_z"]
    along, across, up = _axis(p, x, y, z)
    place = along / p["length"] + 0.5  # 0 at the tip of the tail, 1 at that of the head
    rough = smooth_volume(3.0, count, space, rng)
    edge, height = _tube(p, place, across, up, rough)

    image = _around(p, space, rng, (x, up))
    fluid, grey = p["fluid"], p["grey"]
    above = np.clip(0.5 + height / 3, 0, 1)
    horn = np.asarray(inside(edge - p["horn"]) * above, np.float32)
    image = painted(image, inside(edge - p["white_shell"] - 0.5 * p["horn"]), 1.0)
    image = painted(image, horn, fluid)
    image = painted(image, inside(edge), grey * p["own_grey"])
    image *= 1 + p["texture"] * rough
    view = seen(p, space)
    own = (edge < 0) & view
    labels = np.where(own, np.where(place > 0.5 + p["split"], 1, 2), 0).astype(np.uint8)
    return np.where(view, scanned(image, p, rng), np.float32(-1)), labels


def _axis(p: Columns, x: Pixels, y: Pixels, z: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Returns the coordinates along the long axis (to the front), across it and up from it."""
    cos, sin = np.cos(p["rise"]), np.sin(p["rise"])
    along, up = y * cos - z * sin, y * sin + z * cos
    cos, sin = np.cos(p["yaw"]), np.sin(p["yaw"])
    return along * cos + x * sin, x * cos - along * sin, up


def _tube(p: Columns, place: Pixels, across: Pixels, up: Pixels, rough: Pixels) -> tuple[Pixels, Pixels]:
    """Returns about how far each voxel lies outside of the tube, and how far above its middle line."""
    t = np.clip(place, 0, 1)
    head = 1 / (1 + np.exp(-12 * (t - 0.55)))  # from the narrow back to the wide front
    width = p["tail_width"] + head * (p["head_width"] - p["tail_width"])
    thick = p["tail_height"] + head * (p["head_height"] - p["tail_height"])
    end = np.sqrt(np.clip(1 - np.clip(np.abs(2 * place - 1) - 0.55, 0, None) ** 2 / 0.45**2, 0, None))
    height = up - p["bend"] * (1 - (2 * t - 1) ** 2)
    sideways = across + p["hook"] * np.clip(t - 0.6, 0, None) * 4
    radius = np.sqrt((sideways / width) ** 2 + (height / thick) ** 2) + p["roughness"] * rough * 0.6
    beyond = np.clip(np.abs(2 * place - 1) - 1, 0, None) * p["length"] / 2
    return np.asarray((radius - end) * thick + beyond, np.float32), np.asarray(height, np.float32)


def _around(p: Columns, space: Space, rng: np.random.Generator, at: tuple[Pixels, Pixels]) -> Pixels:
    """Returns white matter with cortical ribbons, fluid in folds, and a bright core above."""
    count = len(p["side"])
    folds = smooth_volume(p["folds"], count, space, rng)
    fluid = inside((p["cistern"] - folds) * 4)
    ribbon = inside((np.abs(folds - p["cistern"] + p["ribbon"]) - p["ribbon"]) * 4)
    image = painted(np.ones_like(folds), ribbon, p["grey"])
    image = painted(image, fluid, p["fluid"])
    x, up = at
    core = np.sqrt((x - p["core_x"]) ** 2 + (up - 14) ** 2) - p["core"]
    return painted(image, inside(np.broadcast_to(core, image.shape), 2.0), 0.95)
