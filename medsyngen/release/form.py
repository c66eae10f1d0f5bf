"""What a synthetic picture is released as: public facts from the recipe, checked before anything is drawn."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from medsyngen.errors import UsageError
from medsyngen.formats.dicom_templates import TEMPLATES, VIEW_ORIENTATION

_CODE_STRING: Final = re.compile(r"[A-Z0-9 _]{1,16}")
_WORDS: Final = re.compile(r"[^\\\x00-\x1f\x7f]{0,54}")  # with the mark before it, at most 64 characters (LO)


@dataclass(frozen=True)
class ReleaseForm:
    """The form of every picture of a cohort.

    Args:
        modality: ``CR`` (computed radiography) or ``SC`` (secondary capture).
        body_part: Body Part Examined, a DICOM code string of at most 16 characters.
        view_position: One of PA, AP, LL, RL, RLD, LLD, RLO, LLO; used by CR.
        pixel_spacing_mm: Spacing of rows and columns in millimetres; None where the recipe knows none.
        bits: Grey levels of the DICOM file, 2^bits; 8 to 16.
        series_description: At most 54 characters, shown behind the word SYNTHETIC.

    Raises:
        UsageError: A field can't be written into a DICOM file.
    """

    modality: str = "CR"
    body_part: str = "CHEST"
    view_position: str = "PA"
    pixel_spacing_mm: float | None = None
    bits: int = 12
    series_description: str = ""

    def __post_init__(self) -> None:
        spacing = self.pixel_spacing_mm
        rules = {
            "modality": (self.modality in TEMPLATES, f"one of {', '.join(TEMPLATES)}"),
            "body_part": (_CODE_STRING.fullmatch(self.body_part), "1 to 16 of A-Z, 0-9, space and underscore"),
            "view_position": (self.view_position in VIEW_ORIENTATION, f"one of {', '.join(VIEW_ORIENTATION)}"),
            "pixel_spacing_mm": (spacing is None or 0 < spacing < math.inf, "a positive number, or null"),
            "bits": (self.bits in range(8, 17), "8 to 16"),
            "series_description": (_WORDS.fullmatch(self.series_description), "at most 54 characters, no backslash"),
        }
        wrong = [f"release.{field} must be {rule}" for field, (holds, rule) in rules.items() if not holds]
        if wrong:
            raise UsageError(
                "the recipe's release section can't be written as DICOM",
                do="correct these fields of the recipe",
                details=wrong,
            )
