"""Where the pixels of a synthetic image lie in space: one rule for DICOM slices and for NIfTI.

A volume has the axes (x, y, z): x grows to the patient's right, y to the front, z to the head (RAS+). A picture is what
a reader sees on the screen, (row, column): of a slice across the body row 0 is in front and column 0 on the patient's
right. The middle of an image is the origin. The pictures of a projection have no such place: in NIfTI their axes are
laid out in the same way, and mean the picture's right-to-left and bottom-to-top, not the patient's.

Sources: DICOM PS3.3 C.7.6.2 (x to the left, y to the back, z to the head: LPS), NIfTI-1 (RAS+).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.formats.geometry import SliceGeometry
from medsyngen.scan import Pixels

Spacing = tuple[float, float, float]


def as_volume(pixels: Pixels) -> Pixels:
    """Returns a picture (row, column) as a volume (x, y, 1); a volume (x, y, z) as it is."""
    return pixels if pixels.ndim == 3 else pixels[::-1, ::-1].T[:, :, None]


def as_slices(pixels: Pixels) -> Pixels:
    """Returns a volume (x, y, z) as pictures (slice, row, column) from the feet up; a picture as the one slice."""
    return pixels[None] if pixels.ndim == 2 else pixels[::-1, ::-1].transpose(2, 1, 0)


def volume_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Returns the shape (x, y, z) of an image of this shape, a picture's (row, column) or a volume's."""
    return (shape[1], shape[0], 1) if len(shape) == 2 else (shape[0], shape[1], shape[2])


def affine(shape: tuple[int, ...], spacing_mm: Spacing) -> NDArray[np.float64]:
    """Returns the matrix from voxel indices (x, y, z) to mm in RAS+, whose origin is the middle of the image.

    Args:
        shape: Of a picture or a volume.
        spacing_mm: Along x, y and z.

    Returns:
        float64, shape (4, 4).
    """
    matrix = np.diag((*spacing_mm, 1.0))
    matrix[:3, 3] = [-mm * (count - 1) / 2 for mm, count in zip(spacing_mm, volume_shape(shape), strict=True)]
    return matrix


def slice_plane(
    number: int, shape: tuple[int, ...], spacing_mm: Spacing, *, thickness_mm: float | None
) -> SliceGeometry:
    """Returns the plane of slice ``number`` (from 0, from the feet up) of an image of this shape.

    Rows run from the patient's right to the left, columns from front to back, as :func:`as_slices` lays them out.
    """
    x, y, z = spacing_mm
    columns, rows, slices = volume_shape(shape)
    position = (-x * (columns - 1) / 2, -y * (rows - 1) / 2, z * (number - (slices - 1) / 2))
    return SliceGeometry(position, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (y, x), thickness_mm)
