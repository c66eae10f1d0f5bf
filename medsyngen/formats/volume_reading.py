"""One volume by the addresses of its files: a NIfTI file, or the slices of a DICOM series."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from medsyngen.formats.allowance import allow
from medsyngen.formats.archive import as_file
from medsyngen.formats.dicom import read_dataset
from medsyngen.formats.dicom_pixels import read_pixels
from medsyngen.formats.geometry import SliceGeometry, plane_of
from medsyngen.formats.guarding import guarded
from medsyngen.formats.nifti import MAX_BYTES, is_nifti, read_nifti
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.stacking import stack
from medsyngen.formats.values import VolumeValues


def read_volume(addresses: Sequence[str]) -> VolumeValues:
    """Reads one volume.

    Args:
        addresses: Path of one NIfTI file, or of all slices of one DICOM series, in any order.

    Returns:
        Pixels in modality values; of a series the axes are (column, row, slice), of a NIfTI file those of the file.

    Raises:
        ScanRefused: With the reason why this reader can't use the volume.
    """
    with ExitStack() as held:
        paths = [held.enter_context(as_file(Path(address))) for address in addresses]
        if len(paths) == 1 and is_nifti(paths[0]):
            return read_nifti(paths[0])
        return _series(paths)


def _series(paths: Sequence[Path]) -> VolumeValues:
    stacked = stack([_plane(path) for path in paths])
    files = sum(path.stat().st_size for path in paths)
    pixels = None
    low, high = np.inf, -np.inf
    for k, number in enumerate(stacked.order):
        image = read_pixels(paths[number])
        rows, columns = image.pixels.shape
        if pixels is None:
            if 4 * rows * columns * len(paths) > MAX_BYTES:
                raise ScanRefused("too-large", f"a volume above {MAX_BYTES >> 20} MiB")
            allow(4 * rows * columns * len(paths), files)
            pixels = np.empty((columns, rows, len(paths)), np.float32, order="F")
        if pixels.shape[:2] != (columns, rows):
            raise ScanRefused("mixed-sizes")
        pixels[:, :, k] = image.pixels.T
        if image.value_range is not None:
            low, high = min(low, image.value_range[0]), max(high, image.value_range[1])
    if pixels is None or not np.isfinite(pixels).all():
        raise ScanRefused("non-finite")
    return VolumeValues(pixels, stacked.affine, (low, high) if low < high else None)


def _plane(path: Path) -> SliceGeometry:
    dataset, _ = read_dataset(path)
    with guarded("no-geometry"):
        plane = plane_of(dataset)
    if plane is None:
        raise ScanRefused("no-geometry")
    return plane
