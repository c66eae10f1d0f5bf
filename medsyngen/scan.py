"""The two words that everything else speaks of: a scan, and the patient whose record it belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError

Pixels = NDArray[np.float32]
Size = int | tuple[int, ...]
"""What images are like: the side of a square grey picture, or (channel, *space) of any other image."""


def image_shape(size: Size) -> tuple[int, ...]:
    """Returns (channel, *space) of images of this size; (1, side, side) of pictures."""
    return (1, size, size) if isinstance(size, int) else tuple(size)


def square_side(size: Size) -> int:
    """Returns the side of square grey pictures.

    Raises:
        UsageError: The images are others, above all volumes.
    """
    if isinstance(size, int):
        return size
    raise UsageError(
        "the recipe makes volumes, and this works on pictures only",
        do="take a recipe for pictures (`spatial_dims: 2`; `slices` takes volumes apart), or staged-diffusion",
    )


def positions(size: Size) -> int:
    """Returns d, the pixels or voxels of an image, however many channels each has."""
    return math.prod(image_shape(size)[1:])


@dataclass(frozen=True, order=True)
class PatientKey:
    """The unit of privacy: everything filed under one key is one patient's record.

    The identifier never shows in ``repr``, so that a traceback or a log can't carry it.

    Args:
        patient_id: The hospital's identifier, after the patient map; not blank.
        issuer: Who issued it (DICOM Issuer of Patient ID), or empty.
    """

    patient_id: str = field(repr=False)
    issuer: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.patient_id.strip():
            raise ValueError("a patient key needs an identifier that is not blank")

    def to_bytes(self) -> bytes:
        """Returns an injective encoding, for keyed per-patient random streams."""
        issuer, patient = self.issuer.encode(), self.patient_id.encode()
        return len(issuer).to_bytes(4, "big") + issuer + patient


@dataclass(frozen=True, eq=False)
class Scan:
    """One image of one patient, as read (modality values) or as preprocessed (in [-1, 1]).

    Args:
        pixels: float32, shape (channel, *space).
        modality: DICOM code such as ``CR``, ``CT``, ``MR``; ``OT`` where unknown.
        patient: Whose record it belongs to.
        spacing_mm: Pixel spacing, one per spatial axis; empty where unknown.
        label: The label as written in the label file, or None.
    """

    pixels: Pixels = field(repr=False)
    modality: str
    patient: PatientKey
    spacing_mm: tuple[float, ...] = ()
    label: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.float32 or self.pixels.ndim < 2:
            raise ValueError(f"pixels must be float32 (channel, *space), got {self.pixels.dtype} {self.pixels.shape}")
