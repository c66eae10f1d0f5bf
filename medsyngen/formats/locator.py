"""One image by its address: a file, or ``file.npz#12`` for the twelfth image (from zero) of many."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from medsyngen.formats.archive import as_file
from medsyngen.formats.dicom_pixels import read_pixels
from medsyngen.formats.npz import NpzImages
from medsyngen.formats.raster import is_raster, read_raster
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues

_NUMBERED = re.compile(r"(?s)(?P<file>.+\.npz)#(?P<index>[0-9]{1,9})", re.IGNORECASE)


class ImageSource:
    """Reads images by address; keeps the last ``.npz`` open, so that reading in order is cheap."""

    def __init__(self) -> None:
        self._last: tuple[tuple[str, int, int], NpzImages] | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"_last": None}  # pixels don't travel to worker processes, nor into a pickle

    def read(self, address: str) -> ImageValues:
        """Returns the image at this address.

        Args:
            address: Path of a DICOM, PNG or JPEG file, also ``archive.zip!member``; or of an ``.npz`` followed by ``#``
                and the number of the image.

        Raises:
            ScanRefused: With the reason why this reader can't use the image.
        """
        numbered = _NUMBERED.fullmatch(address)
        # A DICOM file may itself be named like an address.
        if numbered is None or Path(address).is_file():
            with as_file(Path(address)) as path:
                _check_file(path)
                return read_raster(path) if is_raster(path) else read_pixels(path)
        return self._open(numbered["file"]).read(int(numbered["index"]))

    def _open(self, file: str) -> NpzImages:
        path = Path(file)
        try:
            status = path.stat()
            key = (file, status.st_mtime_ns, status.st_size)
        except OSError:
            key = (file, 0, 0)
        if self._last is None or self._last[0] != key:
            self._last = (key, NpzImages(path))
        return self._last[1]


def _check_file(path: Path) -> None:
    """Refuses a pipe or a device: opening one may wait for ever."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        raise ScanRefused("not-dicom") from None
    if not regular:
        raise ScanRefused("not-dicom", "not a file")


_SOURCE = ImageSource()


def read_image(address: str) -> ImageValues:
    """Returns the image at this address: :meth:`ImageSource.read` for a reading process, which keeps one source.

    Raises:
        ScanRefused: With the reason why this reader can't use the image.
    """
    return _SOURCE.read(address)
