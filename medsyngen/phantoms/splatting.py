"""Thin things drawn as chains of points: vessels, wires, tubes, letters. Costs by the point, not by the pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

F = NDArray[Any]


def splat(x: F, y: F, weight: F, size: int) -> Pixels:
    """Spreads each point's weight over the four pixels around it; what lies outside the picture is lost.

    Args:
        x: In pixels from the left edge, a pixel's centre lying at a half; (count, points).
        y: Likewise from the top.
        weight: (count, points).
        size: Side of the pictures.

    Returns:
        float32 (count, size, size); the sum over a picture is the sum of the weights inside.
    """
    count, side = len(x), size + 2  # a rim of one pixel takes what falls half outside
    # Moved by one pixel for the rim, and what lies further out than the rim onto it.
    x, y = (np.clip(c + np.float32(0.5), 0, size + 1) for c in (x, y))
    column, row = x.astype(np.intp), y.astype(np.intp)
    dx, dy = x - column.astype(np.float32), y - row.astype(np.float32)
    # Beyond a rim lies the next row's or the next picture's rim: all of them are cut off below.
    base = (np.arange(count)[:, None] * side + row) * side + column
    right, low = weight * dx, dy
    left = weight - right
    index = np.concatenate([base, base + 1, base + side, base + side + 1], axis=1)
    share = np.concatenate([left * (1 - low), right * (1 - low), left * low, right * low], axis=1)
    flat = np.bincount(index.ravel(), share.ravel(), minlength=count * side * side + side + 2)
    out = flat[: count * side * side].reshape(count, side, side)
    return out[:, 1:-1, 1:-1].astype(np.float32)


def curve(controls: F, points: int) -> tuple[F, F]:
    """Returns points along cubic Bezier curves.

    Args:
        controls: x and y of four control points, (count, curves, 4, 2).
        points: On each curve.

    Returns:
        x and y, each (count, curves, points).
    """
    t = np.linspace(0, 1, points, dtype=np.float32)
    basis = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
    xy = np.einsum("nckd,kp->dncp", controls, basis)
    return xy[0], xy[1]
