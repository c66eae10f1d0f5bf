"""The two words that everything else speaks of: a scan, and the patient whose record it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


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
