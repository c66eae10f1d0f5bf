"""An axial CT slice of the thorax drawn by program: shapes in Hounsfield units, the kernel's noise, then a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsyngen.phantoms.acquisition_ct import kernel, reconstruct, window
from medsyngen.phantoms.anatomies.slice_shapes import Columns, chunks, pose, rows
from medsyngen.phantoms.anatomies.thorax_parameters import SPACE
from medsyngen.phantoms.anatomies.thorax_shapes import thorax_slice
from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.phantoms.textures.smooth_field import smooth_field
from medsyngen.scan import Pixels


@dataclass(frozen=True)
class ThoraxCT:
    """Fat, muscle, ribs, lungs with vessels, mediastinum, heart, great vessels, domes, vertebra, table; CT noise."""

    name: str = "thorax_ct"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws all images together; see :class:`PhantomSource`. The front is up, the patient's left to the right."""
        p = SPACE.columns(parameters)
        return np.concatenate([_draw(rows(p, part), size, rng) for part in chunks(len(p["zoom"]))])[:, None]


def _draw(p: Columns, size: int, rng: np.random.Generator) -> Pixels:
    fields = smooth_field(p["vessel_size"], size, rng), smooth_field(np.full_like(p["zoom"], 5), size, rng)
    u, v = pose(p, size)
    image = thorax_slice(p, u, v, fields, 2.2 / size)
    hounsfield = reconstruct(image, kernel(p["cutoff"], p["sharpness"], size), p["noise"], rng)
    low, high = p["window_low"], p["window_high"]
    return window(hounsfield, np.float32(0.5) * (low + high), high - low, p["black"])
