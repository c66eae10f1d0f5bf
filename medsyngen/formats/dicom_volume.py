"""One DICOM object of many frames as a volume, by what it says of each frame (Enhanced CT and MR, PS3.3 A.36, A.38)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom

from medsyngen.formats.dicom_groups import planes_of
from medsyngen.formats.dicom_header import DicomHeader
from medsyngen.formats.dicom_pixels import read_frames
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.guarding import guarded
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.stacking import Stack, stack
from medsyngen.formats.values import VolumeValues


def stack_of(dataset: pydicom.Dataset, header: DicomHeader) -> Stack:
    """Returns how the frames make a volume, from the header alone.

    Raises:
        ScanRefused: ``multi-frame`` if the object says of no frame where it lies in the patient (a film, views of an
            angiography, a sweep in a transducer's coordinates), or as :func:`medsyngen.formats.stacking.stack`.
    """
    with guarded("no-geometry"):
        planes = planes_of(dataset, header.frames)
    return _stacked(planes)


def read_multi_frame(path: Path) -> VolumeValues:
    """Reads the frames of one object as a volume: axes are (column, row, slice).

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    found = read_frames(path)
    stacked = _stacked(found.planes)
    return VolumeValues(found.pixels[list(stacked.order)].transpose(2, 1, 0), stacked.affine, found.value_range)


def _stacked(planes: Sequence[SliceGeometry | None]) -> Stack:
    known = [plane for plane in planes if plane is not None]
    if not known:
        raise ScanRefused("multi-frame")
    if len(known) < len(planes):
        raise ScanRefused("no-geometry", "of some frames")
    return stack(known)
