"""Reading ``.npz`` files of many images, without trusting what their headers claim.

Two layouts: flat (``images``, beside it ``label`` and ``patient_id``) and MedMNIST's (``train_images``,
``train_labels``, then ``val_`` and ``test_``), read as one run of images in that order. Pickled arrays are refused.
"""

from __future__ import annotations

import contextlib
import io
import math
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from medsyngen.formats.allowance import allow
from medsyngen.formats.archive import check_members
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues, check_side

MAX_BYTES = 4 << 30
"""Largest array that is read."""
MOST_IMAGES = 2_000_000
"""In one array of a file: each becomes an entry of the index."""
_KEPT_BYTES = 64 << 20  # a smaller array is kept in memory, of a larger one each image is read as it is asked for
_NPY_HEADER = 1 << 16
_MOST_MEMBERS = 1000
_TEXT_BYTES = 4096  # of one label or identifier
_DEFLATE_RATIO = 1032  # the most that deflate can do: a member that claims more is a lie
_BROKEN = (OSError, EOFError, ValueError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error, MemoryError)
_LAYOUTS: tuple[tuple[str, ...], ...] = (("",), ("train_", "val_", "test_"))
_IDENTIFYING = ("patient_id", "patient_ids", "filename", "filenames", "path", "paths", "study_id", "accession")


@dataclass(frozen=True)
class NpzHeader:
    """What an ``.npz`` holds, known before its pixels are read.

    Args:
        names: The image arrays, in order.
        counts: Images in each of them.
        rows: Rows of the images of each array.
        columns: Columns of each.
        bits: Bits of an integer pixel of each; 0 for other numbers.
        patient_ids: One for each image, empty where blank; None if the file has none.
        labels: One for each image; None if the file has none.
        identifying: Every text that names patients or files.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    bits: tuple[int, ...]
    patient_ids: tuple[str, ...] | None = field(repr=False)
    labels: tuple[str, ...] | None = field(repr=False)
    identifying: frozenset[str] = field(repr=False)


def is_npz(path: Path) -> bool:
    """Returns whether the file is named ``.npz`` and starts like a zip archive."""
    if path.suffix.lower() != ".npz":
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def read_npz_header(path: Path) -> NpzHeader:
    """Reads shapes, labels and patient IDs.

    Raises:
        ScanRefused: ``unreadable``, ``npz-layout``, ``coloured``, ``bit-depth`` or ``too-large``.
    """
    try:
        check_members(path, _MOST_MEMBERS, 1 << 20)
        with zipfile.ZipFile(path) as archive:
            return _read_header(archive)
    except _BROKEN:
        raise ScanRefused("unreadable") from None


def read_npz_array(path: Path, name: str, limit: int) -> NDArray[Any]:
    """Reads one array of any shape.

    Args:
        path: The file.
        name: Of the array.
        limit: Bytes that it may take at most.

    Raises:
        ScanRefused: ``unreadable``, also if there is none of this name; ``npz-layout``, ``truncated``, ``too-large``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _load(archive, name, limit)
    except _BROKEN:
        raise ScanRefused("unreadable") from None


def _read_header(archive: zipfile.ZipFile) -> NpzHeader:
    arrays = {name[:-4] for name in archive.namelist() if name.endswith(".npy")}
    prefixes = next((found for found in _LAYOUTS if any(f"{prefix}images" in arrays for prefix in found)), None)
    if prefixes is None:
        raise ScanRefused("npz-layout", "no `images` and no `train_images`")
    prefixes = tuple(prefix for prefix in prefixes if f"{prefix}images" in arrays)
    shapes = [_shape(archive, f"{prefix}images") for prefix in prefixes]
    counts = [shape[0] for shape, _ in shapes]
    return NpzHeader(
        names=tuple(f"{prefix}images" for prefix in prefixes),
        counts=tuple(counts),
        rows=tuple(shape[1] for shape, _ in shapes),
        columns=tuple(shape[2] for shape, _ in shapes),
        bits=tuple(8 * dtype.itemsize if dtype.kind in "ui" else 0 for _, dtype in shapes),
        patient_ids=_column(archive, arrays, prefixes, counts, ("patient_id",)),
        labels=_column(archive, arrays, prefixes, counts, ("label", "labels")),
        identifying=frozenset(
            text
            for name in arrays & {prefix + suffix for prefix in prefixes for suffix in _IDENTIFYING}
            for text in _texts(_load(archive, name, _KEPT_BYTES))
        ),
    )


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    shape, _, dtype, _ = _member_header(archive, name)
    if len(shape) == 4 and shape[3] == 1:
        shape = shape[:3]
    if len(shape) == 4 and shape[3] in (3, 4):
        raise ScanRefused("coloured")
    if len(shape) != 3:
        raise ScanRefused("npz-layout", "images must have the shape (n, rows, columns)")
    if shape[0] > MOST_IMAGES:
        raise ScanRefused("too-large", f"more than {MOST_IMAGES} images")
    check_side(shape[1], shape[2])
    # A few bytes that claim a huge image are a bomb: the rule of compressed DICOM.
    if shape[1] * shape[2] > max(1 << 24, 200 * archive.getinfo(f"{name}.npy").compress_size):
        raise ScanRefused("too-large", "for so few compressed bytes")
    if dtype.kind not in "uif" or (dtype.kind in "ui" and dtype.itemsize > 2):
        raise ScanRefused("bit-depth")
    return shape, dtype


def _member_header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Returns shape, whether in Fortran order, kind of number, and where the data begin.

    Raises:
        ScanRefused: ``npz-layout`` for objects, ``truncated`` if the data can't be in the archive, ``unreadable``.
    """
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        start = io.BytesIO(member.read(_NPY_HEADER))  # a header may claim to be of any length
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(npy.read_magic(start))
    if read is None:
        raise ScanRefused("unreadable")
    shape, fortran, dtype = read(start)
    if dtype.hasobject or dtype.names is not None:
        raise ScanRefused("npz-layout", "objects are not read")
    # What the array claims must be in the archive: otherwise memory would be asked for nothing.
    room = info.file_size if info.file_size <= _DEFLATE_RATIO * info.compress_size + 64 else 0
    if min((0, *shape)) < 0 or math.prod(shape) * dtype.itemsize > room - start.tell():
        raise ScanRefused("truncated")
    return shape, fortran, dtype, start.tell()


def _load(archive: zipfile.ZipFile, name: str, limit: int = MAX_BYTES) -> NDArray[Any]:
    shape, fortran, dtype, start = _member_header(archive, name)
    size = math.prod(shape) * dtype.itemsize
    if size > limit:
        raise ScanRefused("too-large", f"an array above {limit >> 20} MiB")
    with archive.open(f"{name}.npy") as member:
        member.seek(start)
        array = np.frombuffer(member.read(size), dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _column(
    archive: zipfile.ZipFile, arrays: set[str], prefixes: tuple[str, ...], counts: list[int], suffixes: tuple[str, ...]
) -> tuple[str, ...] | None:
    texts: list[str] = []
    for prefix, count in zip(prefixes, counts, strict=True):
        name = next((prefix + suffix for suffix in suffixes if prefix + suffix in arrays), None)
        if name is None:
            return None
        shape, _, dtype, _ = _member_header(archive, name)
        if shape[:1] != (count,) or math.prod(shape[1:]) * dtype.itemsize > _TEXT_BYTES:
            raise ScanRefused("npz-layout", "one label and one patient ID for each image")
        texts.extend(_texts(_load(archive, name, 1 << 28)))
    return tuple(texts)


def _texts(array: NDArray[Any]) -> list[str]:
    if array.ndim == 0:
        return [_text(array.item())]
    if array.ndim == 1:
        return [_text(item) for item in array.tolist()]
    return [" ".join(_text(item) for item in row) for row in array.reshape(len(array), -1).tolist()]


def _text(item: object) -> str:
    return (item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)).rstrip(" \0")


class _OneByOne:
    """An array whose images are unpacked as they are asked for, so that what it claims takes no memory."""

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], start: int) -> None:
        self._member = zipfile.ZipFile(path).open(f"{name}.npy")  # noqa: SIM115 - open as long as its reader
        self._shape, self._dtype, self._start = shape, dtype, start
        self._size = math.prod(shape) * dtype.itemsize

    def read(self, position: int) -> NDArray[Any]:
        self._member.seek(self._start + position * self._size)
        return np.frombuffer(self._member.read(self._size), self._dtype).reshape(self._shape)


class NpzImages:
    """The images of one ``.npz``. A large array is read image by image: cheap in order, slow out of it.

    Args:
        path: The file.

    Raises:
        ScanRefused: As :func:`read_npz_header`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header = read_npz_header(path)
        self._arrays: dict[str, NDArray[Any] | _OneByOne] = {}

    def read(self, index: int) -> ImageValues:
        """Returns image ``index``, counted over all arrays.

        Raises:
            ScanRefused: ``npz-layout`` if there is none, ``non-finite``, ``truncated``, ``too-large``, ``unreadable``.
        """
        position = index
        for name, count, bits in zip(self._header.names, self._header.counts, self._header.bits, strict=True):
            if position < count:
                return self._values(self._image(name, position), bits)
            position -= count
        raise ScanRefused("npz-layout", "no image of this number")

    def _image(self, name: str, position: int) -> NDArray[Any]:
        try:
            with zipfile.ZipFile(self._path) if name not in self._arrays else contextlib.nullcontext() as archive:
                if archive is not None:
                    self._arrays[name] = self._opened(archive, name)
            kept = self._arrays[name]
            return kept.read(position) if isinstance(kept, _OneByOne) else kept[position]
        except _BROKEN:
            raise ScanRefused("unreadable") from None

    def _opened(self, archive: zipfile.ZipFile, name: str) -> NDArray[Any] | _OneByOne:
        shape, fortran, dtype, start = _member_header(archive, name)
        size = math.prod(shape) * dtype.itemsize
        one_at_least = size if fortran else size // max(1, shape[0])
        allow(one_at_least, archive.getinfo(f"{name}.npy").compress_size)
        if fortran or size <= _KEPT_BYTES:
            return _load(archive, name)
        if size > MAX_BYTES:
            raise ScanRefused("too-large", f"an array above {MAX_BYTES >> 20} MiB")
        return _OneByOne(self._path, name, shape[1:], dtype, start)

    @staticmethod
    def _values(image: NDArray[Any], bits: int) -> ImageValues:
        pixels = np.ascontiguousarray(image.reshape(image.shape[:2]), dtype=np.float32)
        if not np.isfinite(pixels).all():
            raise ScanRefused("non-finite")
        if not bits:
            return ImageValues(pixels, None)
        limits = np.iinfo(image.dtype)
        return ImageValues(pixels, (float(limits.min), float(limits.max)))
