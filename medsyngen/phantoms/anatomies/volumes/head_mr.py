"""A head as nested ellipsoids in an MR volume, with fluid (1), grey (2) and white matter (3) as label map."""

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
    smooth_volume,
)
from medsyngen.phantoms.parameters import Parameter, Parameters, ParameterSpace
from medsyngen.scan import Pixels

_ANATOMY = "common anatomy of the head, wide prior"
_CONTRAST = "T1-weighted: white over grey matter over fluid, wide"
_BIAS = "intensity non-uniformity of 20 to 40 % (BrainWeb: Kwan et al. 1999; N4: Tustison et al. 2010), wide"
_PRACTICE = "MR practice, wide prior"

SPACE = ParameterSpace(
    (
        Parameter("shift_x", -1.5, 1.5, "1/32 side", _PRACTICE),
        Parameter("shift_y", -1.5, 1.5, "1/32 side", _PRACTICE),
        Parameter("shift_z", -1.5, 1.5, "1/32 side", _PRACTICE),
        Parameter("turn", -0.2, 0.2, "rad", _PRACTICE),
        Parameter("length", 13.0, 15.5, "1/32 side", "half the head from front to back"),
        Parameter("cephalic_index", 0.7, 0.88, "1", "of adults, wide"),
        Parameter("height", 0.75, 0.95, "length", _ANATOMY),
        Parameter("scalp", 0.06, 0.12, "1", _ANATOMY),
        Parameter("skull", 0.05, 0.1, "1", _ANATOMY),
        Parameter("fluid_layer", 0.01, 0.05, "1", "widens with age, wide"),
        Parameter("cortex", 0.08, 0.16, "1", "cortex 2 to 4 mm thick (Fischl and Dale 2000), as seen at coarse voxels"),
        Parameter("folding", 0.02, 0.12, "1", _ANATOMY),
        Parameter("folds", 2.5, 5.0, "waves a side", _ANATOMY),
        Parameter("ventricles", 0.6, 1.7, "1", "widen with age, wide"),
        Parameter("scalp_signal", 0.6, 1.3, "white matter", "fat, saturated or not"),
        Parameter("fluid", 0.05, 0.3, "white matter", _CONTRAST),
        Parameter("grey", 0.5, 0.8, "white matter", _CONTRAST),
        Parameter("texture", 0.01, 0.06, "1", _ANATOMY, log=True),
        Parameter("bias", 0.02, 0.2, "1", _BIAS),
        Parameter("psf", 0.3, 0.7, "voxel", _PRACTICE),
        Parameter(
            "noise", 0.01, 0.06, "white matter", "noise of 1 to 9 % of the brightest tissue (BrainWeb)", log=True
        ),
    )
)


@dataclass(frozen=True)
class HeadMR:
    """Scalp, skull, fluid, folded cortex, white matter, ventricles; bias field, blur, Rician noise."""

    name: str = "head_mr"
    version: int = 1
    labels: int = 4

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render_volumes(
        self, parameters: Parameters, space: Space, rng: np.random.Generator
    ) -> tuple[Pixels, NDArray[np.uint8]]:
        """Draws all volumes; see :class:`VolumeSource`. Air and skull are dark and have label 0."""
        return drawn(_draw, SPACE, parameters, space, rng)


def _draw(p: Columns, space: Space, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.uint8]]:
    count = len(p["turn"])
    x, y, z = coordinates(space)
    cos, sin = np.cos(p["turn"]), np.sin(p["turn"])
    x, y, z = x - p["shift_x"], y - p["shift_y"], z - p["shift_z"]
    x, y = x * cos + y * sin, y * cos - x * sin
    u, v, w = x / (p["length"] * p["cephalic_index"]), y / p["length"], z / (p["length"] * p["height"])
    radius = np.sqrt(u**2 + v**2 + w**2)
    rough = smooth_volume(p["folds"], count, space, rng)

    skull = 1 - p["scalp"]
    brain = skull - p["skull"]
    cortex = brain - p["fluid_layer"] - p["folding"] * np.abs(rough)
    white = cortex - p["cortex"] - 0.5 * p["folding"] * rough
    middle = np.sqrt((np.abs(u) - 0.14) ** 2 * 9 + (v / 0.42) ** 2 * 0.6 + ((w - 0.08) / 0.2) ** 2 * 0.5)
    ventricle = middle - 0.32 * p["ventricles"]

    image = np.zeros((count, *space), np.float32)
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32] | float], ...] = (
        (radius - 1, p["scalp_signal"]),
        (radius - skull, 0.05),
        (radius - brain, p["fluid"]),
        (radius - cortex, p["grey"]),
        (radius - white, 1.0),
        (np.maximum(ventricle, radius - white), p["fluid"]),
    )
    for edge, value in layers:
        image = painted(image, inside(edge * p["length"]), value)
    image *= 1 + p["texture"] * rough
    labels = np.select([radius > brain, radius > cortex, radius > white, ventricle < 0], [0, 1, 2, 1], 3)
    return scanned(image, p, rng), labels.astype(np.uint8)
