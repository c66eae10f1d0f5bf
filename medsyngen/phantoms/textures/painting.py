"""Painting leaves: which leaf is seen in which pixel, row by row of each leaf, all leaves of all pictures at once.

A convex leaf meets a row of pixels in one span, known in closed form. Painted from the hindmost leaf to the foremost,
each pixel is written as often as leaves lie above one another, five or six times, and no leaf looks at pixels beside
it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.textures.leaves import F, Leaves, N

D = NDArray[np.float64]


def _rows(top: D, bottom: D, size: int) -> tuple[N, N]:
    """Returns leaf and row of every row whose centres lie between top and bottom, leaf by leaf."""
    first = np.ceil(top * size - 0.5).astype(np.int64).clip(0)
    last = np.floor(bottom * size - 0.5).astype(np.int64).clip(max=size - 1)
    return _ranges(first, np.maximum(last - first + 1, 0))


def _ranges(first: N, length: N) -> tuple[N, N]:
    """Returns (number of the range, member) of every member of the ranges, one range after the other."""
    end = np.cumsum(length)
    number = np.repeat(np.arange(len(first)), length)
    member = np.arange(end[-1] if len(end) else 0) + np.repeat(first - (end - length), length)
    return number, member


def _corners(leaves: Leaves) -> tuple[F, F]:
    """Returns the corners in the picture, x and y of shape (L, corners)."""
    along = leaves.radius[:, None] * np.cos(leaves.corners)
    across = (leaves.radius * leaves.aspect)[:, None] * np.sin(leaves.corners)
    cos, sin = np.cos(leaves.angle)[:, None], np.sin(leaves.angle)[:, None]
    return leaves.x[:, None] + along * cos - across * sin, leaves.y[:, None] + along * sin + across * cos


def _polygon_spans(x: F, y: F, row: F) -> tuple[F, F]:
    """Returns where rows enter and leave convex polygons, both (rows,); x and y are (rows, corners)."""
    dx, dy = np.roll(x, -1, axis=1) - x, np.roll(y, -1, axis=1) - y
    part = (row[:, None] - y) / np.where(dy == 0, np.float32(1e-12), dy)
    crosses = (part >= 0) & (part <= 1)
    at = x + part * dx
    return np.where(crosses, at, np.inf).min(axis=1), np.where(crosses, at, -np.inf).max(axis=1)


def spans(leaves: Leaves, size: int) -> tuple[N, N, N, N]:
    """Returns the spans of all leaves, leaf by leaf: leaf, row, first column, length (0 or more), each (spans,)."""
    cos, sin = np.cos(leaves.angle), np.sin(leaves.angle)
    x, y = _corners(leaves)
    half = leaves.radius * np.hypot(sin, leaves.aspect * cos)  # of an ellipse's height
    top = np.where(leaves.rounded, leaves.y - half, y.min(axis=1))
    bottom = np.where(leaves.rounded, leaves.y + half, y.max(axis=1))
    leaf, row = _rows(top, bottom, size)
    at = ((row + 0.5) / size).astype(np.float32)
    left, right = np.empty_like(at), np.empty_like(at)
    flat = np.flatnonzero(~leaves.rounded[leaf])
    left[flat], right[flat] = _polygon_spans(x[leaf[flat]], y[leaf[flat]], at[flat])
    curved = np.flatnonzero(leaves.rounded[leaf])
    of = leaf[curved]
    slope = leaves.radius**2 * (1 - leaves.aspect**2) * sin * cos / half**2
    width = leaves.radius**2 * leaves.aspect / half
    dy = at[curved] - leaves.y[of]
    chord = width[of] * np.sqrt(np.clip(1 - (dy / half[of]) ** 2, 0, None))
    middle = leaves.x[of] + slope[of] * dy
    left[curved], right[curved] = middle - chord, middle + chord
    first = np.ceil(left.clip(-1, 2) * size - 0.5).astype(np.int64).clip(0)
    last = np.floor(right.clip(-1, 2) * size - 0.5).astype(np.int64).clip(max=size - 1)
    return leaf, row, first, np.maximum(last - first + 1, 0)


def paint(leaves: Leaves, pictures: int, size: int) -> N:
    """Returns the number of the leaf that is seen in each pixel, -1 where there is none.

    Args:
        leaves: The hindmost first.
        pictures: Number of pictures.
        size: Side in pixels.

    Returns:
        int64 (pictures, size, size); a pixel belongs to a leaf if its centre does.
    """
    leaf, row, first, length = spans(leaves, size)
    start = (leaves.picture[leaf] * size + row) * size + first
    number, pixel = _ranges(start, length)
    seen = np.full(pictures * size * size, -1, np.int64)
    seen[pixel] = leaf[number]  # of several values for one pixel the last one stays
    return seen.reshape(pictures, size, size)
