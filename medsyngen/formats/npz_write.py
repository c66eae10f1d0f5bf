"""All pictures of a cohort in one ``.npz``, in the layout of MedMNIST: ``train_images`` and ``train_labels``.

Sources: MedMNIST's loader reads ``{split}_images``, uint8, (n, *space), and ``{split}_labels``, whole numbers, (n, L);
NumPy's ``.npy`` format 1.0; the zip format (APPNOTE 4.3).
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

IMAGES: Final = "train_images"
LABELS: Final = "train_labels"
LARGEST: Final = 1 << 31
"""Bytes of pixels that one archive may hold: beyond, zip needs fields that some readers don't know."""
_FIRST_MOMENT: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can say: no time is told
_BLOCK: Final = 1 << 20


class NpzWriter:
    """Takes images one after another and writes them at the end; memory does not grow with their number.

    The pixels wait in a file without a name; the same images and labels give the same archive.

    Args:
        path: The archive to make.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spool: BinaryIO = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - closed in __exit__
        self._shape: tuple[int, ...] = ()
        self._count = 0

    def __enter__(self) -> NpzWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def add(self, image: NDArray[np.uint8]) -> None:
        """Takes one image, uint8, of the same shape as all others.

        Raises:
            ValueError: It has another shape, or the archive becomes too large.
        """
        if self._count and image.shape != self._shape:
            raise ValueError(f"an image of shape {image.shape} among images of {self._shape}")
        self._shape = image.shape
        self._count += 1
        if self._count * image.size > LARGEST:
            raise ValueError("too many pixels for one archive")
        self._spool.write(np.ascontiguousarray(image).tobytes())

    def finish(self, labels: NDArray[np.unsignedinteger]) -> None:
        """Writes the archive.

        Args:
            labels: uint8 or uint16, shape (n, L).
        """
        self._spool.seek(0)
        with zipfile.ZipFile(self._path, "x") as archive:
            size = self._count * int(np.prod(self._shape))
            with archive.open(_entry(IMAGES, size), "w") as member:
                member.write(_npy_header((self._count, *self._shape), np.dtype(np.uint8)))
                while block := self._spool.read(_BLOCK):
                    member.write(block)
            with archive.open(_entry(LABELS, labels.nbytes), "w") as member:
                member.write(_npy_header(labels.shape, labels.dtype) + np.ascontiguousarray(labels).tobytes())


def _entry(name: str, size: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"{name}.npy", _FIRST_MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the same on every machine
    entry.external_attr = 0o644 << 16
    entry.file_size = size + 128
    return entry


def _npy_header(shape: tuple[int, ...], dtype: np.dtype[np.unsignedinteger]) -> bytes:
    stream = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.getvalue()
