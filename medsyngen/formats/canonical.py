"""A volume along the body's own axes: the closest ones, by turning and swapping; nothing is resampled."""

from __future__ import annotations

import numpy as np
from nibabel.affines import voxel_sizes as nibabel_voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from numpy.typing import NDArray

from medsyngen.formats.values import VolumeValues


def to_ras(volume: VolumeValues) -> VolumeValues:
    """Returns the same voxels with the axes that lie closest to right, front and head.

    An oblique volume keeps its obliquity in the affine: its slices are taken as they were acquired.

    Args:
        volume: With an invertible affine.

    Returns:
        A view of the same pixels where possible.
    """
    orientation = io_orientation(volume.affine)
    pixels = apply_orientation(volume.pixels, orientation)
    affine = volume.affine @ inv_ornt_aff(orientation, volume.pixels.shape)
    return VolumeValues(pixels, np.asarray(affine, dtype=np.float64), volume.value_range)


def ras_shape(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> tuple[int, int, int]:
    """Returns how many voxels :func:`to_ras` will find along right, front and head."""
    to = io_orientation(affine)[:, 0].astype(int)
    counts = [0, 0, 0]
    for axis, target in enumerate(to):
        counts[target] = shape[axis]
    return counts[0], counts[1], counts[2]


def voxel_sizes(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Returns the distance of neighbouring voxels along each axis, in mm."""
    i, j, k = nibabel_voxel_sizes(affine)
    return float(i), float(j), float(k)
