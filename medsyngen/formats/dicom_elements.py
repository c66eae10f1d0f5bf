"""The elements before the pixel data, read once and fast: what an index of 100,000 files needs of each.

Everything is read, not some tags alone: an identifier may stand in any text of a header, and the release gate searches
for all of them. An ordinary header is taken apart in memory (:mod:`medsyngen.formats.plain_elements`), any other by
pydicom; what both find is a pydicom dataset, whose values are converted when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, MutableSequence
from functools import cache, cached_property, lru_cache
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
from medsyngen.formats.plain_elements import (
    AFTER_META,
    PIXELS,
    NotPlain,
    character_sets,
    plain_elements,
    tag_of,
)
from medsyngen.formats.refusal import ScanRefused

MOST_BYTES: Final = 64 << 20
"""Longest header that is read."""
_MOST_ELEMENTS: Final = 200_000
_PIXELS: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_ENOUGH: Final = (16 << 10, 256 << 10)  # bytes of a file that most headers fit in
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
_SHORT: Final = 64
_Found = tuple["HeaderElements", BinaryIO]  # with the file at its pixel data


class HeaderElements:
    """The elements before the pixel data: what is needed of a :class:`pydicom.Dataset` to look some of them up.

    ``get`` answers for short plain values without pydicom's conversion. The answers are equal to pydicom's (numbers are
    plain ones): texts in ASCII of :data:`_TEXT`, decimal and integer strings, one unsigned short. Everything else is
    left to pydicom.

    Args:
        elements: By tag; an element that pydicom converts takes the place of its raw one.
        meta: The file meta information, likewise.
        syntax: Transfer Syntax UID (0002,0010).
        encoding: Whether VRs are implicit, whether it is little endian, and the encodings of its texts.
    """

    def __init__(
        self,
        elements: MutableMapping[BaseTag, Any],
        meta: MutableMapping[BaseTag, Any],
        syntax: str,
        encoding: tuple[bool, bool, str | MutableSequence[str]],
    ) -> None:
        self.elements, self.meta, self.syntax, self._encoding = elements, meta, syntax, encoding

    @cached_property
    def dataset(self) -> pydicom.Dataset:
        """The same as pydicom has it."""
        dataset = pydicom.Dataset(self.elements)
        dataset.set_original_encoding(*self._encoding)
        dataset.file_meta = FileMetaDataset(self.meta)
        return dataset

    def get(self, keyword: str, default: Any = None) -> Any:
        """As :meth:`pydicom.Dataset.get` with a keyword."""
        tag = _tag(keyword)
        raw = self.elements.get(tag) if tag is not None else None
        if raw is None or tag is None:
            return default
        if type(raw) is RawDataElement and type(raw.value) is bytes:
            value = _plain(raw)
            if value is not None:
                return value
        return self.dataset[tag].value

    def __contains__(self, keyword: str) -> bool:
        return _tag(keyword) in self.elements


@cache
def _tag(keyword: str) -> BaseTag | None:
    number = tag_for_keyword(keyword)
    return None if number is None else tag_of(number)


def _plain(raw: RawDataElement) -> Any:
    vr = raw.VR or DicomDictionary.get(int(raw.tag), ("",))[0]
    if raw.length > _SHORT:
        return _converted.__wrapped__(vr, raw.value, raw.is_little_endian)
    return _converted(vr, raw.value, raw.is_little_endian)


@lru_cache(maxsize=2048)  # the files of a series say mostly the same
def _converted(vr: str, value: bytes, little: bool) -> Any:
    if vr == "US" and len(value) == 2:
        return int.from_bytes(value, "little" if little else "big")
    kind = _TEXT.get(vr)
    if kind is None or not value or not value.isascii() or b"\x1b" in value:
        return None
    text = value.decode("ascii").rstrip("\0 ")
    if "\\" in text and vr not in ("DS", "IS", "CS"):
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
    head = file.read(_ENOUGH[0])
    if head[128:132] != b"DICM":
        raise ScanRefused("not-dicom")
    if head.startswith(_PROGRAMS):
        raise ScanRefused("polyglot")
    with guarded("unreadable"):
        found = _quickly(file, head)
        if found is None:
            file.seek(132)
            found = _by_pydicom(file)
        elements, file = found
        start = file.tell()
        size = file.seek(0, 2)
        file.seek(start)
        return elements, max(0, size - start - (8 if elements.syntax == _IMPLICIT else 12)), file


def _quickly(file: BinaryIO, head: bytes) -> _Found | None:
    """Returns the elements of an ordinary header; None if it is none."""
    for size in _ENOUGH:
        if size > len(head):
            head += file.read(size - len(head))
        try:
            elements, at = _ordinary(head)
        except NotPlain:
            if len(head) < size:
                return None
        else:
            file.seek(at)
            return elements, file
    return None


def _ordinary(head: bytes) -> tuple[HeaderElements, int]:
    """Returns the elements, and where the pixel data begin.

    Raises:
        NotPlain: The header is out of the ordinary, or longer than this.
    """
    meta, at = plain_elements(head, 132, len(head), implicit=False, until=AFTER_META)
    syntax = _syntax(meta)
    if syntax in ("", _DEFLATED, _BIG) or any(tag >> 16 != 2 for tag in meta):
        raise NotPlain
    implicit = syntax == _IMPLICIT
    found, at = plain_elements(head, at, len(head), implicit=implicit, until=PIXELS)
    tag = int.from_bytes(head[at : at + 2], "little") << 16 | int.from_bytes(head[at + 2 : at + 4], "little")
    if tag not in _PIXELS or at > MOST_BYTES or len(found) > _MOST_ELEMENTS:
        raise NotPlain
    return HeaderElements(found, meta, syntax, (implicit, True, character_sets(found))), at


def _by_pydicom(file: BinaryIO) -> _Found:
    before_data = _until(lambda tag: tag >> 16 != 2)
    meta = {each.tag: each for each in data_element_generator(file, False, True, stop_when=before_data)}
    name = _syntax(meta)
    if not name:
        raise ScanRefused("transfer-syntax", "the header names none")
    if name == _DEFLATED:
        file = inflated(file)
    found = read_dataset(file, name == _IMPLICIT, name != _BIG, stop_when=_until(_PIXELS.__contains__))
    implicit, little = map(bool, found.original_encoding)
    return HeaderElements(found._dict, meta, name, (implicit, little, found.original_character_set)), file


def _syntax(meta: Mapping[BaseTag, Any]) -> str:
    raw = meta.get(tag_of(_SYNTAX))
    return bytes(raw.value or b"").rstrip(b"\0 ").decode("ascii") if raw is not None else ""


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
