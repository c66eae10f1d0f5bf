"""Where a slice lies in the patient: the Image Plane module (DICOM PS3.3 C.7.6.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import pydicom
from pydicom.multival import MultiValue

from medsyngen.formats.dicom_elements import HeaderElements

VOLUME: Final = (
    "EchoNumbers",
    "TemporalPositionIdentifier",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "AcquisitionNumber",
)
"""What tells the volumes of one series apart (0018,0086; 0020,0100; 0018,9087; 0018,9089; 0020,0012)."""
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
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
        volume: Which of several volumes of a series it belongs to: the values of :data:`VOLUME`;
            empty where it says none of them.
    """

    position: Vector
    row: Vector
    column: Vector
    spacing_mm: tuple[float, float]
    thickness_mm: float | None = None
    frame_of_reference: str = field(default="", repr=False)
    localizer: bool = False
    volume: tuple[str, ...] = ()


def plane_of(dataset: pydicom.Dataset | HeaderElements) -> SliceGeometry | None:
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
    if not (_at_right_angles(directions) and all(0.0 < mm < 1000.0 for mm in spacing)):
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
        volume=_volume(dataset),
    )


def _volume(dataset: pydicom.Dataset | HeaderElements) -> tuple[str, ...]:
    if not any([keyword in dataset for keyword in VOLUME]):
        return ()
    return tuple("\\".join(map(_plain_number, _words(dataset.get(keyword)))) for keyword in VOLUME)


def _plain_number(text: str) -> str:
    """Returns a number in one spelling, whatever the spelling in the file; anything else as it is."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return "" if text == "None" else text


@lru_cache(maxsize=64)  # the slices of a series lie alike
def _at_right_angles(directions: tuple[float, ...]) -> bool:
    row, column = directions[:3], directions[3:]
    square = abs(sum(a * b for a, b in zip(row, column, strict=True))) < 1e-3
    return square and all(abs(math.hypot(*vector) - 1.0) < 1e-3 for vector in (row, column))


def _words(value: object) -> list[str]:
    return (
        [str(word) for word in value] if isinstance(value, MultiValue | list) else ["" if value is None else str(value)]
    )


def _numbers(value: object, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, MultiValue | list) or len(value) != count:
        return None
    try:
        numbers = tuple(map(float, value))
    except (TypeError, ValueError):
        return None
    return numbers if all(map(math.isfinite, numbers)) else None
