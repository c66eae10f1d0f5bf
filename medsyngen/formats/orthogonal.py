"""A volume as one picture: three planes through its middle, side by side, as people look at volumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsyngen.scan import Pixels


def views_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Returns (row, column) of the picture of a volume of shape (x, y, z)."""
    x, y, z = shape
    return max(y, z), x + x + y


def orthogonal_views(volume: Pixels) -> Pixels:
    """Returns the axial, coronal and sagittal plane through the middle, side by side, black (-1) where one is shorter.

    The patient's right is on the left of the first two; front is up in the axial and left in the sagittal one, the head
    up in the other two. Nothing is resampled.

    Args:
        volume: float32 (x, y, z): to the right, to the front, to the head.

    Returns:
        float32, of :func:`views_shape`.
    """
    x, y, z = (side // 2 for side in volume.shape)
    planes = (volume[::-1, ::-1, z].T, volume[::-1, y, ::-1].T, volume[x, ::-1, ::-1].T)
    picture = np.full(views_shape(volume.shape), -1, np.float32)
    left = 0
    for plane in planes:
        rows, columns = plane.shape
        top = (len(picture) - rows) // 2
        picture[top : top + rows, left : left + columns] = plane
        left += columns
    return picture


def as_pictures(images: Pixels) -> Pixels:
    """Returns images that a sheet can show: pictures as they are, of volumes the three planes, of maps too (below).

    Args:
        images: float32, (count, channel, *space).

    Returns:
        float32 (count, 1, row, column).
    """
    if images.ndim == 4:
        return images
    return np.stack([np.concatenate([orthogonal_views(each) for each in image]) for image in images])[:, None]
