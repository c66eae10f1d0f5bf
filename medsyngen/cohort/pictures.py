"""What one scan brings: its picture, or the pictures that the recipe's rule takes of a volume.

Loads no torch: it may run in a process of its own that is ended when a file misbehaves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.grids import Grid, map_on_grid, on_grid
from medsyngen.cohort.slices import AXES, Slices
from medsyngen.errors import UsageError
from medsyngen.formats.canonical import to_ras, voxel_sizes
from medsyngen.formats.locator import ImageSource
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues, VolumeValues
from medsyngen.formats.volume_reading import read_volume
from medsyngen.scan import Pixels

PERCENTILES = (1.0, 99.0)
"""Of the window ``per-scan``."""


@dataclass(frozen=True)
class Wanted:
    """One scan to be read.

    Args:
        addresses: Of its one file, or of all files of a volume.
        slices: The rule for a volume, slices or the whole; None for a picture.
        percentiles: Whether the window needs the 1st and 99th percentile of a whole volume.
        label_map: Address of its label map; "" where there is none.
    """

    addresses: tuple[str, ...] = field(repr=False)
    slices: Slices | Grid | None = None
    percentiles: bool = False
    label_map: str = field(default="", repr=False)


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of one scan in modality values.

    Args:
        images: At least one; of a volume that is taken whole, the part of the grid that it fills, (x, y, z).
        ends: The 1st and 99th percentile of the whole volume, if they were asked for; None of a picture.
        digest: The same for two scans if all of their pixels are equal.
        levels: The label map of a volume, on the same part of the grid.
    """

    images: tuple[ImageValues, ...] = field(repr=False)
    ends: tuple[float, float] | None = field(repr=False)
    digest: bytes = field(repr=False)
    levels: Pixels | None = field(default=None, repr=False)


_SOURCE = ImageSource()  # keeps the last .npz open


def read_pictures(wanted: Wanted) -> Pictures:
    """Reads one scan.

    Raises:
        ScanRefused: With the reason why it can't be used.
    """
    if wanted.slices is None:
        if len(wanted.addresses) != 1:
            raise UsageError("several files are no picture", do="set `scans.slices` in the recipe")
        image = _SOURCE.read(wanted.addresses[0])
        return _pictures((image,), image.pixels, wanted)
    volume = read_volume(wanted.addresses)
    if isinstance(wanted.slices, Grid):
        return _whole(volume, wanted.slices, wanted)
    return _pictures(slices_of(volume, wanted.slices), volume.pixels, wanted)


def _whole(volume: VolumeValues, grid: Grid, wanted: Wanted) -> Pictures:
    image = ImageValues(on_grid(volume, grid), volume.value_range, grid.spacing_mm)
    pictures = _pictures((image,), volume.pixels, wanted)
    if not wanted.label_map or grid.label_maps is None:
        return pictures
    levels = map_on_grid(read_volume((wanted.label_map,)), volume, grid, grid.label_maps.values)
    return replace(pictures, levels=levels)


def _pictures(images: tuple[ImageValues, ...], pixels: NDArray[np.float32], wanted: Wanted) -> Pictures:
    if not np.isfinite(pixels).all():
        raise ScanRefused("non-finite")
    ends = None
    if wanted.percentiles and wanted.slices is not None:
        low, high = np.percentile(pixels, PERCENTILES)
        ends = (float(low), float(high))
    return Pictures(images, ends, picture_digest(pixels))


def picture_digest(pixels: NDArray[np.float32]) -> bytes:
    """Returns a digest that two arrays share if they are equal in shape and in every pixel."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    for part in pixels.T if pixels.ndim > 2 else (pixels,):  # without a second copy of a volume
        digest.update((part + np.float32(0)).tobytes())  # -0.0 becomes 0.0: equal pixels, equal bytes
    return digest.digest()


def slices_of(volume: VolumeValues, slices: Slices) -> tuple[ImageValues, ...]:
    """Takes a volume apart into pictures, as a radiologist hangs them.

    The volume is turned to the body's closest axes; nothing is resampled. Rows run from front to back in an axial
    picture and from head to feet in the others; columns run from the patient's right to left, in a sagittal picture
    from front to back. A slice acquired in its plane with the usual orientation stays as stored.

    Args:
        volume: In any orientation.
        slices: Which plane, and every how many slices, counted along right, front or head.
    """
    canonical = to_ras(volume)
    axis = AXES[slices.plane]
    sizes = voxel_sizes(canonical.affine)
    columns_axis, rows_axis = (other for other in (0, 1, 2) if other != axis)
    images = []
    along = np.moveaxis(canonical.pixels, axis, 0)  # views: np.take would copy the volume each time
    for number in slices.numbers(len(along)):
        picture = along[number][::-1, ::-1].T
        spacing = (sizes[rows_axis], sizes[columns_axis])
        images.append(ImageValues(np.ascontiguousarray(picture), volume.value_range, spacing))
    return tuple(images)
