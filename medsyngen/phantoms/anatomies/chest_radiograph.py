"""A frontal chest radiograph drawn by program: depth of tissue, air and bone along each ray, then the acquisition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsyngen.phantoms.acquisition_xray import detect, film, photon_noise, shutters, tilt
from medsyngen.phantoms.anatomies import chest_devices, chest_vessels
from medsyngen.phantoms.anatomies.chest_body import soft_tissue, windpipe
from medsyngen.phantoms.anatomies.chest_bones import bones
from medsyngen.phantoms.anatomies.chest_frame import Columns, frame
from medsyngen.phantoms.anatomies.chest_lungs import in_lungs, lung_fields
from medsyngen.phantoms.anatomies.chest_parameters import SPACE
from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.phantoms.textures.power_law import power_law_field
from medsyngen.scan import Pixels

PIXELS_AT_ONCE = 2**16
"""Pictures are drawn a few at a time, so that the fields of a batch stay in the processor's cache."""


@dataclass(frozen=True)
class ChestRadiograph:
    """Trunk, shoulders, arms, lungs with their vessels, heart and great vessels, diaphragm, bones, devices."""

    name: str = "chest_radiograph"
    version: int = 2

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws all images; see :class:`PhantomSource`. Air is dark, bone is bright."""
        p = SPACE.columns(parameters)
        count = len(p["zoom"])
        out = np.empty((count, 1, size, size), np.float32)
        step = max(1, PIXELS_AT_ONCE // size**2)
        for start in range(0, count, step):
            part = slice(start, start + step)
            q = {name: value[part] for name, value in p.items()}
            out[part, 0] = _acquire(q, _attenuation(q, size, rng), rng)
        return out


def _attenuation(p: Columns, size: int, rng: np.random.Generator) -> Pixels:
    """Returns the attenuation of the upright patient, air being 0 and the middle of the chest about 1."""
    f = frame(p, size)
    count = len(p["zoom"])
    texture = power_law_field(p["texture_exponent"], size, rng)
    branches = rng.random((count, chest_vessels.DRAWS, 2), dtype=np.float32)
    draws = rng.random((count, chest_devices.DRAWS), dtype=np.float32)
    air = lung_fields(p, f)
    density = soft_tissue(p, f, texture) + p["texture"] * texture
    tree = chest_vessels.vessels(p, f, branches)
    left = np.clip(1 - in_lungs(p, f, texture), 0.1, 1.1)
    density -= air * p["lung_air"] * left
    density += tree * np.minimum(3 * air, 1)
    density += bones(p, f) - windpipe(p, f) + chest_devices.devices(p, f, draws)
    return np.asarray(np.maximum(density, 0), np.float32)


def _acquire(p: Columns, density: Pixels, rng: np.random.Generator) -> Pixels:
    white = rng.standard_normal(density.shape, dtype=np.float32)
    density = detect(tilt(density, p["rotation"]), p["psf"], p["scatter"])
    grey = film(photon_noise(density, p["quantum"], white), p["level"], p["contrast"], p["black"], p["white"])
    edges = (p["shutter_left"], p["shutter_right"], p["shutter_top"], p["shutter_bottom"])
    border = np.where(p["border"] > 0.85, np.float32(0.95), np.maximum(p["black"], -1))
    return shutters(grey, edges, p["shutter_tilt"], border)
