"""Where a slice lies in the patient: the Image Plane module (DICOM PS3.3 C.7.6.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pydicom
from pydicom.multival import MultiValue

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class SliceGeometry:
    """The plane of one slice, in the patient's coordinates (mm; x to the left, y to the back, z to the head: LPS).

    Args:
        position: Image Position (Patient) (0020,0032): the centre of the first voxel.
        row: Direction in which the column number grows, a unit vector: the first half of Image Orientation (Patient).
        column: Direction in which the row number grows, a unit vector: its second half.
        spacing_mm: Distance between rows, between columns: Pixel Spacing (0028,0030).
        thickness_mm: Slice Thickness (0018,0050); None where absent.
        frame_of_reference: Frame of Reference UID (0020,0052); empty where absent. Never shown.
        localizer: Image Type (0008,0008) says LOCALIZER: a scout that other slices are planned on.
    """

    position: Vector
    row: Vector
    column: Vector
    spacing_mm: tuple[float, float]
    thickness_mm: float | None = None
    frame_of_reference: str = field(default="", repr=False)
    localizer: bool = False


def plane_of(dataset: pydicom.Dataset) -> SliceGeometry | None:
    """Returns the plane that a single-frame dataset says, or None where it says none that is usable.

    Usable means: six direction cosines of two unit vectors at a right angle (within 1e-3), a finite position and two
    spacings in (0, 1000) mm.
    """
    position = _numbers(dataset.get("ImagePositionPatient"), 3)
    directions = _numbers(dataset.get("ImageOrientationPatient"), 6)
    spacing = _numbers(dataset.get("PixelSpacing"), 2)
    if position is None or directions is None or spacing is None:
        return None
    row, column = directions[:3], directions[3:]
    square = abs(sum(a * b for a, b in zip(row, column, strict=True))) < 1e-3
    unit = all(abs(math.hypot(*vector) - 1.0) < 1e-3 for vector in (row, column))
    if not (square and unit and all(0.0 < mm < 1000.0 for mm in spacing)):
        return None
    thickness = _numbers([dataset.get("SliceThickness")], 1)
    return SliceGeometry(
        position=(position[0], position[1], position[2]),
        row=(row[0], row[1], row[2]),
        column=(column[0], column[1], column[2]),
        spacing_mm=(spacing[0], spacing[1]),
        thickness_mm=thickness[0] if thickness and thickness[0] > 0 else None,
        frame_of_reference=str(dataset.get("FrameOfReferenceUID") or ""),
        localizer="LOCALIZER" in _words(dataset.get("ImageType")),
    )


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, MultiValue) else [str(value or "")]


def _numbers(value: object, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, MultiValue | list) or len(value) != count:
        return None
    try:
        numbers = tuple(float(each) for each in value)
    except (TypeError, ValueError):
        return None
    return numbers if all(map(math.isfinite, numbers)) else None
