"""The public rule by which a whole volume is brought to one grid: resampled to a spacing, cropped or filled up.

Loads no torch: it runs in the process that reads the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.label_maps import LabelMaps
from medsyngen.errors import UsageError
from medsyngen.formats.canonical import to_ras, voxel_sizes
from medsyngen.formats.label_codes import to_levels
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import VolumeValues
from medsyngen.scan import Pixels

SAME_SPACING: Final = 1e-3
"""Voxels whose sizes differ by a smaller share are of one size: nothing is resampled."""
SAME_PLACE_MM: Final = 0.1
"""How far apart the corners of a volume and of its map may lie."""
Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """Voxels along the axes to the right, to the front and to the head, and their sizes. Public.

    Args:
        size: Voxels along each axis, 8 to 512.
        spacing_mm: Their distance along each axis.
        label_maps: Where maps lie; None: there are none.
    """

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    label_maps: LabelMaps | None = None

    def __post_init__(self) -> None:
        if not all(8 <= count <= 512 for count in self.size):
            raise UsageError(f"the recipe's scan `size` is {list(self.size)}", do="give three sizes from 8 to 512")
        if not all(0.0 < mm < math.inf for mm in self.spacing_mm):
            raise UsageError("the recipe's `spacing_mm` holds no lengths", do="give three numbers of mm above 0")

    def weights(self, counts: tuple[int, ...], sizes: tuple[float, ...]) -> tuple[Weights, ...]:
        """Returns the matrix of each axis from a volume's voxels to those of the grid that lie within it."""
        axes = zip(counts, sizes, self.size, self.spacing_mm, strict=True)
        return tuple(_axis(*each) for each in axes)


def _axis(count: int, mm: float, wanted: int, wanted_mm: float) -> Weights:
    """Returns float32 (at most ``wanted``, ``count``): linear interpolation about the middle, widened when shrinking.

    Voxels of the right size are cropped, never interpolated: the middle of what is kept is that of the volume, or lies
    half a voxel before it.
    """
    if abs(mm / wanted_mm - 1) < SAME_SPACING:
        kept = min(count, wanted)
        first = (count - kept) // 2
        return np.eye(kept, count, first, dtype=np.float32)
    half = (count - 1) / 2 * mm
    # As many on both sides of the middle as fit, so that what is filled up is symmetric, too.
    fits = min(wanted, wanted % 2 + 2 * math.floor(half / wanted_mm + 0.5 * (1 - wanted % 2) + 1e-9))
    places = (np.arange(fits) - (fits - 1) / 2) * wanted_mm
    own = np.arange(count) * mm - half
    weights = np.clip(1 - np.abs(places[:, None] - own) / max(mm, wanted_mm), 0, None)
    return np.asarray(weights / np.maximum(weights.sum(1, keepdims=True), 1e-12), np.float32)


def applied(pixels: Pixels, weights: tuple[Weights, ...]) -> Pixels:
    """Returns the volume on the grid, float32 (x, y, z): each axis in turn."""
    for axis, matrix in enumerate(weights):
        if _crops(matrix):
            first = int(matrix[0].argmax())
            pixels = np.take(pixels, range(first, first + len(matrix)), axis=axis)
        else:
            pixels = np.moveaxis(np.tensordot(matrix, pixels, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(pixels, dtype=np.float32)


def _crops(matrix: Weights) -> bool:
    return bool(((matrix == 0) | (matrix == 1)).all()) and bool((np.diff(matrix.argmax(1)) == 1).all())


def on_grid(volume: VolumeValues, grid: Grid) -> Pixels:
    """Returns the part of the grid that a volume fills, float32 (x, y, z), in modality values.

    The volume is turned to the body's closest axes. Where it ends within the grid, nothing stands: whoever fills it up
    puts the part in the middle.
    """
    canonical = to_ras(volume)
    counts, sizes = canonical.pixels.shape, voxel_sizes(canonical.affine)
    weights = grid.weights(counts, sizes)
    if not all(len(matrix) for matrix in weights):
        raise ScanRefused("not-an-image", "no voxel of the recipe's grid lies in it")
    return applied(canonical.pixels, weights)


def map_on_grid(labels: VolumeValues, volume: VolumeValues, grid: Grid, values: int) -> Pixels:
    """Returns a label map on the same part of the grid, as levels in [-1, 1]; of mixed voxels the strongest label.

    Args:
        labels: The map as read.
        volume: Its volume.
        grid: The recipe's.
        values: How many labels there are.

    Raises:
        ScanRefused: ``label-map-place`` or ``label-map-values``.
    """
    theirs, own = to_ras(labels), to_ras(volume)
    if theirs.pixels.shape != own.pixels.shape or _apart(theirs, own) > SAME_PLACE_MM:
        raise ScanRefused("label-map-place")
    found = np.unique(theirs.pixels)
    if not np.isin(found, np.arange(values)).all():
        raise ScanRefused("label-map-values")
    weights = grid.weights(own.pixels.shape, voxel_sizes(own.affine))
    if all(map(_crops, weights)):
        return to_levels(applied(theirs.pixels, weights), values)
    shares = [applied((theirs.pixels == label).astype(np.float32), weights) for label in range(values)]
    return to_levels(np.argmax(shares, axis=0), values)


def _apart(one: VolumeValues, other: VolumeValues) -> float:
    far: NDArray[Any] = np.array(one.pixels.shape) - 1.0
    corners = np.array([[*(far * corner), 1.0] for corner in np.ndindex(2, 2, 2)])
    return float(np.abs(corners @ (one.affine - other.affine).T).max())


def filled(part: Pixels, size: tuple[int, ...], value: float) -> Pixels:
    """Returns a part of the grid in its middle, with one value around it: float32 of ``size``."""
    whole = np.full(size, value, np.float32)
    starts = [(full - length) // 2 for full, length in zip(size, part.shape, strict=True)]
    whole[tuple(slice(s, s + length) for s, length in zip(starts, part.shape, strict=True))] = part
    return whole
