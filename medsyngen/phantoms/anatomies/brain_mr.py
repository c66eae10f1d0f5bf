"""An axial MR slice of the head drawn by program: shapes, the sequence's contrast, then the scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsyngen.phantoms.acquisition_mr import bias_field, k_space, rician_noise
from medsyngen.phantoms.anatomies.brain_contrast import signals
from medsyngen.phantoms.anatomies.brain_parameters import SPACE
from medsyngen.phantoms.anatomies.brain_shapes import fold_cycles, head_slice
from medsyngen.phantoms.anatomies.slice_shapes import Columns, chunks, cover, pose, rows
from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.phantoms.textures.smooth_field import smooth_field
from medsyngen.scan import Pixels


@dataclass(frozen=True)
class BrainMR:
    """Scalp, skull, folded cortex, ventricles, nuclei, skull base and eyes; bias field, k-space, Rician noise."""

    name: str = "brain_mr"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws all images together; see :class:`PhantomSource`. The face is up, air is dark."""
        p = SPACE.columns(parameters)
        return np.concatenate([_draw(rows(p, part), size, rng) for part in chunks(len(p["zoom"]))])[:, None]


def _draw(p: Columns, size: int, rng: np.random.Generator) -> Pixels:
    field = smooth_field(fold_cycles(p), size, rng)
    u, v = pose(p, size)
    image, brain = head_slice(p, signals(p), u, v, field, 2.4 / size)
    received = k_space(image * bias_field(p["bias"], size, rng), p["psf"], p["matrix"])
    grey = rician_noise(received, p["noise"], rng)
    grey *= 1 - cover(p["skull_stripped"], 0.1) * (1 - brain)
    return np.clip(2 * grey - 1, -1, 1)
