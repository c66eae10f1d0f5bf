"""Synthetic pictures out as DICOM files, with plain pydicom and the templates next door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from medsyngen.formats.dicom_templates import (
    IMPLEMENTATION_NAME,
    IMPLEMENTATION_UID,
    TEMPLATES,
    ImageFacts,
    SyntheticIdentity,
)
from medsyngen.scan import Pixels


def quantise(pixels: Pixels, bits: int) -> NDArray[np.uint16]:
    """Returns grey levels 0 to 2^bits - 1 of pixels in [-1, 1]; values outside are clipped.

    The range is that of the recipe, never the picture's own minimum and maximum.

    Args:
        pixels: float32, any shape.
        bits: 8 to 16.

    Raises:
        ValueError: A pixel is not a finite number.
    """
    if not np.isfinite(pixels).all():
        raise ValueError("a synthetic picture holds values that are not finite")
    unit = (np.clip(pixels.astype(np.float64), -1.0, 1.0) + 1.0) / 2.0
    levels: NDArray[np.uint16] = np.rint(unit * (2**bits - 1)).astype(np.uint16)
    return levels


def write_dicom(
    path: Path,
    pixels: Pixels,
    *,
    identity: SyntheticIdentity,
    modality: str = "CR",
    body_part: str = "CHEST",
    view_position: str = "PA",
    pixel_spacing_mm: float | None = None,
    bits: int = 12,
    series_description: str = "",
    class_name: str = "",
    contribution: str = "",
    sex: str = "",
    laterality: str = "",
) -> None:
    """Writes one synthetic picture as a DICOM file (explicit VR little endian, no date but a constant).

    Args:
        path: The file to make; must not exist.
        pixels: float32 in [-1, 1], shape (rows, columns).
        identity: Fresh identifiers of this object.
        modality: ``CR`` (computed radiography) or ``SC`` (secondary capture).
        body_part: Body Part Examined, a code string.
        view_position: View Position (CR only).
        pixel_spacing_mm: Spacing of rows and columns in millimetres, or None.
        bits: Bits Stored, 8 to 16; 8 is stored in bytes, all others in 16-bit words.
        series_description: Words added to the Series Description.
        class_name: The recipe's class, or empty.
        contribution: What the synthesizing equipment did, at most 1024 characters.
        sex: Patient's Sex: M, F, O, or empty.
        laterality: Laterality of a paired body part: R, L, or empty.

    Raises:
        ValueError: The picture or a field can't be written as asked.
        FileExistsError: There is such a file already.
    """
    if pixels.ndim != 2 or modality not in TEMPLATES:
        raise ValueError(f"can't write a picture of shape {pixels.shape} as {modality}")
    facts = ImageFacts(
        body_part,
        view_position,
        pixel_spacing_mm,
        bits,
        series_description,
        class_name,
        contribution,
        sex,
        laterality,
    )
    ds = TEMPLATES[modality](identity, facts, (pixels.shape[0], pixels.shape[1]))
    levels = quantise(pixels, bits)
    data = levels.astype(np.uint8).tobytes() if bits == 8 else levels.astype("<u2").tobytes()
    ds.add_new("PixelData", "OW", data + b"\x00" * (len(data) % 2))  # values have even length (PS3.5 7.1.1)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = IMPLEMENTATION_UID  # type: ignore[assignment]
    ds.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
    ds.preamble = b"\x00" * 128
    ds.save_as(path, enforce_file_format=True, overwrite=False)
