"""The texts of a header that may identify someone: of every element, sequences and private tags included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import pydicom
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import private_dictionary_VR
from pydicom.dataelem import RawDataElement

from medsyngen.formats.dicom_elements import HeaderElements
from medsyngen.formats.dicom_header import Elements
from medsyngen.formats.guarding import BROKEN, quiet_pydicom
from medsyngen.formats.plain_elements import NotPlain, items_of, tag_of

_MAX_LENGTH: Final = 64 << 10  # bytes of one element: longer ones are bulk data, not text
_DICTIONARY_BYTES: Final = 0xFFFF  # a longer value of unknown representation stays unknown, whatever its tag
_DEEPEST: Final = 8  # sequences that are looked through without pydicom
_NAMES: Final = frozenset({"AE", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UN", "UR", "UT"})
_NO_TEXT: Final = frozenset({"AS", "AT", "CS", "DS", "FD", "FL", "IS", "OB", "OW", "SL", "SS", "UL", "US"})
_UNSPLIT: Final = frozenset({"LT", "ST", "UT", "UR"})
_PARTED: Final = _UNSPLIT | {"PN", "TM"}
# Group of coded entries (PS3.3 table 8.8-1): public vocabularies such as SNOMED, the same in every hospital.
_CODES: Final = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080104})
# Fixed by the standard or by the toolkit that wrote the file, not by the hospital.
_META: Final = (0x00020003, 0x00020016, 0x00020017, 0x00020018)


def header_identifiers(header: Elements) -> set[str]:
    """Collects the identifying texts of a header: sequences, private tags and file meta information included.

    Taken are all values of UI, PN (whole and by component), LO, SH, LT, ST, UC, UT, UR, AE, DA, DT and TM elements,
    and printable UN ones (private tags of implicit files). A TM without fraction is too short to be told from chance.

    Args:
        header: Without pixel data.

    Returns:
        Texts as found; :func:`medsyngen.cohort.identifiers.source_identifiers` drops what identifies nobody.
    """
    elements, meta = _parts(header)
    found: set[str] = set()
    with quiet_pydicom():
        others = _of_elements(elements, found, 0)
        of_meta = _of_elements({tag: meta[tag] for tag in map(tag_of, _META) if tag in meta}, found, 0)
        if others or of_meta:
            dataset = header.dataset if isinstance(header, HeaderElements) else header
            _by_pydicom(dataset, others, found)
            if of_meta:
                _by_pydicom(dataset.file_meta, of_meta, found)
    found.discard("")
    return found


def _parts(header: Elements) -> tuple[Mapping[Any, Any], Mapping[Any, Any]]:
    if isinstance(header, HeaderElements):
        return header.elements, header.meta
    meta = getattr(header, "file_meta", None)
    return header._dict, {} if meta is None else meta._dict


def _by_pydicom(dataset: pydicom.Dataset, tags: Iterable[Any], found: set[str]) -> None:
    for tag in tags:
        try:
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value:
                    _by_pydicom(item, _of_elements(item._dict, found, 0), found)
            elif element.VR in _NAMES and element.value is not None:
                _of_value(element.value, element.VR, found)
        except BROKEN:
            continue  # an element that can't be decoded can't be written out either


def _of_elements(elements: Mapping[Any, Any], found: set[str], depth: int) -> list[Any]:
    """Collects the texts that need no pydicom to be read; returns the tags of the elements that may have others."""
    others = []
    for tag, raw in elements.items():
        if type(raw) is not RawDataElement:
            others.append(tag)
            continue
        vr = raw[1]
        if vr in _NO_TEXT or tag in _CODES:
            continue
        if vr is None or vr == "UN":
            vr = _representation(elements, raw)
        if vr in _NAMES:
            value = raw[3]
            if raw[2] <= _MAX_LENGTH and value and not _of_bytes(value, vr, found):
                others.append(tag)
        elif vr is None or (vr == "SQ" and not _of_items(raw, found, depth)):
            others.append(tag)
    return others


def _of_bytes(value: bytes, vr: str, found: set[str]) -> bool:
    """Collects the texts of a value where no character set is needed to read it: ASCII without escape, or unknown."""
    if vr == "UN":
        _of_value(value, vr, found)
        return True
    if not value.isascii() or b"\x1b" in value:
        return False  # an escape starts another set
    text = value.rstrip(b"\0 ").decode("ascii")
    if vr in _PARTED:
        _of_value(text if vr in _UNSPLIT else text.split("\\"), vr, found)
    elif "\\" in text:
        found.update(text.split("\\"))
    else:
        found.add(text)
    return True


def _of_items(raw: RawDataElement, found: set[str], depth: int) -> bool:
    """Collects the texts of a sequence, if it is an ordinary one."""
    if depth > _DEEPEST or not raw.is_little_endian:
        return False
    try:
        items = items_of(raw.value or b"", implicit=raw.is_implicit_VR)
    except NotPlain:
        return False
    return not any([_of_elements(item, found, depth + 1) for item in items])


def _representation(elements: Mapping[Any, Any], raw: RawDataElement) -> str | None:
    """Returns how a value is to be read, by pydicom's own rules and tables, or None to leave the element to it."""
    tag = int(raw.tag)
    if (tag >> 16) % 2 == 0:
        known = DicomDictionary.get(tag, ("UL",) if tag % 0x10000 == 0 else None)
        return known[0] if known and (raw.VR is None or raw.length < _DICTIONARY_BYTES) else None
    block, element = (tag & 0xFFFF) >> 8, tag & 0xFFFF
    if 0x10 <= element < 0x100:
        return "LO"  # the creator of a private block
    creator = elements.get(tag_of((tag >> 16) << 16 | block))
    if not isinstance(creator, RawDataElement) or not isinstance(creator.value, bytes):
        return None
    if not creator.value.isascii() or b"\x1b" in creator.value or b"\\" in creator.value:
        return None
    return _private(tag, creator.value.decode("ascii").rstrip("\0 "))


@lru_cache(maxsize=4096)
def _private(tag: int, creator: str) -> str:
    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return "UN"


def _of_value(value: object, vr: str, found: set[str]) -> None:
    if isinstance(value, bytes):
        text = value.rstrip(b"\0 ").decode("ascii", "ignore")
        texts = text.split("\\") if text.isprintable() else []
    elif isinstance(value, list | tuple | pydicom.multival.MultiValue):
        texts = [str(part) for part in value]
    elif vr in _UNSPLIT:
        texts = [str(value), *str(value).splitlines()]
    else:
        texts = [str(value)]
    if vr == "TM":
        texts = [text for text in texts if len(text) >= 8 and "." in text]
    elif vr == "PN":
        texts += [part for text in texts for part in re.split(r"[\^=]", text)]
    found.update(texts)
