"""Where things lie in a frontal chest: the pose, the rib cage, the borders of the mediastinum, the diaphragm.

Everything is drawn in the patient's upright frame, in which the height v is the same along a row: what depends on v
alone costs one value a row. The tilt of the whole picture is applied to the finished attenuation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.float32]]
F = NDArray[Any]


def step(distance: F, softness: F | float) -> F:
    """Returns a soft edge: 0 below ``-softness``, 1 above ``softness``."""
    out = np.asarray(distance * (np.float32(0.5) / softness))
    out += np.float32(0.5)
    return np.asarray(np.clip(out, 0, 1, out=out))


def bump(v: F, centre: F, width: F | float) -> F:
    """Returns a Gaussian bell of height 1."""
    return np.asarray(np.exp(-(((v - centre) / width) ** 2)))


@dataclass(frozen=True, eq=False)
class Frame:
    """The chest's coordinates and borders for a batch of pictures, in parts of half the picture's side.

    Args:
        u: To the patient's left (the picture's right), (count, size, size).
        a: Distance from the midline, ``abs(u)``.
        right: Where the patient's right side is, 0 or 1 as bool.
        v: Down, (count, size, 1).
        pixel: Side of a pixel in these coordinates, (count, 1, 1).
        cage: Half width of the rib cage at this pixel's height and side.
        arch: Depth of the cage at each place, 1 in the middle and 0 at its side.
        border: Half width of the mediastinal silhouette (vessels and heart) on this pixel's side.
        floor: Distance below the diaphragm, negative above it.
    """

    u: F
    a: F
    right: NDArray[np.bool_]
    v: F
    pixel: F
    cage: F
    arch: F
    border: F
    floor: F


def frame(p: Columns, size: int) -> Frame:
    """Lays the patient's frame over pictures of ``size`` x ``size`` pixels."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    v = (axis[None, :, None] - p["shift_y"]) / p["zoom"]
    u = (axis[None, None, :] - p["shift_x"]) / p["zoom"] + (p["rotation"] + p["lean"]) * v
    a, right = np.abs(u), u < 0
    asymmetry = np.where(right, 1 + p["lung_asymmetry"], 1 - p["lung_asymmetry"])
    cage = _cage(p, v) * asymmetry
    across = a / cage
    arch = np.sqrt(np.clip(1 - across * across, 0, 1))
    border = np.where(right, _right_border(p, v), _left_border(p, v))
    return Frame(u, a, right, v, 2.0 / (size * p["zoom"]), cage, arch, border, v - _domes(p, a, right))


def _dome(p: Columns, v: F) -> F:
    """Returns the upper half of a superellipse: 0 at the apex of the lungs, 1 where the cage is widest and below."""
    up = np.clip((p["cage_y"] - v) / (p["cage_y"] - p["apex_y"]), 0, 1)
    return np.asarray((1 - up ** p["cage_shape"]) ** (1 / p["cage_shape"]))


def _cage(p: Columns, v: F) -> F:
    """Returns the side of a dome over each lung's apex, that goes on widening downwards."""
    wide = p["cage_width"] * (1 + p["cage_flare"] * v) - p["apex_x"]
    return np.asarray(p["apex_x"] + wide * _dome(p, v))


def _upper(p: Columns, v: F) -> F:
    """Returns the half width of the mediastinum without the heart: the great vessels fan out beside the apices."""
    return np.asarray(p["mediastinum_width"] + (p["apex_x"] - p["mediastinum_width"]) * (1 - np.sqrt(_dome(p, v))))


def _left_border(p: Columns, v: F) -> F:
    """Returns, from above: aortic knob, pulmonary trunk, left ventricle that swings out to the apex of the heart."""
    t = np.clip((v - p["heart_top"]) / (p["heart_apex_y"] - p["heart_top"]), 0, 1.6)
    ventricle = np.sin(np.pi / 2 * np.minimum(t, 1)) ** p["heart_shape"] * np.sqrt(
        np.clip(1 - (t - 1) ** 2 * (t > 1), 0, 1)
    )
    knob = p["aortic_knob"] * bump(v, p["heart_top"] - 0.24, 0.08)
    trunk = p["pulmonary_trunk"] * bump(v, p["heart_top"], 0.1)
    return np.asarray(_upper(p, v) + knob + trunk + p["heart_left"] * ventricle)


def _right_border(p: Columns, v: F) -> F:
    """Returns, from above: superior vena cava, right atrium."""
    t = (v - p["heart_top"] - 0.05) / (p["heart_apex_y"] - p["heart_top"] + 0.1)
    atrium = np.sqrt(np.clip(4 * t * (1 - 0.85 * t), 0, 1) * np.clip(1.2 * t, 0, 1))
    return np.asarray(_upper(p, v) + p["vena_cava"] + p["heart_right"] * atrium)


def _domes(p: Columns, a: F, right: NDArray[np.bool_]) -> F:
    """Returns the height of the diaphragm: domes that fall to the costophrenic angles; fluid fills these."""
    side = (a - p["dome_x"]) / (p["cage_width"] - p["dome_x"])
    fall = side * side * np.where(side > 0, p["costophrenic"], p["cardiophrenic"])
    difference, fluid = p["diaphragm_difference"], np.clip(p["effusion"], 0, None)
    share = np.clip(p["effusion_side"], 0, 1)
    lift_right, lift_left = difference + fluid * (1 - share), fluid * share
    return np.asarray(
        p["diaphragm_y"] + fall - np.where(right, lift_right, lift_left) * (0.6 + 0.5 * np.clip(side, -1, 1))
    )
