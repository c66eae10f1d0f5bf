"""Texts of the source files that must never leave: what the release gate searches for in every written byte.

They stay inside, in a file that only its owner can read. Whoever searches must know that a number of few digits also
turns up by chance: digits-only identifiers should be matched as whole runs of digits, not inside the longer number of a
fresh UID or a hash.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath

import pydicom
from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

from medsyngen.formats.guarding import BROKEN, quiet_pydicom

MIN_LENGTH = 6
"""Shorter texts turn up by chance in any file."""
_MAX_LENGTH = 64 << 10  # bytes of one element: longer ones are bulk data, not text
_DICTIONARY_BYTES = 0xFFFF  # a longer value of unknown representation stays unknown, whatever its tag
_NAMES = frozenset({"AE", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UN", "UR", "UT"})
_UNSPLIT = frozenset({"LT", "ST", "UT", "UR"})
# Group of coded entries (PS3.3 table 8.8-1): public vocabularies such as SNOMED, the same in every hospital.
_CODES = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080104})
# Fixed by the standard or by the toolkit that wrote the file, not by the hospital.
_META = frozenset({0x00020003, 0x00020016, 0x00020017, 0x00020018})
_PLAIN = frozenset(
    [
        *("abnormal", "anonymised", "anonymized", "anonymous", "archive", "bilateral", "dataset", "deidentified"),
        *("dicoms", "export", "frontal", "images", "import", "lateral", "negative", "normal", "original", "output"),
        *("positive", "private", "processed", "public", "radiographs", "samples", "scanner", "studies", "synthetic"),
        *("testing", "training", "unknown", "unspecified", "validation"),
    ]
)


def header_identifiers(dataset: pydicom.Dataset) -> set[str]:
    """Collects the identifying texts of a header: sequences, private tags and file meta information included.

    Taken are all values of UI, PN (whole and by component), LO, SH, LT, ST, UC, UT, UR, AE, DA, DT and TM elements,
    and printable UN ones (private tags of implicit files). A TM without fraction is too short to be told from chance.

    Args:
        dataset: Without pixel data.

    Returns:
        Texts as found; :func:`source_identifiers` drops what identifies nobody.
    """
    found: set[str] = set()
    with quiet_pydicom():
        meta = getattr(dataset, "file_meta", None)
        for part, only in ((dataset, None), (meta, _META)):
            if part is not None:
                found.update(_of_dataset(part, only))
    return found


def _of_dataset(dataset: pydicom.Dataset, only: frozenset[int] | None = None) -> Iterator[str]:
    for element in list(dataset.values()):
        if element.tag in _CODES or (only is not None and element.tag not in only):
            continue
        try:
            yield from _of_element(dataset, element)
        except BROKEN:
            continue  # an element that can't be decoded can't be written out either


def _of_element(dataset: pydicom.Dataset, raw: RawDataElement | DataElement) -> Iterator[str]:
    if isinstance(raw, RawDataElement):
        vr = _representation(dataset, raw)
        if vr is not None and vr != "SQ":
            if vr not in _NAMES or raw.length > _MAX_LENGTH:
                return
            value = _plain(raw.value, vr)
            if value is not None:
                yield from _of_value(value, vr)
                return
    element = dataset[raw.tag]
    if element.VR == "SQ":
        for item in element.value:
            yield from _of_dataset(item)
    elif element.VR in _NAMES:
        yield from _of_value(element.value, element.VR)


def _plain(value: object, vr: str) -> str | list[str] | bytes | None:
    """Returns the value where no character set is needed to read it: ASCII without escape, or unknown bytes."""
    if not isinstance(value, bytes) or vr == "UN":
        return value if isinstance(value, bytes) else None
    if not value.isascii() or b"\x1b" in value:
        return None  # an escape starts another set
    text = value.rstrip(b"\0 ").decode("ascii")
    return text if vr in _UNSPLIT else text.split("\\")


def _representation(dataset: pydicom.Dataset, raw: RawDataElement) -> str | None:
    """Returns how a value is to be read, by pydicom's own rules and tables, or None to leave the element to it."""
    if raw.VR not in (None, "UN"):
        return raw.VR
    tag = int(raw.tag)
    if (tag >> 16) % 2 == 0:
        known = DicomDictionary.get(tag, ("UL",) if tag % 0x10000 == 0 else None)
        return known[0] if known and (raw.VR is None or raw.length < _DICTIONARY_BYTES) else None
    block, element = (tag & 0xFFFF) >> 8, tag & 0xFFFF
    if 0x10 <= element < 0x100:
        return "LO"  # the creator of a private block
    creator = dataset.get_item(BaseTag((tag >> 16) << 16 | block)) if (tag >> 16) << 16 | block in dataset else None
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


def _of_value(value: object, vr: str) -> Iterator[str]:
    if isinstance(value, bytes):
        text = value.rstrip(b"\0 ").decode("ascii", "ignore")
        texts = text.split("\\") if text.isprintable() else []
    elif isinstance(value, list | tuple | pydicom.multival.MultiValue):
        texts = [str(part) for part in value]
    elif vr in _UNSPLIT:
        texts = [str(value), *str(value).splitlines()]
    else:
        texts = [str(value)]
    for text in texts:
        if vr == "TM" and not (len(text) >= 8 and "." in text):
            continue
        yield text
        if vr == "PN":
            yield from re.split(r"[\^=]", text)


def path_identifiers(locator: str) -> set[str]:
    """Returns the folder names and the file stem of a path relative to SCANS; in an archive those of both."""
    found: set[str] = set()
    for part in {locator, *locator.split("!")}:  # the mark of a member: medsyngen.formats.archive
        path = PurePosixPath(part)
        found |= {*path.parts[:-1], path.stem, PurePosixPath(path.stem).stem if path.suffix == ".gz" else path.stem}
    return found


def source_identifiers(texts: Iterable[str], public_text: str = "") -> frozenset[str]:
    """Keeps the texts that tell where scans came from.

    Dropped are texts below :data:`MIN_LENGTH` characters, zeros and punctuation, UIDs that the standard registers,
    single words of the DICOM dictionary (``Patient``, ``Series``) and a few words that folders are called by, and
    whatever the public text says already.

    Args:
        texts: As collected from headers, paths and tables.
        public_text: Text known before any scan was read (recipe, templates of the release): it can't identify anyone.

    Returns:
        Each text without surrounding spaces.
    """
    public = public_text.casefold()
    kept = set()
    for raw in texts:
        text = raw.strip(" \0\t\r\n")
        if len(text) < MIN_LENGTH or not re.search(r"[^\W0_]", text) or text in UID_dictionary:
            continue
        if text == PYDICOM_IMPLEMENTATION_UID or text.casefold() in _vocabulary() or text.casefold() in public:
            continue
        kept.add(text)
    return frozenset(kept)


@cache
def _vocabulary() -> frozenset[str]:
    names = (entry[2] for entry in DicomDictionary.values())
    return _PLAIN | {word.casefold() for name in names for word in re.findall(r"[A-Za-z]{6,}", name)}


def write_identifiers(path: Path, identifiers: Iterable[str]) -> None:
    """Writes identifiers, one JSON string a line, after a line with their number, for its owner's eyes only.

    Args:
        path: The file, in the private part of a run folder; replaced if it is there.
        identifiers: From :func:`source_identifiers`.
    """
    texts = sorted(set(identifiers))
    lines = f"{len(texts)}\n" + "".join(f"{json.dumps(text)}\n" for text in texts)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_identifiers(path: Path) -> frozenset[str]:
    """Reads what :func:`write_identifiers` wrote.

    Raises:
        ValueError: If it is damaged or cut short: an incomplete list must not pass for a clean search.
    """
    count, *texts = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines() or [""]]
    if count != len(texts) or not all(isinstance(text, str) for text in texts):
        raise ValueError("not a list of identifiers")
    return frozenset(texts)
