"""What a synthetic image is released as: public facts from the recipe, checked before anything is drawn."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from medsyngen.errors import UsageError
from medsyngen.formats.dicom_templates import DX_BODY_PARTS, DX_VIEWS, SLICES, TEMPLATES, VIEW_ORIENTATION
from medsyngen.formats.placing import Spacing

_CODE_STRING: Final = re.compile(r"[A-Z0-9 _]{1,16}")
_WORDS: Final = re.compile(r"[^\\\x00-\x1f\x7f]{0,54}")  # with the mark before it, at most 64 characters (LO)
BIDS_SUFFIXES: Final = ("T1w", "T2w", "PDw", "FLAIR")
_LEAST_BITS: Final = {"CT": 12, "MR": 9}  # DICOM PS3.3 C.8.2.1.1.4, C.8.3.1.1.4
_FIRST_FIELDS: Final = 6  # those that recipes have had from the start
_LEAST, _MOST = -(2**15), 2**15 - 1  # NIfTI holds signed 16-bit numbers


@dataclass(frozen=True)
class ReleaseForm:
    """The form of every image of a cohort.

    Args:
        modality: ``CR`` and ``DX`` (radiographs), ``CT`` and ``MR`` (slices; a volume is a series of them), ``SC``
            (secondary capture) or ``MFSC`` (its multi-frame kind).
        body_part: Body Part Examined, a DICOM code string of at most 16 characters; of DX one of ``DX_BODY_PARTS``.
        view_position: One of PA, AP, LL, RL, RLD, LLD, RLO, LLO; used by CR, and the first four by DX.
        pixel_spacing_mm: Spacing of rows and columns in millimetres; None where the recipe knows none. CT, MR and DX
            need it.
        bits: Grey levels of the DICOM file, 2^bits; 8 to 16; of CT from 12, of MR from 9.
        series_description: At most 54 characters, shown behind the word SYNTHETIC.
        window: CT only, and needed there: the Hounsfield units that -1 and 1 mean, two whole numbers. They should be
            those of ``scans.window``.
        slice_spacing_mm: Distance between slices; volumes need it.
        slice_thickness_mm: None: unknown of a single slice, ``slice_spacing_mm`` of a volume's.
        image_type: ``DERIVED`` says that no machine made the image; ``ORIGINAL`` is for tools that refuse the former.
        images_per_patient: Images of one synthetic patient, 1 to 99; each is a series of its own.
        studies_per_patient: They are spread evenly over so many studies.
        bids_suffix: What a BIDS file calls the contrast: T1w, T2w, PDw or FLAIR.

    Raises:
        UsageError: A field can't be written into a file.
    """

    modality: str = "CR"
    body_part: str = "CHEST"
    view_position: str = "PA"
    pixel_spacing_mm: float | None = None
    bits: int = 12
    series_description: str = ""
    window: tuple[int, int] | None = None
    slice_spacing_mm: float | None = None
    slice_thickness_mm: float | None = None
    image_type: str = "DERIVED"
    images_per_patient: int = 1
    studies_per_patient: int = 1
    bids_suffix: str = "T1w"

    def __post_init__(self) -> None:
        wrong = [f"release.{field} must be {rule}" for field, rule in (*self._each(), *self._together())]
        if wrong:
            raise UsageError(
                "the recipe's release section can't be written as DICOM",
                do="correct these fields of the recipe",
                details=wrong,
            )

    def _each(self) -> Iterator[tuple[str, str]]:
        rules = {
            "modality": (self.modality in TEMPLATES, f"one of {', '.join(TEMPLATES)}"),
            "body_part": (_CODE_STRING.fullmatch(self.body_part), "1 to 16 of A-Z, 0-9, space and underscore"),
            "view_position": (self.view_position in VIEW_ORIENTATION, f"one of {', '.join(VIEW_ORIENTATION)}"),
            "pixel_spacing_mm": (_length(self.pixel_spacing_mm), "a positive number, or null"),
            "bits": (self.bits in range(8, 17), "8 to 16"),
            "series_description": (_WORDS.fullmatch(self.series_description), "at most 54 characters, no backslash"),
            "slice_spacing_mm": (_length(self.slice_spacing_mm), "a positive number, or null"),
            "slice_thickness_mm": (_length(self.slice_thickness_mm), "a positive number, or null"),
            "image_type": (self.image_type in ("DERIVED", "ORIGINAL"), "DERIVED or ORIGINAL"),
            "images_per_patient": (self.images_per_patient in range(1, 100), "1 to 99"),
            "bids_suffix": (self.bids_suffix in BIDS_SUFFIXES, f"one of {', '.join(BIDS_SUFFIXES)}"),
        }
        yield from ((field, rule) for field, (holds, rule) in rules.items() if not holds)

    def _together(self) -> Iterator[tuple[str, str]]:
        if self.modality in (*SLICES, "DX") and self.pixel_spacing_mm is None:
            yield "pixel_spacing_mm", f"a number of millimetres for {self.modality}"
        if self.modality == "DX" and self.body_part not in DX_BODY_PARTS:
            yield "body_part", f"one of {', '.join(DX_BODY_PARTS)} for DX; take CR for others"
        if self.modality == "DX" and self.view_position not in DX_VIEWS:
            yield "view_position", f"one of {', '.join(DX_VIEWS)} for DX; take CR for others"
        if self.modality in _LEAST_BITS and self.bits < _LEAST_BITS[self.modality]:
            yield "bits", f"{_LEAST_BITS[self.modality]} to 16 for {self.modality}"
        if not self._window_fits():
            yield "window", "null, but for CT two rising whole numbers of Hounsfield units that 2^bits levels can hold"
        if self.studies_per_patient < 1 or self.images_per_patient % self.studies_per_patient:
            yield "studies_per_patient", "a number that images_per_patient can be divided by"

    def _window_fits(self) -> bool:
        if self.modality != "CT" or self.window is None:
            return self.modality != "CT" and self.window is None
        low, high = self.window
        return _LEAST <= low < high <= _MOST and high - low < 2**self.bits

    @property
    def spacing_mm(self) -> Spacing | None:
        """Spacing along x, y and z; along z of a single slice its thickness. None where the recipe knows none."""
        plane = self.pixel_spacing_mm
        return None if plane is None else (plane, plane, self.slice_spacing_mm or self.slice_thickness_mm or plane)

    def plain(self) -> dict[str, Any]:
        """Returns the fields for a resolved recipe.

        Those that came later are left out at their defaults, so that recipes without them keep the hash that ledgers
        and checkpoints know.
        """
        told = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        later = {field.name: field.default for field in fields(self)[_FIRST_FIELDS:]}
        return {name: value for name, value in told.items() if name not in later or value != later[name]}


def _length(mm: float | None) -> bool:
    return mm is None or 0 < mm < math.inf
