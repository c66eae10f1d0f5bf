"""One volume by the addresses of its files: a NIfTI file, or the slices of a DICOM series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsyngen.formats.allowance import allow
from medsyngen.formats.archive import as_file
from medsyngen.formats.dicom import read_dataset
from medsyngen.formats.dicom_pixels import read_pixels
from medsyngen.formats.dicom_volume import read_multi_frame
from medsyngen.formats.geometry import SliceGeometry, plane_of
from medsyngen.formats.guarding import guarded
from medsyngen.formats.nifti import MAX_BYTES, is_nifti, read_nifti
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.stacking import stack
from medsyngen.formats.values import ImageValues, VolumeValues


def read_volume(addresses: Sequence[str]) -> VolumeValues:
    """Reads one volume.

    Args:
        addresses: Path of one NIfTI or multi-frame DICOM file, or of all slices of one DICOM series, in any order; or
            members of an archive.

    Returns:
        Pixels in modality values; of DICOM the axes are (column, row, slice), of a NIfTI file those of the file.

    Raises:
        ScanRefused: With the reason why this reader can't use the volume.
    """
    if len(addresses) == 1:
        with as_file(Path(addresses[0])) as path:
            if is_nifti(path):
                return read_nifti(path)
            return read_multi_frame(path)  # one slice is no volume
    return _series(addresses)


def read_nifti_file(address: str) -> VolumeValues:
    """Returns one NIfTI volume: :func:`medsyngen.formats.nifti.read_nifti` for a reading process.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with as_file(Path(address)) as path:
        return read_nifti(path)


def _series(addresses: Sequence[str]) -> VolumeValues:
    planes, sizes = zip(*map(_plane, addresses), strict=True)
    stacked = stack(planes)
    volume = _Filling(len(addresses), sum(sizes))
    for number in stacked.order:
        with as_file(Path(addresses[number])) as path:
            volume.add(read_pixels(path))
    return volume.whole(stacked.affine)


class _Filling:
    """A volume that grows slice by slice, at its final size from the first: there is never a second copy."""

    def __init__(self, slices: int, file_bytes: int) -> None:
        self._slices, self._file_bytes, self._done = slices, file_bytes, 0
        self._pixels = np.empty((0, 0, slices), np.float32)
        self._range = (np.inf, -np.inf)

    def add(self, image: ImageValues) -> None:
        rows, columns = image.pixels.shape
        if not self._done:
            claimed = 4 * rows * columns * self._slices
            if claimed > MAX_BYTES:
                raise ScanRefused("too-large", f"a volume above {MAX_BYTES >> 20} MiB")
            allow(claimed, self._file_bytes)
            self._pixels = np.empty((columns, rows, self._slices), np.float32, order="F")
        if self._pixels.shape[:2] != (columns, rows):
            raise ScanRefused("mixed-sizes")
        self._pixels[:, :, self._done] = image.pixels.T
        self._done += 1
        low, high = image.value_range or self._range
        self._range = (min(low, self._range[0]), max(high, self._range[1]))

    def whole(self, affine: NDArray[np.float64]) -> VolumeValues:
        if not np.isfinite(self._pixels).all():
            raise ScanRefused("non-finite")
        return VolumeValues(self._pixels, affine, self._range if self._range[0] < self._range[1] else None)


def _plane(address: str) -> tuple[SliceGeometry, int]:
    """Returns where a slice lies, and the bytes of its file."""
    with as_file(Path(address)) as path:
        dataset, _ = read_dataset(path)
        size = path.stat().st_size
    with guarded("no-geometry"):
        plane = plane_of(dataset)
    if plane is None:
        raise ScanRefused("no-geometry")
    return plane, size
