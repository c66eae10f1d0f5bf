"""The geometry of dead leaves: where convex leaves lie, and how many cover a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F = NDArray[Any]
"""float32."""
N = NDArray[np.int64]

CORNERS = np.array([3, 4, 5, 6])
MOST_CORNERS = 6
REACH = 1.56
"""Largest circumradius of a leaf, in radii of the disc of the same area: a triangle's is sqrt(4 pi / sqrt 27)."""
NUMBERS = MOST_CORNERS + 8
"""Uniform numbers that decide a leaf."""


@dataclass(frozen=True)
class Leaves:
    """Leaves of several pictures in one list, of each picture the hindmost first.

    Args:
        picture: Number of the picture, (L,).
        x, y: Centre in sides, (L,).
        radius: Circumradius before it is made thinner, in sides, (L,).
        aspect: Thickness over length, (L,).
        angle: Of the long axis, in rad, (L,).
        corners: Angles of corners on the circle, ascending, (L, MOST_CORNERS); the last is repeated.
        rounded: Ellipses, whose corners mean nothing, (L,).
    """

    picture: N
    x: F
    y: F
    radius: F
    aspect: F
    angle: F
    corners: F
    rounded: NDArray[np.bool_]


def _law(least: F, most: F) -> tuple[F, F, F]:
    """Returns the integral of r^-3 (1 + 2 REACH r)^2, term by term: r^-3, 4 REACH r^-2, 4 REACH^2 r^-1."""
    return (
        (least**-2 - most**-2) / 2,
        4 * REACH * (1 / least - 1 / most),
        4 * REACH**2 * np.log(most / least),
    )


def radii(least: F, most: F, part: F, u: F) -> F:
    """Returns radii of leaves that may touch the picture.

    The plane's leaves have radii distributed as r^-3 (Lee, Mumford, Huang 2001). Those that touch a square have their
    centre in a larger one, whose area grows with r: their density is r^-3 (1 + 2 REACH r)^2, drawn as a mixture of
    its three terms.

    Args:
        least: Smallest radius.
        most: Largest radius.
        part: Uniform, decides the term.
        u: Uniform, decides the radius.
    """
    a, b, c = _law(least, most)
    part = part * (a + b + c)
    cubic = (least**-2 - u * (least**-2 - most**-2)) ** -0.5
    square = 1 / (1 / least - u * (1 / least - 1 / most))
    return np.where(part < a, cubic, np.where(part < a + b, square, least * (most / least) ** u))


def leaves_needed(least: F, most: F, mean_aspect: F, open_at_most: float) -> N:
    """Returns how many leaves leave a pixel open with at most this probability (discs of radius r, area pi r^2)."""
    cover = np.pi * mean_aspect * np.log(most / least) / sum(_law(least, most))
    needed: N = np.ceil(np.log(open_at_most) / np.log1p(-cover)).astype(np.int64)
    return needed


def place_leaves(u: F, picture: N, least: F, most: F, thinnest: F, rounded: F) -> Leaves:
    """Makes leaves of uniform numbers.

    Args:
        u: In [0, 1), (L, NUMBERS).
        picture: Number of the picture, (L,).
        least: Smallest radius, (L,).
        most: Largest radius, (L,).
        thinnest: Smallest aspect, (L,).
        rounded: Share of ellipses, (L,).
    """
    radius = radii(least, most, u[:, 0], u[:, 1])
    room = 1 + 2 * REACH * radius
    is_round = u[:, 4] < rounded
    count = CORNERS[((u[:, 4] - rounded) / (1 - rounded + 1e-6) * len(CORNERS)).astype(np.int64).clip(0)][:, None]
    k = np.minimum(np.arange(MOST_CORNERS), count - 1)
    jitter = np.clip(2 * u[:, 7:8] - 1, 0, 1) * (np.take_along_axis(u[:, 8:], k, axis=1) - np.float32(0.5))
    step = 2 * np.pi / count
    circumradius = np.sqrt(2 * np.pi / (count * np.sin(step)))[:, 0].astype(np.float32)
    return Leaves(
        picture=picture,
        x=u[:, 2] * room - (room - 1) / 2,
        y=u[:, 3] * room - (room - 1) / 2,
        radius=np.where(is_round, radius, radius * circumradius),
        aspect=thinnest + (1 - thinnest) * u[:, 5],
        angle=np.float32(2 * np.pi) * u[:, 6],
        corners=(step * (k + 0.5 + 0.8 * jitter)).astype(np.float32),  # half a step on: squares become rectangles
        rounded=is_round,
    )
