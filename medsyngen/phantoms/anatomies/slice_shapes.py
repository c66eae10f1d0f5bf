"""Soft shapes of axial slices, for a batch at once: where a pixel lies in the body, how much of it an organ covers.

Lengths are in the unit of the coordinates given; every number of an image is a float32 column (count, 1, 1). A pixel
half covered by an organ shows half of it (partial volume), so edges move smoothly with every parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

F = NDArray[Any]
Columns = dict[str, F]

CHUNK = 24
"""Images drawn together: some hundred kilobytes of picture, which stay in a core's cache from one shape to the next."""


def chunks(count: int) -> Iterator[slice]:
    """Yields the slices that part ``count`` images into chunks."""
    for start in range(0, count, CHUNK):
        yield slice(start, min(start + CHUNK, count))


def rows(p: Columns, where: Any) -> Columns:
    """Returns the columns of the images that ``where`` (a slice, or indices) names."""
    return {name: value[where] for name, value in p.items()}


def pose(p: Columns, size: int) -> tuple[F, F]:
    """Returns body coordinates of every pixel, (count, size, size): u to the right of the picture, v to the back.

    Needs ``shift_x``, ``shift_y``, ``zoom`` (half sides) and ``rotation`` (rad) among the columns.
    """
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    x, y = (axis[None, None, :] - p["shift_x"]) / p["zoom"], (axis[None, :, None] - p["shift_y"]) / p["zoom"]
    cos, sin = np.cos(p["rotation"]), np.sin(p["rotation"])
    return x * cos + y * sin, y * cos - x * sin


def crop(u: F, v: F, box: tuple[float, float, float, float], pixel: float) -> tuple[slice, slice, slice]:
    """Returns the index of the pixels among which all in a box (left, right, top, bottom) and at its rim lie.

    Shapes that stay inside the box can be painted on the cut alone, which is faster; the cut is a view.
    """
    left, right, top, bottom = box
    rim = 2 * pixel
    seen = (u > left - rim) & (u < right + rim) & (v > top - rim) & (v < bottom + rim)
    down, across = np.flatnonzero(seen.any(axis=(0, 2))), np.flatnonzero(seen.any(axis=(0, 1)))
    if not len(down):
        return np.s_[:, :0, :0]
    return np.s_[:, down[0] : down[-1] + 1, across[0] : across[-1] + 1]


def cover(depth: F, pixel: F | float) -> F:
    """Returns the part of a pixel that a straight edge covers, its centre ``depth`` inside it (negative: outside)."""
    return np.asarray(np.clip(depth / pixel + np.float32(0.5), 0, 1))


def between(value: F, low: float, high: float, soft: float) -> F:
    """Returns 1 well between ``low`` and ``high``, 0 well outside, linear over ``soft`` at both ends."""
    return np.asarray(np.clip((value - low) / soft + 0.5, 0, 1) * np.clip((high - value) / soft + 0.5, 0, 1))


def swell(value: F, centre: float, reach: float) -> F:
    """Returns the half width of an ellipsoid of half width 1 cut at ``value``; 0 beyond ``reach`` from its centre."""
    return np.asarray(np.sqrt(np.clip(1 - ((value - centre) / reach) ** 2, 0, None)))


def ellipse(u: F, v: F, centre: tuple[Any, Any], half: tuple[Any, Any], pixel: F | float, tilt: Any = None) -> F:
    """Returns the part of every pixel that an ellipse covers, (count, size, size).

    Args:
        u: First coordinate; its absolute value draws the ellipse on both sides.
        v: Second coordinate.
        centre: Of the ellipse.
        half: Its half axes; one that shrinks below a pixel fades out, 0 is nothing.
        pixel: Side of a pixel.
        tilt: Turns the first axis towards the second, rad.
    """
    least = np.float32(0.5) * pixel  # thinner shapes are drawn this thick, and fainter
    a, b = (np.maximum(np.float32(1) * h, least) for h in half)
    cos, sin = (np.float32(1), None) if tilt is None else (np.cos(np.float32(1) * tilt), np.sin(np.float32(1) * tilt))
    across = _squared(u, cos / a, v, sin, a, centre)
    across += _squared(v, cos / b, u, None if sin is None else -sin, b, centre[::-1])
    radius = np.minimum(a, b)
    fade = np.clip(np.minimum(np.float32(1) * half[0], half[1]) / least, 0, 1)
    # (1 - square) / 2 is the relative depth near the edge, to first order.
    slope = fade * radius / (2 * pixel)
    across *= -slope
    across += slope + fade * np.float32(0.5)
    np.maximum(across, 0, out=across)
    return np.asarray(np.minimum(across, fade, out=across))  # np.clip with a bound for each image is four times slower


def _squared(x: F, scale: Any, y: F, sin: Any, half: Any, centre: tuple[Any, Any]) -> F:
    """Returns the square of one axis of an ellipse, in place where it can: this is where the time goes."""
    out = x * scale
    offset = centre[0] * scale
    if sin is not None:
        out += y * (sin / half)
        offset = offset + centre[1] * (sin / half)
    out -= offset
    out *= out
    return np.asarray(out)


def paint(image: F, part: F, value: Any) -> None:
    """Covers ``part`` of every pixel of ``image`` with ``value``, in place."""
    change = value - image
    change *= part
    image += change
