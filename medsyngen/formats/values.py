"""The pixels of one image as the file means them, before any window."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import Pixels

MAX_SIDE = 16384
"""Largest rows or columns that are read: beyond any radiograph, and 1 GiB in float32."""


@dataclass(frozen=True, eq=False)
class ImageValues:
    """One single-frame grey image.

    Args:
        pixels: float32, shape (row, column), in modality values; bright means dense tissue as in MONOCHROME2.
        value_range: Lowest and highest value that the file's bit depth can express; None if it has no bit depth.
        spacing_mm: Distance between rows, between columns; empty where unknown.
    """

    pixels: Pixels = field(repr=False)
    value_range: tuple[float, float] | None
    spacing_mm: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class VolumeValues:
    """One grey volume in the patient's coordinates.

    Args:
        pixels: float32, shape (i, j, k), in modality values.
        affine: float64, shape (4, 4): voxel indices to mm, x to the right, y to the front, z to the head (RAS+).
        value_range: Lowest and highest value that the bit depth can express; None if there is no bit depth.
    """

    pixels: Pixels = field(repr=False)
    affine: NDArray[np.float64]
    value_range: tuple[float, float] | None = None


def check_side(rows: int, columns: int) -> None:
    """Refuses sizes that can't be an image, before memory is asked for.

    Raises:
        ScanRefused: ``not-an-image`` below one pixel, ``too-large`` above :data:`MAX_SIDE`.
    """
    if rows < 1 or columns < 1:
        raise ScanRefused("not-an-image", "no rows or columns")
    if max(rows, columns) > MAX_SIDE:
        raise ScanRefused("too-large", f"more than {MAX_SIDE} rows or columns")
