"""Files that attack their reader, made from nothing: known ways to take memory or time, or to end a process."""

from __future__ import annotations

import importlib.util
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

_SPEC = importlib.util.spec_from_file_location("dicom_maker", Path(__file__).parent / "formats" / "dicom_maker.py")
_MAKER = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MAKER)
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
BOMB = 256  # MiB
HOSTILE: dict[str, tuple[Callable[[Path], object], set[str]]] = {}
"""By name: how it is made, and the reasons for which it may be refused."""


def hostile(*reasons: str):
    def add(make):
        HOSTILE[make.__name__.replace("_", "-")] = (make, set(reasons))
        return make

    return add


def compressed(path, syntax, frame, **values):
    values = {"PixelData": encapsulate([frame])} | values
    _MAKER.make_dicom(path, RAMP, syntax="1.2.840.10008.1.2.4.90" if syntax == RLELossless else syntax, **values)
    if syntax == RLELossless:  # the maker would compress
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.5\0\0\0"))


def element(group, number, kind, value):
    """One element in explicit little endian."""
    long = kind in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    size = struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))
    return struct.pack("<HH", group, number) + kind + size + value


def plain(path):
    """The bytes of a small sound file, and where its dataset begins."""
    data = _MAKER.make_dicom(path, RAMP).read_bytes()
    return data, 144 + int.from_bytes(data[140:144], "little")


def deflated(path, tail):
    """A file whose dataset goes through ``tail`` (a function of its bytes) instead of being written."""
    data = _MAKER.make_dicom(path, RAMP, syntax=ExplicitVRLittleEndian).read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    name = DeflatedExplicitVRLittleEndian.encode()
    at = data.index(b"1.2.840.10008.1.2.1\0")
    meta = bytearray(data[:at] + name + data[at + 20 : start])
    meta[at - 2 : at] = len(name).to_bytes(2, "little")
    meta[140:144] = (int.from_bytes(data[140:144], "little") + len(name) - 20).to_bytes(4, "little")
    path.write_bytes(bytes(meta) + tail(data[start:]))


def packed(chunks):
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    return b"".join([packer.compress(chunk) for chunk in chunks] + [packer.flush()])


@hostile("too-large")
def deflate_bomb(path):
    """A few bytes that inflate to 256 MiB."""
    zeros = bytes(1 << 20)
    head = struct.pack("<HH2sHI", 0x0009, 0x1000, b"OB", 0, BOMB << 20)
    deflated(path, lambda _: packed([head, *[zeros] * BOMB]))


@hostile("unreadable")
def deflate_of_nothing(path):
    deflated(path, lambda _: b"\xff" * 5000)


@hostile("truncated", "unreadable")
def deflate_cut_short(path):
    deflated(path, lambda data: packed([data])[:-200])


@hostile("too-large")
def rle_of_65535_squared(path):
    compressed(path, RLELossless, bytes(64), Rows=65535, Columns=65535)


@hostile("too-large")
def rle_of_16000_squared(path):
    compressed(path, RLELossless, b"\x02\0\0\0" + bytes(4000), Rows=16000, Columns=16000)


@hostile("undecodable")
def rle_with_forged_offsets(path):
    compressed(path, RLELossless, struct.pack("<16I", 2, 64, 0xFFFFFFF0, *[7] * 13) + b"\x81\x00" * 2000)


@hostile("undecodable")
def rle_of_too_many_segments(path):
    compressed(path, RLELossless, struct.pack("<16I", 0xFFFFFFFF, *[64] * 15) + b"\x81\x00" * 2000)


@hostile("undecodable", "too-slow")
def rle_that_unpacks_to_more(path):
    compressed(path, RLELossless, struct.pack("<16I", 2, 64, 4_000_064, *[0] * 13) + b"\x81\x00" * 4_000_000)


def _codestream(columns, rows, tile=None):
    tile = tile or columns
    size = struct.pack(">HHIIIIIIIIH", 41, 0, columns, rows, 0, 0, tile, tile, 0, 0, 1) + b"\x0f\x01\x01"
    style = b"\xff\x52\x00\x0c\x00\x00\x00\x01\x00\x05\x04\x04\x00\x01\xff\x5c\x00\x13\x40" + b"\x40" * 16
    return b"\xff\x4f\xff\x51" + size + style + b"\xff\x90\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x01\xff\x93" + bytes(500)


@hostile("undecodable")
def jpeg_2000_of_another_size(path):
    compressed(path, JPEG2000Lossless, _codestream(60000, 60000))


@hostile("undecodable", "reader-died", "too-slow", "too-large")
def jpeg_2000_of_a_million_tiles(path):
    compressed(path, JPEG2000Lossless, _codestream(4096, 4096, tile=4), Rows=4096, Columns=4096)


@hostile("undecodable")
def jpeg_of_another_size(path):
    frame = b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00" + bytes(900)
    compressed(path, JPEGBaseline8Bit, frame, BitsAllocated=8, BitsStored=8, HighBit=7)


@hostile("undecodable", "codec")
def jpeg_ls_of_another_size(path):
    compressed(path, JPEGLSLossless, b"\xff\xd8\xff\xf7\x00\x0b\x0c\xff\xff\xff\xff\x01\x01\x11\x00" + bytes(900))


@hostile("too-large")
def pixels_of_65535_squared(path):
    _MAKER.make_dicom(path, RAMP, Rows=65535, Columns=65535)


@hostile("truncated")
def pixels_of_16384_squared(path):
    _MAKER.make_dicom(path, RAMP, Rows=16384, Columns=16384)


@hostile("too-large")
def two_billion_frames(path):
    _MAKER.make_dicom(path, RAMP, NumberOfFrames=2_000_000_000)


@hostile("truncated")
def pixels_of_a_forged_length(path):
    data, _ = plain(path)
    at = data.index(b"\xe0\x7f\x10\x00OW")
    path.write_bytes(data[: at + 8] + b"\xf0\xff\xff\xff" + data[at + 12 :])


@hostile("truncated", "undecodable")
def fragments_that_never_end(path):
    compressed(path, RLELossless, bytes(500))
    path.write_bytes(path.read_bytes()[:-60])


@hostile("undecodable", "truncated", "too-slow")
def a_million_empty_fragments(path):
    compressed(path, RLELossless, bytes(64))
    data = path.read_bytes()
    at = data.index(b"\xfe\xff\x00\xe0", data.index(b"\xe0\x7f\x10\x00"))
    path.write_bytes(data[:at] + b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_001 + b"\xfe\xff\xdd\xe0\0\0\0\0")


def _nested(path, depth):
    data, start = plain(path)
    opening = struct.pack("<HH2sHI", 0x0009, 0x1001, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path.write_bytes(data[:start] + opening * depth + data[start:])


@hostile("unreadable")
def sequences_3000_deep(path):
    _nested(path, 3000)


@hostile("unreadable")
def sequences_300000_deep(path):
    _nested(path, 300_000)


@hostile("too-large", "too-slow")
def a_million_elements(path):
    data, start = plain(path)
    many = b"".join(element(0x0009 + 2 * (n >> 16), n & 0xFFFF, b"LO", b"") for n in range(1_000_000))
    path.write_bytes(data[:start] + many + data[start:])


@hostile("too-large", "unreadable")
def an_element_of_4_gigabytes(path):
    data, start = plain(path)
    path.write_bytes(data[:start] + struct.pack("<HH2sHI", 0x0009, 0x1000, b"OB", 0, 0xFFFFFFF0) + data[start:])


@hostile("unreadable", "undecodable", "too-slow", "too-large", "bit-depth", "rescale", "reader-died")
def a_slope_of_ten_million_numbers(path):
    data, start = plain(path)
    many = element(0x0028, 0x1053, b"UT", b"1\\" * 10_000_000)
    path.write_bytes(data[:start] + many + data[start:])


@hostile("undecodable", "rescale")
def a_lut_that_is_not_there(path):
    from pydicom.dataset import Dataset

    lut = Dataset()
    lut.add_new("LUTDescriptor", "US", [0, 0, 16])
    lut.add_new("LUTData", "OW", b"\0\0")
    _MAKER.make_dicom(path, RAMP, ModalityLUTSequence=[lut])


@hostile("polyglot")
def an_image_that_is_a_program(path):
    data, _ = plain(path)
    path.write_bytes(b"MZ\x90\0" + data[4:])


@hostile("not-dicom", "unreadable")
def a_pipe(path):
    os.mkfifo(path)


def _npz(path, arrays):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (shape, kind, chunks) in arrays.items():
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": kind, "fortran_order": False, "shape": shape})
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.write(head.getvalue())
                for chunk in chunks:
                    member.write(chunk)


@hostile("truncated", "too-large")
def npz_of_six_terabytes(path):
    _npz(path, {"images": ((1500, 65000, 65000), "|u1", [bytes(1000)])})


@hostile("too-large", "unreadable")
def npz_bomb(path):
    """One black picture that unpacks to 256 MiB, and takes a gigabyte as float32."""
    zeros = bytes(1 << 20)
    _npz(path, {"images": ((1, 16384, 16384), "|u1", [zeros] * 256), "patient_id": ((1,), "<U1", [bytes(4)])})


@hostile("npz-layout", "too-large", "truncated")
def npz_with_a_label_of_256_mebibytes(path):
    zeros = bytes(1 << 20)
    _npz(path, {"images": ((1, 8, 8), "|u1", [bytes(64)]), "label": ((1,), f"|S{BOMB << 20}", [zeros] * BOMB)})


@hostile("unreadable", "npz-layout", "truncated")
def npz_with_a_header_of_256_mebibytes(path):
    zeros = bytes(1 << 20)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("images.npy", "w") as member,
    ):
        member.write(b"\x93NUMPY\x02\x00" + (BOMB << 20).to_bytes(4, "little"))
        for _ in range(BOMB):
            member.write(zeros)


@hostile("too-large", "unreadable")
def npz_of_too_many_members(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(5_000):
            archive.writestr(f"{number}", b"")


def write(name: str, folder: Path) -> str:
    """Writes one hostile file; returns the address that a reader is asked for."""
    npz = name.startswith("npz")
    path = folder / (f"{name}.npz" if npz else name)
    HOSTILE[name][0](path)
    return f"{path}#0" if npz else str(path)
