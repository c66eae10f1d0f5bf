"""Bones of the axial thorax slice in Hounsfield units: ribs, sternum, vertebra, scapulae."""

from __future__ import annotations

from typing import Any

import numpy as np

from medsyngen.phantoms.anatomies.slice_shapes import Columns, F, between, cover, crop, ellipse, paint, rows

CANAL = np.float32(30)


def spine_depth(p: Columns) -> F:
    """Returns v of the front of the vertebral body."""
    return np.asarray(p["depth"] - p["fat"] - 0.5)


def paint_bones(p: Columns, image: F, at: tuple[F, F, F], cage: tuple[F, tuple[F, F]], pixel: float) -> None:
    """Paints all bones in place; marrow inside, a rim of cortical bone around.

    Args:
        p: Columns of the thorax's space.
        image: Hounsfield units, (count, size, size).
        at: Body coordinates u, v, and a smooth random field.
        cage: Depth inside the rib cage, and its half axes.
        pixel: Side of a pixel.
    """
    u, v, field = at
    depth, half = cage
    _ribs(p, image, (u, v, depth, field), half, pixel)
    front = 0.06 * np.clip(0.45 - p["level"], 0, None) / 0.45 - half[1] - 0.04
    view = crop(u, v, (-0.3, 0.3, -1.0, 0.0), pixel)
    flat = 0.14 * between(p["level"], 0.1, 0.85, 0.2)
    _bone(p, image[view], (u[view], v[view]), ((0, front), (flat, 0.045)), pixel)
    plate = p["scapula"] * between(p["level"], -1, 0.55, 0.2)
    blade = (half[0] * 0.8 + 0.1, half[1] * 0.55 + 0.12)
    of = np.flatnonzero(plate[:, 0, 0] > 0)
    if len(of):
        part, some = image[of], rows(p, of)
        centre = (blade[0][of], blade[1][of])
        _bone(some, part, (np.abs(u[of]), v[of]), (centre, (plate[of], 0.03)), pixel, tilt=-0.9)
        image[of] = part
    view = crop(u, v, (-0.45, 0.45, -0.15, 1.1), pixel)
    _vertebra(p, image[view], (u[view], v[view]), pixel)


def _bone(p: Columns, image: F, at: tuple[F, F], shape: Any, pixel: float, tilt: float | None = None) -> None:
    """Paints an ellipse of cortical bone and, where it is wide enough, marrow inside."""
    centre, half = shape
    paint(image, ellipse(at[0], at[1], centre, half, pixel, tilt), p["cortical"])
    inner = (np.clip(half[0] - 0.03, 0, None), np.clip(np.float32(half[1]) - 0.025, 0, None))
    paint(image, ellipse(at[0], at[1], centre, inner, pixel, tilt), p["marrow"])


def _ribs(p: Columns, image: F, at: tuple[F, F, F, F], half: tuple[F, F], pixel: float) -> None:
    """Paints arcs just outside the lungs: a slice cuts each rib at a slant, so it shows pieces with gaps."""
    u, v, depth, field = at
    ring = cover(-depth, pixel) * cover(depth + p["rib_thickness"], pixel)
    angle = np.arctan2(u / half[0], v / half[1])
    wave = np.cos(p["ribs"] * np.abs(angle) + 2 * np.pi * p["rib_phase"] + 0.6 * np.sin(angle) + 0.9 * field)
    part = np.clip((wave - np.cos(np.pi * p["rib_share"])) * 1.5 + 0.5, 0, 1)
    paint(image, ring * part, 0.35 * p["cortical"] + 0.65 * p["marrow"])


def _vertebra(p: Columns, image: F, at: tuple[F, F], pixel: float) -> None:
    """Paints body, canal, arch, transverse and spinous processes."""
    u, v = at
    a, size = np.abs(u), p["vertebra"]
    y = spine_depth(p) + 0.85 * size
    hole = y + 1.35 * size
    rim = 0.5 * p["cortical"] + 0.5 * p["marrow"]
    paint(image, ellipse(u, v, (0, hole), (0.75 * size, 0.7 * size), pixel), rim)
    paint(image, ellipse(a, v, (0.95 * size, hole + 0.25 * size), (0.75 * size, 0.25 * size), pixel, 0.35), rim)
    paint(image, ellipse(u, v, (0, hole + 1.1 * size), (0.2 * size, 0.8 * size), pixel), rim)
    paint(image, ellipse(u, v, (0, hole), (0.45 * size, 0.42 * size), pixel), CANAL)
    paint(image, ellipse(u, v, (0, y), (size, 0.85 * size), pixel), p["cortical"])
    paint(image, ellipse(u, v, (0, y), (size - 0.025, 0.85 * size - 0.025), pixel), p["marrow"])
