"""Soft tissue of the chest radiograph: trunk, shoulders, neck, arms, breasts, abdomen with its gas."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.anatomies.chest_frame import Columns, F, Frame, bump, step


def soft_tissue(p: Columns, f: Frame, texture: F) -> F:
    """Returns the attenuation of everything soft outside the lungs, air being 0 and the trunk about 0.8.

    Args:
        p: Parameters.
        f: Coordinates.
        texture: A field of zero mean and unit variance, for the gas of the bowel; (count, size, size).
    """
    body = np.maximum(_trunk(p, f), _neck(p, f))
    body = np.maximum(body, _arms(p, f))
    return np.asarray(body + _breasts(p, f) + _abdomen(p, f, texture) * np.minimum(2 * body, 1))


def _trunk(p: Columns, f: Frame) -> F:
    """Returns an elliptical cylinder below the line of the shoulders, that widens to the arms at the armpits."""
    flare = 0.12 * np.exp(np.minimum((p["axilla_y"] - f.v) / 0.14, 4))
    edge = p["body_width"] + p["waist"] * np.clip(f.v, 0, 1) ** 2 + flare
    across = f.a / edge
    across *= across
    side = np.clip(1 - across * across, 0, 1)
    top = p["shoulder_y"] - p["trapezius"] * np.exp(-np.maximum(f.a - p["neck_width"], 0) / 0.25)
    top += 0.9 * np.maximum(f.a - p["deltoid_x"], 0) ** 2
    below = np.clip((f.v - top) / p["shoulder_depth"], 0, 1)
    depth = p["tissue"] + p["tissue_centre"] * np.clip(1 - f.a * f.a, 0, 1)
    return np.asarray(depth * np.sqrt(side * below))


def _neck(p: Columns, f: Frame) -> F:
    """Returns the neck, and the head's shadow where the chin hangs into the picture."""
    across = f.a / p["neck_width"]
    chin = p["neck"] + 0.5 * step(p["chin_y"] - f.v, 0.04)
    return np.asarray(chin * np.sqrt(np.clip(1 - across * across, 0, 1)) * step(p["apex_y"] + 0.4 - f.v, 0.4))


def _arms(p: Columns, f: Frame) -> F:
    """Returns upper arms that hang down beside the trunk; often outside the picture."""
    offset = np.where(f.right, p["arm_difference"], -p["arm_difference"])
    across = (f.a - p["arm_x"] - offset - p["arm_slope"] * f.v) / p["arm_width"]
    bone = 0.25 * np.exp(-((across / 0.22) ** 2))
    inside = np.clip(1 - across * across, 0, 1)
    return np.asarray((0.75 * p["tissue"] * np.sqrt(inside) + bone * inside) * step(f.v - p["shoulder_y"] - 0.2, 0.15))


def _breasts(p: Columns, f: Frame) -> F:
    """Returns two round shadows with a sharp lower and no upper edge; none where the parameter is below 0."""
    density = np.clip(p["breast"], 0, None)
    x, y = (f.a - p["breast_x"]) / p["breast_size"], (f.v - p["breast_y"]) / (0.9 * p["breast_size"])
    ramp = np.clip(0.6 + 0.5 * y, 0, 1)
    return np.asarray(density * np.sqrt(np.clip(1 - x * x - y * y, 0, 1)) * ramp)


def _abdomen(p: Columns, f: Frame, texture: F) -> F:
    """Returns what the organs below the diaphragm add: dense, but for the gas of stomach and bowel."""
    below = np.clip(f.floor, 0, None)
    solid = p["abdomen"] * (1 - np.exp(-(below + 0.02) / 0.18)) * (f.floor > 0)
    x, y = (f.u - p["stomach_x"]) / p["stomach_width"], (f.floor - 0.12) / p["stomach_height"]
    bubble = np.clip(p["stomach"], 0, None) * step(1 - x * x - y * y, 0.3)
    bowel = p["bowel_gas"] * np.clip(texture - 0.7, 0, 1.2) * step(f.floor - 0.2, 0.15)
    return np.asarray(solid - bubble * (f.floor > 0) - bowel)


def windpipe(p: Columns, f: Frame) -> F:
    """Returns the air of trachea and main bronchi, to be taken off."""
    along = f.u - p["turn"] - p["trachea_bend"] * bump(f.v, p["apex_y"] + 0.45, 0.2)
    split = np.clip(f.v - p["carina_y"], 0, None)
    across = (np.abs(along) - 0.9 * split) / p["trachea_width"]
    return np.asarray(p["trachea"] * np.clip(1 - across * across, 0, 1) * step(p["carina_y"] + 0.12 - f.v, 0.06))
