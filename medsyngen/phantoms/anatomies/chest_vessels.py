"""The pulmonary vessels: trees that leave both hila, each branch splitting in two."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.anatomies.chest_frame import Columns, F, Frame
from medsyngen.phantoms.splatting import splat
from medsyngen.scan import Pixels

BRANCHES = 5
"""Branches that leave a hilum."""

LEVELS = 5
"""Generations of branches that are drawn."""

DRAWS = 2 * BRANCHES * (2**LEVELS - 1)
"""Branches of a picture; each needs two random numbers."""


def vessels(p: Columns, f: Frame, random: F) -> Pixels:
    """Draws vessels whose radii follow Murray's law, r0^3 = r1^3 + r2^3 (Murray 1926).

    Args:
        p: Parameters.
        f: Coordinates.
        random: Uniform on [0, 1), (count, DRAWS, 2).

    Returns:
        Path length through vessels in units of the chest's depth, (count, size, size).
    """
    count, size = len(random), f.u.shape[-1]
    points = max(2, size // 20)
    t = (np.arange(points, dtype=np.float32) + 0.5) / points
    sides = np.repeat(np.array([-1, 1], np.float32), BRANCHES)[None, :]
    fan = np.tile(np.linspace(-1.05, 1.15, BRANCHES, dtype=np.float32), 2)[None, :]
    x = sides * (p["mediastinum_width"][:, :, 0] + 0.06) + np.zeros((count, 1), np.float32)
    y = p["hilum_y"][:, :, 0] + 0.12 * fan + 0.03 * sides
    # Angles from the horizontal, outward; the radius in parts of half the side.
    start, angle, radius = 0, fan + 0.6 * (random[:, : 2 * BRANCHES, 0] - 0.5), np.float32(0.028)
    length = p["vessel_length"][:, :, 0]
    parts: list[tuple[F, F, F]] = []
    for _ in range(LEVELS):
        draw = random[:, start : start + x.shape[1]]
        start += x.shape[1]
        reach = length * (0.6 + 0.8 * draw[:, :, 1]) * (1 + 0.35 * np.sin(angle) ** 2)
        dx, dy = sides * np.cos(angle) * reach, np.sin(angle) * reach
        across = np.pi * radius**2 * reach / points * p["vessels"][:, :, 0]
        parts.append((x[:, :, None] + dx[:, :, None] * t, y[:, :, None] + dy[:, :, None] * t, across))
        fork = 0.15 + 0.6 * draw[:, :, 0]
        x, y, sides = (np.repeat(c, 2, axis=1) for c in (x + dx, y + dy, sides))
        angle = np.repeat(angle, 2, axis=1) + np.stack([fork, 0.15 - fork], 2).reshape(count, -1)
        length, radius = 0.85 * length, radius * np.float32(2 ** (-1 / 3))
    px = np.concatenate([part[0].reshape(count, -1) for part in parts], 1)
    py = np.concatenate([part[1].reshape(count, -1) for part in parts], 1)
    weight = np.concatenate([np.repeat(part[2], points, axis=1) for part in parts], 1)
    column, row = to_pixels(p, px, py, size)
    return splat(column, row, weight / f.pixel[:, :, 0] ** 2, size)


def to_pixels(p: Columns, u: F, v: F, size: int) -> tuple[F, F]:
    """Returns where places of the patient's frame, (count, points), lie in the upright picture."""
    q = {name: p[name][:, :, 0] for name in ("shift_x", "shift_y", "zoom", "rotation", "lean")}
    x = (u - (q["rotation"] + q["lean"]) * v) * q["zoom"] + q["shift_x"]
    y = v * q["zoom"] + q["shift_y"]
    half = np.float32(size / 2)
    return (x + 1) * half, (y + 1) * half
