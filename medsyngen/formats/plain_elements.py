"""The elements of an ordinary header, found in memory in one pass; whatever is out of the ordinary is left to pydicom.

pydicom asks the file for eight bytes at a time and is ready for every deviation. Nearly all headers have none. This
finds the same raw elements of these (little endian, VRs of the standard, lengths that fit), and says so if it can't:
it never guesses, so that no header means one thing here and another there. Values are not looked into.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, error
from typing import Any, Final

from pydicom._dicom_dict import DicomDictionary
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement, convert_raw_data_element, empty_value_for_VR
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

Elements = dict[BaseTag, RawDataElement]
CHARACTER_SET: Final = 0x00080005
AFTER_META: Final = 0x00030000
PIXELS: Final = 0x7FE00008
_ITEM, _ITEM_ENDS, _SEQUENCE_ENDS, _DELIMITERS = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFE0000
_UNDEFINED: Final = 0xFFFFFFFF
_DEEPEST: Final = 16
_EXPLICIT, _IMPLICIT, _LENGTH = Struct("<HH2sH").unpack_from, Struct("<HHL").unpack_from, Struct("<L").unpack_from
# How a VR is spelt, whether its length has 32 bits (PS3.5 section 7.1.2), and pydicom's raw value of no bytes.
_VRS: Final[dict[bytes, tuple[str | None, bool, Any]]] = {b"": (None, False, None)} | {  # b"": not said
    str(each.value).encode(): (str(each.value), each in EXPLICIT_VR_LENGTH_32, empty_value_for_VR(each, raw=True))
    for each in VR
    if len(each.value) == 2
}


class NotPlain(Exception):
    """Something is out of the ordinary here: pydicom's to read."""


@lru_cache(maxsize=8192)
def tag_of(number: int) -> BaseTag:
    """Returns pydicom's tag; the same object each time, so that dictionaries needn't compare."""
    return BaseTag(number)


@lru_cache(maxsize=64)
def encodings_of(value: bytes) -> str | list[str]:
    """Returns what pydicom makes of a Specific Character Set (0008,0005)."""
    raw = RawDataElement(tag_of(CHARACTER_SET), "CS", len(value), value, 0, False, True)
    found: str | list[str] = convert_encodings(convert_raw_data_element(raw).value)
    return found


def character_sets(elements: Elements) -> str | list[str]:
    """Returns the encodings of a dataset's texts.

    Raises:
        NotPlain: They are said in another way than plain ASCII.
    """
    raw = elements.get(tag_of(CHARACTER_SET))
    if raw is None:
        return default_encoding
    if raw.VR not in (None, "CS") or len(raw.value or b"") > 64:
        raise NotPlain
    return encodings_of(raw.value or b"")


def plain_elements(
    content: bytes, at: int, end: int, *, implicit: bool, until: int = _DELIMITERS, depth: int = 0
) -> tuple[Elements, int]:
    """Finds elements in little endian.

    Args:
        content: Of the file, from its beginning; or of a sequence.
        at: Where the first one starts.
        end: Where the last one has to end, if none stops the search before.
        implicit: Whether VRs are left out (PS3.5 section 7.1.3).
        until: The first tag that belongs to them no more.
        depth: Sequences around them.

    Returns:
        The elements, and where the search stopped: at the first tag from ``until`` on, or at ``end``.

    Raises:
        NotPlain: There is more to it.
    """
    if at < end and (content[at + 4 : at + 5].isupper() and content[at + 5 : at + 6].isupper()) == implicit:
        raise NotPlain  # the other kind of encoding than was announced
    found: Elements = {}
    known, make, long_length = tag_of, tuple.__new__, _LENGTH  # names that are looked up fast: this is the inmost loop
    short = _implicit if implicit else _EXPLICIT
    try:
        while at != end:
            group, number, vr, length = short(content, at)
            tag = group << 16 | number
            if tag >= until:
                return found, at
            name, long, empty = _VRS[vr]
            begin = at + 8
            if long:
                (length,) = long_length(content, begin)
                begin += 4
            if length == _UNDEFINED:
                name = _sequence_of(tag, name)
                at = _items(content, begin, end, implicit=implicit, depth=depth + 1, undefined=True)[1]
                value: bytes | None = content[begin : at - 8]
            else:
                at = begin + length
                value = content[begin:at] if length else empty
            key = known(tag)
            found[key] = make(RawDataElement, (key, name, length, value, begin, implicit, True, True, False))
            if at > end:
                raise NotPlain
    except (error, KeyError):  # too few bytes; an unknown VR
        raise NotPlain from None
    return found, at


def _implicit(content: bytes, at: int) -> tuple[int, int, bytes, int]:
    group, number, length = _IMPLICIT(content, at)
    return group, number, b"", length


def items_of(value: bytes, *, implicit: bool) -> list[Elements]:
    """Returns the items of a sequence's value in little endian, without its own delimiter.

    Raises:
        NotPlain: There is more to it.
    """
    return _items(value, 0, len(value), implicit=implicit, depth=1, undefined=False)[0]


def _items(
    content: bytes, at: int, end: int, *, implicit: bool, depth: int, undefined: bool
) -> tuple[list[Elements], int]:
    found: list[Elements] = []
    if depth > _DEEPEST:
        raise NotPlain
    while undefined or at != end:
        tag, length = _item(content, at)
        at += 8
        if undefined and tag == _SEQUENCE_ENDS and length == 0:
            break
        last = end if length == _UNDEFINED else at + length
        if tag != _ITEM or at > end or last > end:
            raise NotPlain
        elements, at = plain_elements(content, at, last, implicit=implicit, depth=depth)
        if length == _UNDEFINED:
            at = _after_item(content, at)
        elif at != last:
            raise NotPlain
        found.append(elements)
    return found, at


def _item(content: bytes, at: int) -> tuple[int, int]:
    try:
        group, number, length = _IMPLICIT(content, at)
    except error:
        raise NotPlain from None
    return group << 16 | number, length


def _after_item(content: bytes, at: int) -> int:
    if content[at : at + 8] != b"\xfe\xff\x0d\xe0\0\0\0\0":
        raise NotPlain
    return at + 8


def _sequence_of(tag: int, vr: str | None) -> str:
    """Returns SQ for a sequence of undefined length; of others, unknown ones and those in UN, pydicom decides."""
    if vr == "SQ" or (vr is None and DicomDictionary.get(tag, ("",))[0] == "SQ"):
        return "SQ"
    raise NotPlain
