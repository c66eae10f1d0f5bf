"""What an enhanced object says of each of its frames (multi-frame functional groups, PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pydicom

from medsyngen.formats.dicom_elements import HeaderElements
from medsyngen.formats.geometry import SliceGeometry, plane_of

_PLANE: Final = (
    ("PlanePositionSequence", ("ImagePositionPatient",)),
    ("PlaneOrientationSequence", ("ImageOrientationPatient",)),
    ("PixelMeasuresSequence", ("PixelSpacing", "SliceThickness")),
)
_RESCALE: Final = (("PixelValueTransformationSequence", ("RescaleSlope", "RescaleIntercept")),)
Macros = Sequence[tuple[str, Sequence[str]]]


def first_plane(elements: pydicom.Dataset | HeaderElements, frames: int) -> SliceGeometry | None:
    """Returns where the only slice lies, or the first frame of several; None where the header does not say.

    Planes in the coordinates of a transducer (Enhanced US Volume) are none in the patient's: they are not taken.
    """
    if frames <= 1 and "ImagePositionPatient" in elements:
        return plane_of(elements)
    dataset = elements.dataset if isinstance(elements, HeaderElements) else elements
    return plane_of(_of_frame(dataset, 0, _PLANE)) if _grouped(dataset) else None


def planes_of(dataset: pydicom.Dataset, frames: int) -> tuple[SliceGeometry | None, ...]:
    """Returns where each frame lies, in the order in which they are stored."""
    if not _grouped(dataset):
        return (first_plane(dataset, frames),) if frames == 1 else (None,) * frames
    return tuple(plane_of(_of_frame(dataset, number, _PLANE)) for number in range(frames))


def rescales_of(dataset: pydicom.Dataset, frames: int) -> list[pydicom.Dataset]:
    """Returns for each frame a dataset with its Rescale Slope and Intercept, where it has them.

    The frame's own group comes first, then the shared one, then the top of the dataset.
    """
    if not _grouped(dataset):
        return [dataset] * frames
    return [_of_frame(dataset, number, _RESCALE) for number in range(frames)]


def index_of(dataset: pydicom.Dataset, frames: int) -> list[tuple[int, ...]]:
    """Returns each frame's Dimension Index Values (0020,9157); empty where it has none."""
    contents = (_macro(dataset, number, "FrameContentSequence") for number in range(frames))
    values = (content.get("DimensionIndexValues") if content is not None else None for content in contents)
    return [
        tuple(int(each) for each in value) if isinstance(value, pydicom.multival.MultiValue | list) else ()
        for value in values
    ]


def _grouped(dataset: pydicom.Dataset) -> bool:
    return bool(dataset.get("PerFrameFunctionalGroupsSequence") or dataset.get("SharedFunctionalGroupsSequence"))


def _of_frame(dataset: pydicom.Dataset, number: int, macros: Macros) -> pydicom.Dataset:
    """Returns the elements of some macros as a dataset without groups would have them."""
    found = pydicom.Dataset()
    for sequence, keywords in macros:
        item = _macro(dataset, number, sequence)
        for keyword in keywords:
            source = item if item is not None and keyword in item else dataset
            if keyword in source:
                found[keyword] = source[keyword]
    for keyword in ("FrameOfReferenceUID", "ImageType"):
        if keyword in dataset:
            found[keyword] = dataset[keyword]
    return found


def _macro(dataset: pydicom.Dataset, number: int, sequence: str) -> pydicom.Dataset | None:
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    own = per_frame[number : number + 1]
    for group in (*own, *shared[:1]):
        items = group.get(sequence)
        if items:
            found: pydicom.Dataset = items[0]
            return found
    return None
