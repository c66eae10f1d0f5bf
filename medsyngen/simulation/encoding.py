"""A small DICOM encoder for the simulated hospital: Explicit VR Little Endian (PS3.5 section 7.1.2), no sequences.

It is its own on purpose: thousands of small files are written in seconds, and the reader of the package gets files
that its own writer did not make.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache

from pydicom.datadict import dictionary_VR, tag_for_keyword

Value = str | int | bytes
_PREAMBLE = bytes(128) + b"DICM"


@cache
def _tag_and_vr(keyword: str) -> tuple[int, str]:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    vr = dictionary_VR(tag)
    return tag, {"OB or OW": "OW", "US or SS": "US"}.get(vr, vr)


def encode(keyword: str, value: Value) -> tuple[int, bytes]:
    """Encodes one attribute.

    Args:
        keyword: DICOM keyword, such as ``PatientID``.
        value: Text (several values joined by a backslash), a number for VR US and UL, or bytes.

    Returns:
        The tag, and the bytes of tag, VR, length and value padded to even length.

    Raises:
        ValueError: If the value is too long for a 16-bit length.
    """
    tag, vr = _tag_and_vr(keyword)
    if isinstance(value, int):
        raw = struct.pack("<I" if vr == "UL" else "<H", value)
    else:
        raw = value.encode() if isinstance(value, str) else value
    raw += (b"\0" if vr in ("UI", "OB", "OW") else b" ") * (len(raw) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in ("OB", "OW"):
        return tag, head + struct.pack("<2xI", len(raw)) + raw
    if len(raw) > 0xFFFE:
        raise ValueError(f"{keyword} has {len(raw)} bytes, more than its length field can say")
    return tag, head + struct.pack("<H", len(raw)) + raw


def encode_all(values: Mapping[str, Value]) -> dict[int, bytes]:
    """Encodes several attributes, by tag."""
    return dict(encode(keyword, value) for keyword, value in values.items())


def dicom_file(meta: Mapping[int, bytes], attributes: Mapping[int, bytes]) -> bytes:
    """Returns a whole file (PS3.10 section 7.1): preamble, meta group with its length, attributes by ascending tag."""
    group = b"".join(meta[tag] for tag in sorted(meta))
    _, length = encode("FileMetaInformationGroupLength", len(group))
    return b"".join((_PREAMBLE, length, group, *(attributes[tag] for tag in sorted(attributes))))
