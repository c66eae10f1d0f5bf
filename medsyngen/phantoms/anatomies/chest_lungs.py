"""The air of the lungs, and what may lie in it."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.anatomies.chest_frame import Columns, F, Frame, bump, step


def lung_fields(p: Columns, f: Frame) -> F:
    """Returns the depth of air along the ray, 0 to 1: the cage, less mediastinum and what lies below the diaphragm."""
    soft = 1.2 * f.pixel
    centre = np.where(f.right, -p["turn"], p["turn"])  # a turned patient: one lung wider than the other
    blurred = soft + p["border_softness"] * (0.25 + bump(f.v, p["hilum_y"], 0.3))  # the hilum has no clear edge
    medial = step(f.a - f.border - centre, blurred)
    above = step(-f.floor, soft + p["floor_softness"]) * step(f.v - p["apex_y"], soft)
    lateral = step(f.cage - f.a, 1.2 * f.pixel)  # softens what the root leaves jagged
    return np.asarray(f.arch ** p["lung_profile"] * medial * above * lateral)


def in_lungs(p: Columns, f: Frame, texture: F) -> F:
    """Returns what the air is replaced by, as a share of it: vessels' haze, a consolidation, haze all over.

    Args:
        p: Parameters.
        f: Coordinates.
        texture: Zero mean, unit variance, (count, size, size).
    """
    hilum = np.exp(-(((f.a - f.border) / 0.2) ** 2)) * bump(f.v, p["hilum_y"], 0.3)
    x, y = (f.u - p["opacity_x"]) / p["opacity_width"], (f.v - p["opacity_y"]) / p["opacity_width"]
    blob = np.clip(p["opacity"], 0, None) * np.exp(-(x * x) - y * y) * (1 + 0.25 * texture)
    base = p["base_haze"] * step(f.v - 0.1, 0.6)
    return np.asarray(p["hilum"] * hilum + blob + base + p["interstitium"] * texture)
