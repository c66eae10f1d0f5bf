"""Synthetic images out as DICOM files, with plain pydicom and the templates next door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from medsyngen.formats.dicom_templates import (
    IMPLEMENTATION_NAME,
    IMPLEMENTATION_UID,
    SLICES,
    TEMPLATES,
    ImageFacts,
    SyntheticIdentity,
)
from medsyngen.formats.grey_levels import above_lowest, quantise
from medsyngen.formats.placing import Spacing, as_slices, slice_plane
from medsyngen.scan import Pixels

__all__ = ["quantise", "write_dicom", "write_series"]


def write_dicom(
    path: Path,
    pixels: Pixels,
    *,
    identity: SyntheticIdentity,
    facts: ImageFacts,
    modality: str = "CR",
    thickness_mm: float | None = None,
) -> None:
    """Writes one synthetic picture, or the frames of a volume, as one DICOM file (explicit VR little endian).

    Args:
        path: The file to make; must not exist.
        pixels: float32 in [-1, 1], shape (row, column); (x, y, z) for ``MFSC``, whose frames are slices along z.
        identity: Fresh identifiers of this object.
        facts: What the object says of itself.
        modality: A key of :data:`medsyngen.formats.dicom_templates.TEMPLATES`.
        thickness_mm: Slice Thickness, of CT and MR; None where unknown.

    Raises:
        ValueError: The picture or a field can't be written as asked.
        FileExistsError: There is such a file already.
    """
    if modality not in TEMPLATES or pixels.ndim != 2 + (pixels.ndim == 3 and modality == "MFSC"):
        raise ValueError(f"can't write an image of shape {pixels.shape} as {modality}")
    if modality in SLICES:
        if facts.pixel_spacing_mm is None:
            raise ValueError(f"{modality} needs a pixel spacing")
        apart = (facts.pixel_spacing_mm, facts.pixel_spacing_mm, 1.0)
        facts = replace(facts, plane=slice_plane(0, pixels.shape, apart, thickness_mm=thickness_mm))
    frames = as_slices(pixels)
    facts = replace(facts, frames=len(frames))
    _save(path, TEMPLATES[modality](identity, facts, (frames.shape[1], frames.shape[2])), _levels(frames, facts))


def write_series(
    folder: Path,
    names: Iterator[str],
    pixels: Pixels,
    *,
    identity: SyntheticIdentity,
    facts: ImageFacts,
    modality: str,
    spacing_mm: Spacing,
    thickness_mm: float | None = None,
) -> None:
    """Writes a volume as a series of slices across the body, from the feet up, each a DICOM file.

    Args:
        folder: Where to write; must exist.
        names: Names of the files, one a slice.
        pixels: float32 in [-1, 1], shape (x, y, z): to the right, to the front, to the head.
        identity: Fresh identifiers of the first object.
        facts: What each object says of itself, but for where it lies.
        modality: ``CT`` or ``MR``.
        spacing_mm: Along x, y and z.
        thickness_mm: Slice Thickness; None: as far as slices are apart.

    Raises:
        ValueError: The volume can't be written as asked.
    """
    if modality not in SLICES or pixels.ndim != 3:
        raise ValueError(f"can't write an image of shape {pixels.shape} as a series of {modality}")
    slices = as_slices(pixels)
    thickness = spacing_mm[2] if thickness_mm is None else thickness_mm
    for number, (each, name) in enumerate(zip(identity.instances(len(slices)), names, strict=True)):
        plane = slice_plane(number, pixels.shape, spacing_mm, thickness_mm=thickness)
        said = replace(facts, plane=plane, slices_apart_mm=spacing_mm[2])
        ds = TEMPLATES[modality](each, said, (slices.shape[1], slices.shape[2]))
        _save(folder / name, ds, _levels(slices[number], said))


def _levels(pixels: Pixels, facts: ImageFacts) -> NDArray[np.uint16]:
    if facts.highest > facts.lowest:
        return above_lowest(pixels, (facts.lowest, facts.highest))
    return quantise(pixels, facts.bits)


def _save(path: Path, ds: Dataset, levels: NDArray[np.uint16]) -> None:
    data = levels.astype(np.uint8).tobytes() if ds.BitsAllocated == 8 else levels.astype("<u2").tobytes()
    ds.add_new("PixelData", "OW", data + b"\x00" * (len(data) % 2))  # values have even length (PS3.5 7.1.1)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = IMPLEMENTATION_UID  # type: ignore[assignment]
    ds.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
    ds.preamble = b"\x00" * 128
    ds.save_as(path, enforce_file_format=True, overwrite=False)
