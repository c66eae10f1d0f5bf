"""Bones of the chest radiograph: ribs, clavicles, shoulder blades, heads of the humeri, spine."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.anatomies.chest_frame import Columns, F, Frame, step


def bones(p: Columns, f: Frame) -> F:
    """Returns the attenuation of all bones, (count, size, size)."""
    return np.asarray(_ribs(p, f) + _clavicles(p, f) + _shoulders(p, f) + _spine(p, f))


def _ribs(p: Columns, f: Frame) -> F:
    """Returns all ribs at once, by their period.

    A rib is an ellipse around the cage, tilted forward: seen from the front, its back half is an arch above, its front
    half an arch below the height at which both meet at the side, and the ray runs longer through bone there.
    """
    inside = step(f.cage + 0.08 - f.a, 0.04) * step(f.v - p["apex_y"], 0.08) * step(p["diaphragm_y"] + 0.45 - f.v, 0.15)
    along = (0.4 + 0.6 * step(-f.floor, 0.1)) / (f.arch + 0.6)
    height = f.v * (1 + p["rib_spread"] * f.v) / p["rib_spacing"] + p["rib_phase"]
    back = _bands(height + p["rib_arch"] / p["rib_spacing"] * f.arch, p["rib_thickness"])
    front = _bands(height - (p["rib_front"] / p["rib_spacing"]) * f.arch + 0.35, p["rib_thickness"] * 1.15)
    seen_front = p["rib_front_share"] * step(f.a - 0.22, 0.12)  # cartilage nearer to the sternum is not seen
    apart = step(f.arch - 0.2, 0.2)  # towards the side all of them run into one another
    outside = (f.cage + 0.02 - f.a) / 0.05
    wall = p["cage_wall"] * np.clip(1 - outside * outside, 0, 1)
    ribs = apart * (back * step(f.a - 0.04, 0.04) + seen_front * front)
    return np.asarray(p["rib"] * inside * (along * ribs + wall))


def _bands(period: F, thickness: F) -> F:
    """Returns flat-topped bands around whole numbers, brighter at their edges as a tube's wall is."""
    offset = np.abs(period - np.round(period)) / thickness
    tube = offset * offset
    return np.asarray(np.clip(2.6 - 2.6 * tube, 0, 1) * (0.7 + 0.4 * tube))


def _clavicles(p: Columns, f: Frame) -> F:
    """Returns two slim S-shaped bars from the sternum out to the shoulders."""
    turned = np.where(f.right, -p["turn"], p["turn"])
    t = (f.a - turned - 0.07) / 0.6
    line = p["clavicle_y"] + p["clavicle_rise"] * t + 0.05 * np.sin(2 * np.pi * t)
    across = (f.v - line) / p["clavicle_width"]
    tube = across * across
    ends = step(t - 0.04, 0.05) * step(1.05 - t, 0.08)
    return np.asarray(p["clavicle"] * ends * np.exp(-tube) * (0.7 + 0.7 * tube))


def _shoulders(p: Columns, f: Frame) -> F:
    """Returns shoulder blades (a faint wedge with a bright outer rim), their roof and the heads of the humeri."""
    x, y = p["scapula_x"], p["shoulder_y"]
    below = np.clip(f.v - y - 0.25, 0, None)
    rim = x - 0.1 * below - 0.3 * below * below
    inside = step(rim - f.a, 0.03) * step(f.a - rim + 0.28, 0.12)
    span = step(f.v - y - 0.12, 0.08) * step(y + 0.8 - f.v, 0.15)
    edge = (f.a - rim) / 0.07
    blade = (0.5 * inside + 0.6 * np.clip(1 - edge * edge, 0, 1)) * span
    head = 1 - ((f.a - x - 0.24) ** 2 + (f.v - y - 0.25) ** 2) / 0.0169
    slant = (f.v - y - 0.12 + 0.25 * (f.a - x)) / 0.06
    roof = np.clip(1 - slant * slant, 0, 1) * step(f.a - x + 0.12, 0.06)
    return np.asarray(p["scapula"] * (blade + 0.9 * np.sqrt(np.clip(head, 0, 1)) + roof))


def _spine(p: Columns, f: Frame) -> F:
    """Returns the column of vertebrae, with gaps between them and a line of spinous processes."""
    u = f.u + p["turn"] + p["scoliosis"] * np.sin(2.5 * f.v)
    rows = 1 + p["vertebrae"] * np.sin(2 * np.pi * f.v / (0.9 * p["rib_spacing"]))
    across = u / p["spine_width"]
    across *= across
    return np.asarray(p["spine"] * rows * np.exp(-across * across) * (0.75 + 0.25 * step(f.v, 0.5)))
