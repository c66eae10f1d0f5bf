"""The synthetic DICOM objects that can be written, by the recipe's word for them; each built from nothing.

CR and DX are projection radiographs, CT and MR slices with a place in space, SC and MFSC secondary captures of one
frame and of many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pydicom.dataset import Dataset

from medsyngen.formats.dicom_template_parts import (
    CONDITION_CODES,
    CONTRIBUTION_LIMIT,
    IMPLEMENTATION_NAME,
    IMPLEMENTATION_UID,
    ISSUER,
    MANUFACTURER,
    PATIENT_COMMENTS,
    STUDY_DESCRIPTION,
    SYNTHETIC_DATE,
    SYNTHETIC_TIME,
    VIEW_ORIENTATION,
    ImageFacts,
    SyntheticIdentity,
    fresh_uid,
    number_text,
)
from medsyngen.formats.dicom_templates_captures import multi_frame_capture, secondary_capture
from medsyngen.formats.dicom_templates_radiographs import (
    DX_BODY_PARTS,
    DX_VIEWS,
    computed_radiography,
    digital_radiography,
)
from medsyngen.formats.dicom_templates_slices import ct_slice, mr_slice

Template = Callable[[SyntheticIdentity, ImageFacts, tuple[int, int]], Dataset]

TEMPLATES: Final[Mapping[str, Template]] = {
    "CR": computed_radiography,
    "DX": digital_radiography,
    "CT": ct_slice,
    "MR": mr_slice,
    "SC": secondary_capture,
    "MFSC": multi_frame_capture,
}
"""The objects that can be written, by the recipe's word for them."""
SLICES: Final = frozenset(("CT", "MR"))
"""Those that lie in space: a volume is a series of them."""
RADIOGRAPHS: Final = frozenset(("CR", "DX"))
"""Those that have a view position."""

__all__ = [
    "CONDITION_CODES",
    "CONTRIBUTION_LIMIT",
    "DX_BODY_PARTS",
    "DX_VIEWS",
    "IMPLEMENTATION_NAME",
    "IMPLEMENTATION_UID",
    "ISSUER",
    "MANUFACTURER",
    "PATIENT_COMMENTS",
    "RADIOGRAPHS",
    "SLICES",
    "STUDY_DESCRIPTION",
    "SYNTHETIC_DATE",
    "SYNTHETIC_TIME",
    "TEMPLATES",
    "VIEW_ORIENTATION",
    "ImageFacts",
    "SyntheticIdentity",
    "Template",
    "computed_radiography",
    "ct_slice",
    "digital_radiography",
    "fresh_uid",
    "mr_slice",
    "multi_frame_capture",
    "number_text",
    "secondary_capture",
]
