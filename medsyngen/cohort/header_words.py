"""What a header says about equipment, body and text in the picture, in words of public lists only.

Any text of a header may hold a name. So none is shown: a text is looked up, and what is found is a word of this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pydicom

from medsyngen.formats.dicom_header import Elements
from medsyngen.formats.guarding import BROKEN

KNOWN_MODALITIES: Final = frozenset(
    [
        "CR",
        "CT",
        "DX",
        "ES",
        "GM",
        "IO",
        "MG",
        "MR",
        "NM",
        "OT",
        "PT",
        "PX",
        "RF",
        "SC",
        "SEG",
        "SM",
        "SR",
        "US",
        "XA",
        "XC",
    ]
)
"""Codes of PS3.3 C.7.3.1.1.1 that may be named in a message."""
VENDORS: Final = (
    *("Agfa", "Barco", "Canon", "Carestream", "Esaote", "Fujifilm", "GE", "Hitachi", "Hologic", "Kodak", "Konica"),
    *("Lodox", "Mindray", "Neusoft", "Philips", "Planmeca", "Samsung", "Shimadzu", "Siemens", "Sirona", "Toshiba"),
    *("United Imaging", "Varian"),
)
_VENDORS: Final = {vendor.casefold(): vendor for vendor in VENDORS}
_VENDOR: Final = re.compile(rf"\b({'|'.join(map(re.escape, _VENDORS))})")
_HEAD: Final = re.compile(
    r"head|brain|skull|face|facial|orbit|neuro|crani|sinus|iac|kopf|sch[aä]del|hirn|tete|cerveau|cabeza"
)
_BODY: Final = {
    "head": _HEAD,
    "chest": re.compile(r"chest|thora|lung|rib|torax"),
    "abdomen": re.compile(r"abd|liver|kidney|leber|niere"),
    "breast": re.compile(r"breast|mamm"),
    "spine": re.compile(r"spine|[ctl]spine|vertebra|wirbel"),
    "pelvis": re.compile(r"pelvis|hip|prostat|becken"),
    "limb": re.compile(r"knee|foot|ankle|hand|wrist|elbow|shoulder|leg|arm|extremity|femur|knie|fuss|schulter"),
    "heart": re.compile(r"heart|card|coron"),
}
_BODY_TEXTS: Final = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
TEXT_RISKS: Final = {
    "said": "Burned In Annotation says YES",
    "screen": "Image Type says it is a screen save",
    "overlay": "it has overlays (group 60xx)",
    "film": "it is digitised film, video or paper (Conversion Type)",
    "capture": "it is a secondary capture",
    "ultrasound": "ultrasound, endoscopy or angiography, which often shows names, and nothing says it does not",
    "picture": "PNG or JPEG, whose header would not say so",
}
"""Why a picture may have text in it."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a header tells beside what a recipe needs; words of public lists.

    Args:
        vendor: One of :data:`VENDORS`, ``other``, or empty where none is named.
        body: Part of the body; empty where unknown.
        risks: Keys of :data:`TEXT_RISKS`.
        syntax: Name of the transfer syntax, or of the format.
    """

    vendor: str = ""
    body: str = ""
    risks: tuple[str, ...] = ()
    syntax: str = ""


NOTHING_SAID: Final = Looks()
"""Of a header that tells nothing."""


def looks_of(dataset: Elements, syntax: str, modality: str, *, capture: bool, overlays: int) -> Looks:
    """Returns what the header of a DICOM image tells.

    Args:
        dataset: Without pixel data.
        syntax: Name of its transfer syntax.
        modality: As the reader understood it.
        capture: Its SOP class is a secondary capture.
        overlays: How many it has beside its pixels.
    """
    risks = tuple(_risks(dataset, modality, capture, overlays))
    return Looks(vendor_of(_text(dataset, "Manufacturer")), _body(dataset), risks, syntax)


def vendor_of(text: str) -> str:
    """Returns the maker that a free text names, of :data:`VENDORS`; ``other`` for any other text."""
    if not text:
        return ""
    found = _VENDOR.search(text.casefold())
    return _VENDORS[found[1]] if found else "other"


def _body(dataset: Elements) -> str:
    for keyword in _BODY_TEXTS:
        text = _text(dataset, keyword).casefold()
        for name, pattern in _BODY.items():
            if text and pattern.search(text):
                return name
    return ""


def _risks(dataset: Elements, modality: str, capture: bool, overlays: int) -> Iterator[str]:
    said = _text(dataset, "BurnedInAnnotation").upper()
    if said == "YES":
        yield "said"
    if re.search(r"SCREEN|SAVE", _text(dataset, "ImageType").upper()):
        yield "screen"
    if overlays:
        yield "overlay"
    if _text(dataset, "ConversionType").upper() in ("DV", "DF", "SD", "SI", "DRW", "WSD"):
        yield "film"
    if capture and said != "NO":
        yield "capture"
    if modality in ("US", "ES", "XA", "RF", "XC") and said != "NO":
        yield "ultrasound"


def _text(dataset: Elements, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except BROKEN:
        return ""
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, pydicom.multival.MultiValue) else str(value)
