"""Reading NIfTI files that nobody vouched for: NIfTI-1 and -2, ``.nii``, ``.nii.gz`` and ``.hdr`` with ``.img``.

nibabel parses the header; what the header claims is checked before any memory is asked for, and a compressed file is
inflated no further than that. Extensions and the free texts of the header are passed over unread.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medsyngen.formats.allowance import allow
from medsyngen.formats.dicom_colour import luminance
from medsyngen.formats.nifti_geometry import affine_of
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import VolumeValues

MAX_BYTES = 1 << 30
"""Largest volume, as stored and as float32: 512 x 512 x 1024 voxels of float32."""
_EASY_BYTES = 1 << 26
_MAX_RATIO = 200
"""A compressed file may unpack to 64 MiB, or to this many times its size: scans compress 2- to 20-fold."""
_MAX_OFFSET = 1 << 24
_HEADER_BYTES = 540
_GZIP = b"\x1f\x8b"
_RGB = "|V3"
_BROKEN = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    TypeError,
    ValueError,
    zlib.error,
    HeaderDataError,
    ImageFileError,
)


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What the header of a usable volume says; none of its texts.

    Args:
        shape: Voxels along each of three axes.
        affine: float64, (4, 4): voxel indices to mm, RAS+.
        dtype: Of the voxels as stored, with its byte order, as numpy writes it: ``<i2``.
        slope: Of the stored values.
        intercept: Of the stored values.
        offset: Bytes before the voxels in the file that holds them.
        single: Header and voxels are one file.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    dtype: str
    slope: float
    intercept: float
    offset: int
    single: bool

    @property
    def bits(self) -> int:
        """Bits of an integer voxel of at most 16 bits; 0 for other numbers."""
        kind = np.dtype(self.dtype)
        if self.coloured:
            return 8
        return 8 * kind.itemsize if kind.kind in "ui" and kind.itemsize <= 2 else 0

    @property
    def coloured(self) -> bool:
        """Whether a voxel is red, green and blue, a byte each (datatype 128)."""
        return self.dtype == _RGB

    @property
    def stored_bytes(self) -> int:
        """Bytes of the voxels when not compressed."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Lowest and highest value that the bit depth can express; None if there is none."""
        if not self.bits:
            return None
        limits = np.iinfo(np.uint8 if self.coloured else self.dtype)
        low, high = sorted(self.slope * float(end) + self.intercept for end in (limits.min, limits.max))
        return low, high


def is_nifti(path: Path) -> bool:
    """Returns whether the file starts like a NIfTI header, be it compressed; False where it can't be opened."""
    try:
        return _kind(_first_bytes(path)) is not None
    except _BROKEN:
        return False


def image_file(path: Path) -> Path | None:
    """Returns the file of the voxels that belongs to a ``.hdr`` (``.img``, ``.img.gz``), or None if there is none."""
    stem = path.name[: -len(".hdr.gz")] if path.suffix.lower() == ".gz" else path.name[: -len(".hdr")]
    names = (f"{stem}.img", f"{stem}.img.gz", f"{stem}.IMG")
    return next((path.with_name(name) for name in names if _is_plain(path.with_name(name))), None)


def header_files(voxels: Path) -> list[Path]:
    """Returns where the header of an ``.img`` may be."""
    stem = voxels.name[: -len(".img.gz")] if voxels.suffix.lower() == ".gz" else voxels.name[: -len(".img")]
    return [voxels.with_name(stem + suffix) for suffix in (".hdr", ".hdr.gz", ".HDR")]


def read_nifti_header(path: Path) -> NiftiHeader:
    """Reads and checks the header; no voxel is read.

    Raises:
        ScanRefused: With the reason why this reader can't use the file.
    """
    with _guarded("unreadable"):
        first = _first_bytes(path)
        kind = _kind(first)
        if kind is None:
            raise ScanRefused("not-nifti")
        # Not from_fileobj, which would parse extensions.
        header = kind[0](first[: kind[0].sizeof_hdr], check=False)
        parsed = _parse(header, single=kind[1])
        _check_size(parsed, path if parsed.single else image_file(path))
        return parsed


def read_nifti(path: Path) -> VolumeValues:
    """Reads one volume: slope × stored + intercept, as float32; of colours their luminance.

    Raises:
        ScanRefused: With the reason why this reader can't use the file; also ``truncated`` and ``non-finite``.
    """
    header = read_nifti_header(path)
    voxels = path if header.single else image_file(path)
    with _guarded("unreadable"):
        allow(4 * math.prod(header.shape), (voxels or path).stat().st_size)
        stored = _stored(voxels or path, header)
    values = np.empty(header.shape, np.float32, order="F")
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(header.shape[2]):  # slice by slice: no second volume of float64 in memory
            if header.coloured:
                values[:, :, k] = luminance(stored[:, :, k].copy().view((np.uint8, 3)), "RGB")
                continue
            values[:, :, k] = stored[:, :, k].astype(np.float64) * header.slope + header.intercept
    if not np.isfinite(values).all():
        raise ScanRefused("non-finite")
    return VolumeValues(values, header.affine, header.value_range)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        first = file.read(_HEADER_BYTES)
    if first[:2] != _GZIP:
        return first
    with gzip.open(path, "rb") as inflated:
        return inflated.read(_HEADER_BYTES)


def _kind(first: bytes) -> tuple[type[nibabel.Nifti1Header], bool] | None:
    """Returns the kind of header, and whether the voxels are in the same file."""
    if first[344:348] in (b"n+1\0", b"ni1\0") and 348 in _sizes(first):
        return nibabel.Nifti1Header, first[345:346] == b"+"
    if first[4:12] in (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n") and 540 in _sizes(first) and len(first) == _HEADER_BYTES:
        return nibabel.Nifti2Header, first[5:6] == b"+"
    return None


def _sizes(first: bytes) -> tuple[int, int]:
    return int.from_bytes(first[:4], "little"), int.from_bytes(first[:4], "big")


def _parse(header: Any, *, single: bool) -> NiftiHeader:
    shape = _shape([int(length) for length in header["dim"]])
    dtype = header.get_data_dtype()
    if dtype.names == ("R", "G", "B"):
        return NiftiHeader(shape, affine_of(header), _RGB, 1.0, 0.0, _offset(header, single=single), single)
    if dtype.names or dtype.kind == "V":
        raise ScanRefused("coloured", "with transparency")
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ScanRefused("bit-depth", "neither integers nor real numbers of at most 64 bits")
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0.0 or not math.isfinite(slope):
        slope, intercept = 1.0, 0.0  # the standard's word for: as stored
    elif not math.isfinite(intercept):
        raise ScanRefused("rescale")
    return NiftiHeader(shape, affine_of(header), dtype.str, slope, intercept, _offset(header, single=single), single)


def _offset(header: Any, *, single: bool) -> int:
    offset = float(header["vox_offset"])
    if not 0 <= offset <= _MAX_OFFSET:
        raise ScanRefused("unreadable")
    # A single file's voxels can't begin within its header; a zero there means: right behind it.
    least = (len(header.binaryblock) + 4) if single else 0
    return max(int(offset), least)


def _shape(dim: list[int]) -> tuple[int, int, int]:
    count, lengths = dim[0], dim[1:]
    if not 2 <= count <= 7 or any(length < 1 for length in lengths[:count]):
        raise ScanRefused("not-an-image", "no voxels")
    lengths = [*lengths[:count], 1]
    if any(length != 1 for length in lengths[3:]):
        raise ScanRefused("four-dimensional")
    return lengths[0], lengths[1], lengths[2]


def _check_size(header: NiftiHeader, voxels: Path | None) -> None:
    if voxels is None:
        raise ScanRefused("truncated", "the .img of this .hdr is not there")
    if max(header.stored_bytes, 4 * math.prod(header.shape)) > MAX_BYTES:
        raise ScanRefused("too-large", f"a volume above {MAX_BYTES >> 20} MiB")
    there = voxels.stat().st_size
    compressed = _compressed(voxels, header)
    if compressed and header.stored_bytes > max(_EASY_BYTES, _MAX_RATIO * there):
        raise ScanRefused("too-large", "for so few compressed bytes")
    if not compressed and there < header.offset + header.stored_bytes:
        raise ScanRefused("truncated")


def _stored(voxels: Path, header: NiftiHeader) -> NDArray[Any]:
    with _opened(voxels, compressed=_compressed(voxels, header)) as file:
        _skip(file, header.offset)
        raw = bytearray(header.stored_bytes)
        view, filled = memoryview(raw), 0
        while filled < len(raw):
            chunk = file.read(min(1 << 20, len(raw) - filled))
            if not chunk:
                raise ScanRefused("truncated")
            view[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
    return np.frombuffer(raw, header.dtype).reshape(header.shape, order="F")


def _compressed(voxels: Path, header: NiftiHeader) -> bool:
    # An .img has no mark: its first voxels may look like gzip.
    if not header.single:
        return voxels.suffix.lower() == ".gz"
    with voxels.open("rb") as file:
        return file.read(2) == _GZIP


def _opened(path: Path, *, compressed: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if compressed else path.open("rb")


def _skip(file: IO[bytes], count: int) -> None:
    while count > 0:
        chunk = file.read(min(1 << 20, count))
        if not chunk:
            raise ScanRefused("truncated")
        count -= len(chunk)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


@contextmanager
def _guarded(reason: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error):
        raise ScanRefused("truncated" if reason == "unreadable" else reason) from None
    except _BROKEN:
        raise ScanRefused(reason) from None
