"""A frontal chest radiograph drawn by program: attenuation of simple shapes, then the acquisition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.acquisition import blur_and_scatter, collimate, quantum_noise, tone_curve
from medsyngen.phantoms.anatomies.chest_parameters import SPACE
from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.phantoms.textures.power_law import power_law_field
from medsyngen.scan import Pixels

Columns = dict[str, NDArray[np.float32]]
F = NDArray[Any]


@dataclass(frozen=True)
class ChestRadiograph:
    """Lung fields, mediastinum and heart, diaphragm, ribs, clavicles, spine, soft tissue; texture, scatter, noise."""

    name: str = "chest_radiograph"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws all images together; see :class:`PhantomSource`. Air is dark, bone is bright."""
        p = SPACE.columns(parameters)
        u, v = _pose(p, size)
        texture = power_law_field(p["texture_exponent"], size, rng)
        body = _body(p, u, v, 2.0 / size)
        lungs = _lungs(p, u, v, 2.0 / size)
        density = body * (p["tissue"] + p["tissue_centre"] * np.exp(-((u / 0.5) ** 2)))
        density += body * _below(p, u, v) * p["abdomen"]
        density -= body * lungs * (p["lung_air"] - _in_lungs(p, u, v, texture))
        density += body * _bones(p, u, v)
        density += body * p["texture"] * texture
        density = blur_and_scatter(density, p["psf"], p["scatter"])
        grey = tone_curve(quantum_noise(density, p["quantum"], rng), p["level"], p["contrast"])
        edges = (p["collimation_left"], p["collimation_right"], p["collimation_top"], p["collimation_bottom"])
        return collimate(grey, edges, p["border"])[:, None]


def _pose(p: Columns, size: int) -> tuple[F, F]:
    """Returns body coordinates of every pixel: u to the patient's left, v down, (count, size, size)."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    x, y = (axis[None, None, :] - p["shift_x"]) / p["zoom"], (axis[None, :, None] - p["shift_y"]) / p["zoom"]
    cos, sin = np.cos(p["rotation"]), np.sin(p["rotation"])
    return x * cos + y * sin, y * cos - x * sin


def _step(distance: F, softness: float) -> F:
    """Returns a soft edge: 0 far below, 1 far above."""
    return np.asarray(np.clip(distance / (2 * softness) + np.float32(0.5), 0, 1))


def _body(p: Columns, u: F, v: F, soft: float) -> F:
    shoulder = _step(v - p["shoulder_y"], 0.25)
    half_width = p["neck_width"] + (p["body_width"] - p["neck_width"]) * np.sqrt(shoulder)
    return _step(half_width - np.abs(u), 2 * soft)


def _domes(p: Columns, u: F) -> F:
    """Returns the height of the diaphragm over u: a dome on each side, the patient's right one higher."""
    across = (np.abs(u) - p["lung_x"]) / (1.3 * p["lung_width"])
    difference = np.where(u < 0, p["diaphragm_difference"], np.float32(0))
    return np.asarray(p["diaphragm_y"] - difference - p["diaphragm_dome"] * np.clip(1 - across**2, -1, 1))


def _below(p: Columns, u: F, v: F) -> F:
    return _step(v - _domes(p, u), 0.08)


def _lungs(p: Columns, u: F, v: F, soft: float) -> F:
    """Returns the air of both lung fields, 0 to 1: superellipses, cut by heart, mediastinum and diaphragm."""
    right = u < 0
    width: F = p["lung_width"] * np.where(right, 1 + p["lung_asymmetry"], 1 - p["lung_asymmetry"])
    centre = p["lung_x"] + p["lung_tilt"] * (v - p["lung_y"])  # apices lean together
    width = width * (1 + 0.8 * p["lung_tilt"] * (v - p["lung_y"]))  # and are narrower than the bases
    across = np.abs(np.abs(u) - centre) / width
    along = np.abs(v - p["lung_y"]) / p["lung_height"]
    level = across ** p["lung_shape"] + along ** p["lung_shape"]
    fields = _step(1 - level, 4 * soft)
    cos, sin = np.cos(p["heart_tilt"]), np.sin(p["heart_tilt"])
    du, dv = u - p["heart_x"], v - p["heart_y"]
    heart = ((du * cos + dv * sin) / p["heart_width"]) ** 2 + ((dv * cos - du * sin) / p["heart_height"]) ** 2
    middle = np.abs(u) / p["mediastinum_width"]
    free = _step(heart - 1, 4 * soft) * _step(middle - 1, 3 * soft)
    return np.asarray(fields * free * (1 - _below(p, u, v)))


def _in_lungs(p: Columns, u: F, v: F, texture: F) -> F:
    """Returns density inside the air: vessels that thin out from the hilum, and now and then an opacity."""
    hilum = np.exp(-(((np.abs(u) - 0.22) / 0.18) ** 2) - ((v + 0.02) / 0.25) ** 2)
    blob = ((u - p["opacity_x"]) ** 2 + (v - p["opacity_y"]) ** 2) / p["opacity_width"] ** 2
    opacity = np.maximum(p["opacity"], 0) * np.exp(-blob) * (1 + 0.3 * texture)
    return np.asarray(p["hilum"] * hilum + p["vessels"] * np.abs(texture) * (0.4 + hilum) + opacity)


def _bones(p: Columns, u: F, v: F) -> F:
    """Returns density of mediastinum, heart, spine, ribs and clavicles."""
    a = np.abs(u)
    cos, sin = np.cos(p["heart_tilt"]), np.sin(p["heart_tilt"])
    du, dv = u - p["heart_x"], v - p["heart_y"]
    heart = ((du * cos + dv * sin) / p["heart_width"]) ** 2 + ((dv * cos - du * sin) / p["heart_height"]) ** 2
    out = p["heart"] * np.sqrt(np.clip(1 - heart, 0, None)) * (1 - 0.5 * _below(p, u, v))
    taper = 0.7 + 0.3 * _step(v + 0.3, 0.4)  # narrow above the aortic arch
    out += p["mediastinum"] * np.exp(-((u / (taper * p["mediastinum_width"])) ** 2))
    rows = 1 + p["vertebrae"] * np.sin(2 * np.pi * v / (1.1 * p["rib_spacing"]))
    out += p["spine"] * rows * np.exp(-((u / p["spine_width"]) ** 4))
    # One periodic profile draws all ribs: each falls away from the spine and curves down at the side.
    period = (v - p["rib_droop"] * a**1.5 + 0.1 * np.cos(6 * a)) / p["rib_spacing"] + p["rib_phase"]
    offset = period - np.round(period)
    cage = _step(a - 0.1, 0.05) * _step(0.92 * p["body_width"] - a, 0.08) * _step(v + 0.85, 0.1) * _step(0.8 - v, 0.2)
    out += p["rib"] * cage * np.exp(-((offset / p["rib_thickness"]) ** 2)) * (0.6 + a)
    bar = v - p["clavicle_y"] - p["clavicle_slope"] * (a - 0.1) - 0.15 * (a - 0.3) ** 2
    out += p["clavicle"] * np.exp(-((bar / 0.045) ** 2)) * _step(a - 0.1, 0.04) * _step(0.7 - a, 0.08)
    return np.asarray(out, np.float32)
