"""From the planes of slices to one volume: their order and its affine, or why they are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.refusal import ScanRefused

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From DICOM's patient coordinates (PS3.3 C.7.6.2.1.1) to those of NIfTI."""
MIN_SLICES = 3
"""With fewer there is no second gap to hold the first one against: a missing slice would pass."""
GAP_TOLERANCE = 0.01
"""Largest difference between gaps, as a share of their mean: highdicom's default (``highdicom.spatial``)."""
ROUNDING_MM = 0.01
"""What positions may be off by in any case: some devices write two decimals."""
SKEW_TOLERANCE = 0.01
"""Largest shift of a slice against the one before, as a share of their gap (0.6 degrees). Chosen as the tolerance of
gaps, so that no picture is distorted by more than 1 %; smaller shifts stay in the affine."""
DIRECTION_TOLERANCE = 1e-3
"""Largest difference between direction cosines: highdicom's tolerance for right angles."""
SAME_PLACE_MM = 0.01
"""Slices nearer to each other than this along their normal lie at one place."""


@dataclass(frozen=True, eq=False)
class Stack:
    """How slices make a volume.

    Args:
        order: Numbers of the slices, by their place along the normal.
        affine: float64, (4, 4): (column, row, slice) to mm, RAS+.
    """

    order: tuple[int, ...]
    affine: NDArray[np.float64]


def stack(planes: Sequence[SliceGeometry]) -> Stack:
    """Orders slices by position and checks that they fill space evenly.

    Args:
        planes: Of one series, in any order.

    Raises:
        ScanRefused: ``localizer``, ``mixed-orientation``, ``mixed-sizes``, ``four-dimensional``,
            ``duplicate-positions``, ``too-few-slices``, ``missing-slices``, ``uneven-slices`` or ``gantry-tilt``.
    """
    _check_alike(planes)
    row, column = _unit(planes[0].row), _unit(planes[0].column)
    normal = _unit(np.cross(row, column))
    positions = np.asarray([plane.position for plane in planes], dtype=np.float64)
    heights = positions @ normal
    order = np.argsort(heights, kind="stable")
    _check_places(heights[order])
    if len(planes) < MIN_SLICES:
        raise ScanRefused("too-few-slices", f"fewer than {MIN_SLICES}")
    step = _step(positions[order], normal)
    lps = np.eye(4)
    lps[:3, 0] = row * planes[0].spacing_mm[1]
    lps[:3, 1] = column * planes[0].spacing_mm[0]
    lps[:3, 2] = step
    lps[:3, 3] = positions[order[0]]
    return Stack(tuple(int(number) for number in order), LPS_TO_RAS @ lps)


def _check_alike(planes: Sequence[SliceGeometry]) -> None:
    if any(plane.localizer for plane in planes):
        raise ScanRefused("localizer")
    first = planes[0]
    for plane in planes[1:]:
        turned = np.abs(np.subtract((*plane.row, *plane.column), (*first.row, *first.column))).max()
        if turned > DIRECTION_TOLERANCE:
            raise ScanRefused("mixed-orientation")
        if plane.frame_of_reference != first.frame_of_reference:
            raise ScanRefused("mixed-orientation", "several frames of reference")
        if not np.allclose(plane.spacing_mm, first.spacing_mm, rtol=DIRECTION_TOLERANCE):
            raise ScanRefused("mixed-sizes")


def _check_places(heights: NDArray[np.float64]) -> None:
    """Refuses slices at one place: as often everywhere, there are several volumes; else a slice is there twice."""
    places = np.cumsum(np.diff(heights, prepend=heights[0]) > SAME_PLACE_MM)
    times = Counter(places.tolist()).values()
    if max(times) == 1:
        return
    if len(times) > 1 and len(set(times)) == 1:
        raise ScanRefused("four-dimensional", f"{max(times)} slices at each place")
    raise ScanRefused("duplicate-positions")


def _step(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the way from one slice to the next, which must be the same everywhere and go along the normal."""
    steps = np.diff(positions, axis=0)
    gaps = steps @ normal
    step: NDArray[np.float64] = steps.mean(axis=0)
    gap = float(gaps.mean())
    if np.abs(gaps - gap).max() > _allowed(gap):
        smallest = float(gaps.min())
        apart = np.abs(gaps - smallest * np.round(gaps / smallest))
        missing = bool((apart <= np.maximum(ROUNDING_MM, GAP_TOLERANCE * gaps)).all())
        raise ScanRefused("missing-slices" if missing else "uneven-slices")
    shifts = steps - gaps[:, None] * normal
    if np.linalg.norm(shifts - shifts.mean(axis=0), axis=1).max() > _allowed(gap):
        raise ScanRefused("uneven-slices", "shifted against each other")
    if np.linalg.norm(shifts.mean(axis=0)) > SKEW_TOLERANCE * gap:
        raise ScanRefused("gantry-tilt")
    return step


def _unit(vector: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(vector, dtype=np.float64)
    return values / np.linalg.norm(values)


def _allowed(gap: float) -> float:
    return max(ROUNDING_MM, GAP_TOLERANCE * gap)
