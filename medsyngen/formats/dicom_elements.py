"""The elements before the pixel data, read once and fast: what an index of 100,000 files needs of each.

Everything is read, not some tags alone: an identifier may stand in any text of a header, and the release gate searches
for all of them. pydicom parses; this leaves out what it does beside that (a second reading of the meta information, a
conversion of every value asked for), which takes most of its time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, BinaryIO, Final

import pydicom
from pydicom._dicom_dict import DicomDictionary
from pydicom.config import IGNORE
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import data_element_generator, read_dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID

from medsyngen.formats.guarding import guarded
from medsyngen.formats.inflating import inflated
from medsyngen.formats.refusal import ScanRefused

MOST_BYTES: Final = 64 << 20
"""Longest header that is read."""
_MOST_ELEMENTS: Final = 200_000
_PIXELS: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_IMPLICIT: Final = "1.2.840.10008.1.2"
_BIG: Final = "1.2.840.10008.1.2.2"
_SYNTAX: Final = 0x00020010
_TEXT: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("CS", "DA", "LO", "SH", "TM"), str),
    "UI": lambda text: UID(text, validation_mode=IGNORE),
    "DS": float,
    "IS": int,
}
# Windows, Linux, macOS, a script. A TIFF's mark is none of these: that use of the preamble is foreseen (PS3.10 7.1).
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
_UNDEFINED: Final = 0xFFFFFFFF


class HeaderElements(pydicom.Dataset):
    """A dataset that answers ``get`` for short plain values without pydicom's conversion.

    The answers are equal to pydicom's (numbers are plain ones): texts in ASCII of :data:`_TEXT`, decimal and integer
    strings, one unsigned short. Everything else is left to pydicom.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        """As :meth:`pydicom.Dataset.get`."""
        if isinstance(key, str):
            tag = _tag(key)
            if tag is None or tag not in self._dict:
                return default
            raw = self._dict[tag]
            if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
                value = _plain(raw)
                if value is not None:
                    return value
            return self[tag].value
        return super().get(key, default)

    def __getattr__(self, name: str) -> Any:
        if name[:1].isupper() and name in self:
            return self.get(name)
        return super().__getattr__(name)

    def __contains__(self, name: Any) -> bool:
        if isinstance(name, str):
            return _tag(name) in self._dict
        return super().__contains__(name)


@cache
def _tag(keyword: str) -> BaseTag | None:
    number = tag_for_keyword(keyword)
    return None if number is None else BaseTag(number)


def _plain(raw: RawDataElement) -> Any:
    vr = raw.VR or DicomDictionary.get(raw.tag, ("",))[0]
    value = raw.value or b""
    if vr == "US" and len(value) == 2:
        return int.from_bytes(value, "little" if raw.is_little_endian else "big")
    kind = _TEXT.get(vr)
    if kind is None or not value or not value.isascii() or b"\x1b" in value:
        return None
    text = value.decode("ascii").rstrip("\0 ")
    if "\\" in text and vr not in ("DS", "IS"):
        return None
    try:
        parts = [kind(part) for part in text.split("\\")]
    except ValueError:
        return None  # an empty or forged number
    return parts[0] if len(parts) == 1 else MultiValue(kind, parts)


def read_elements(file: BinaryIO) -> tuple[HeaderElements, int]:
    """Reads all elements before the pixel data.

    Args:
        file: From its beginning.

    Returns:
        The dataset, with its ``file_meta``, and the bytes that are left for pixel data.

    Raises:
        ScanRefused: ``not-dicom``, ``transfer-syntax``, ``too-large``, ``truncated`` or ``unreadable``.
    """
    elements, remaining, _ = read_parts(file)
    return elements, remaining


def read_parts(file: BinaryIO) -> tuple[HeaderElements, int, BinaryIO]:
    """As :func:`read_elements`; returns also where the pixel data go on, at their tag: the file, or it inflated."""
    preamble = file.read(132)
    if preamble[128:] != b"DICM":
        raise ScanRefused("not-dicom")
    if preamble.startswith(_PROGRAMS):
        raise ScanRefused("polyglot")
    with guarded("unreadable"):
        before_data = _until(lambda tag: tag >> 16 != 2)
        meta = {each.tag: each for each in data_element_generator(file, False, True, stop_when=before_data)}
        syntax = meta.get(BaseTag(_SYNTAX))
        name = bytes(syntax.value or b"").rstrip(b"\0 ").decode("ascii") if syntax is not None else ""
        if not name:
            raise ScanRefused("transfer-syntax", "the header names none")
        if name == _DEFLATED:
            file = inflated(file)
        found = read_dataset(file, name == _IMPLICIT, name != _BIG, stop_when=_until(_PIXELS.__contains__))
        elements = HeaderElements(found)
        implicit, little = found.original_encoding
        elements.set_original_encoding(implicit, little, found.original_character_set)
        elements.file_meta = FileMetaDataset(meta)
        start = file.tell()
        size = file.seek(0, 2)
        file.seek(start)
        return elements, max(0, size - start - (8 if name == _IMPLICIT else 12)), file


def _until(wanted: Callable[[int], bool]) -> Callable[[BaseTag, str | None, int], bool]:
    """Returns a condition for pydicom to stop at, which refuses a header that never ends."""
    room, elements = MOST_BYTES, _MOST_ELEMENTS

    def stop(tag: BaseTag, _: str | None, length: int) -> bool:
        nonlocal room, elements
        if wanted(tag):
            return True
        elements -= 1
        room -= length if length != _UNDEFINED else 0
        if room < 0 or elements < 0:
            raise ScanRefused("too-large", f"more than {MOST_BYTES >> 20} MiB before the pixels")
        return False

    return stop
