"""Preprocessed scans on disk: one ``pixels.npy`` and the list of what lies where in it, ``entries.jsonl``.

The list names a scan by a digest of its address, its files' sizes and times, and the form; it holds no name, path,
patient or label. An entry is written after its pixels and carries their checksum, so that whatever a crash or a bad
disk leaves behind is found out and decoded again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from medsyngen.errors import MedsyngenError
from medsyngen.scan import Pixels

PIXELS: Final = "pixels.npy"
ENTRIES: Final = "entries.jsonl"


@dataclass(frozen=True)
class Entry:
    """One scan in a generation.

    Args:
        key: What it was made from.
        first: Its first row in the pixels.
        count: How many rows it has.
        checksum: Of their bytes.
        digest: Of the scan as decoded, in hexadecimal digits.
        refused: Reason and detail where it can't be used; empty otherwise.
    """

    key: str
    first: int = 0
    count: int = 0
    checksum: str = ""
    digest: str = ""
    refused: tuple[str, ...] = ()


def checksum(images: Pixels) -> str:
    """Returns a checksum of pixels, as 32 hexadecimal digits."""
    return hashlib.blake2b(np.ascontiguousarray(images).data, digest_size=16).hexdigest()


class Generation:
    """What one reading left behind, whole or not. Read only.

    Args:
        folder: With both files.

    Raises:
        OSError: They are not there.
        ValueError: They are not of this kind.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan = ""
        self.entries: dict[str, Entry] = {}
        self.pixels: Pixels = np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False)
        if self.pixels.dtype != np.float32:
            raise ValueError("not pixels")
        for line in (folder / ENTRIES).read_text("utf-8").splitlines():
            self._add(line)

    def _add(self, line: str) -> None:
        try:
            told = json.loads(line)
            if "plan" in told:
                self.plan = str(told["plan"])
            else:
                entry = Entry(**{**told, "refused": tuple(told["refused"])})
                self.entries[entry.key] = entry
        except (ValueError, TypeError, LookupError):
            return  # a line that a crash cut off

    def images(self, entry: Entry) -> Pixels | None:
        """Returns the images of an entry, or None if they are not what was written."""
        end = entry.first + entry.count
        if not 0 <= entry.first < end <= len(self.pixels):
            return None
        images = np.asarray(self.pixels[entry.first : end])
        return images if checksum(images) == entry.checksum else None


class NewGeneration:
    """A generation that is being written; readable for its owner only.

    Args:
        cache: The folder of all generations.
        rows: Room for so many images.

    Raises:
        MedsyngenError: The disk is full, or can't be written to.
    """

    def __init__(self, cache: Path, rows: int) -> None:
        self._rows, self._pixels, self._offset = rows, -1, 0
        self._shape: tuple[int, ...] = ()
        with disk_errors():
            self.folder = Path(tempfile.mkdtemp(prefix="pixels-", dir=cache))
            self._entries = os.open(self.folder / ENTRIES, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def put(self, entry: Entry, images: Pixels) -> None:
        """Writes the images of a scan, then its entry.

        Raises:
            ValueError: They are not float32, or of another shape than those before.
        """
        with disk_errors():
            if len(images):
                if images.dtype != np.float32 or (self._shape and images.shape[1:] != self._shape):
                    raise ValueError("images must be float32 and of one shape")
                if not self._shape:
                    self._begin(images.shape[1:])
                data = np.ascontiguousarray(images).data.cast("B")
                at = self._offset + entry.first * (len(data) // len(images))
                while data:
                    written = os.pwrite(self._pixels, data, at)
                    data, at = data[written:], at + written
            self._note(asdict(entry))

    def finish(self, plan: str) -> None:
        """Notes that this is all that a plan asks for."""
        with disk_errors():
            self._note({"plan": plan})

    def close(self) -> Pixels | None:
        """Ends the writing; returns the pixels, mapped read-only, or None if there are none."""
        os.close(self._entries)
        if self._pixels < 0:
            return None
        os.close(self._pixels)
        with disk_errors():
            pixels: Pixels = np.load(self.folder / PIXELS, mmap_mode="r", allow_pickle=False)
            return pixels

    def _begin(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._pixels = os.open(self.folder / PIXELS, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(os.dup(self._pixels), "wb") as file:
            header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (self._rows, *shape)}
            np.lib.format.write_array_header_1_0(file, header)
            self._offset = file.tell()
        reserve(self._pixels, self._offset + 4 * self._rows * int(np.prod(shape)))

    def _note(self, values: dict[str, Any]) -> None:
        os.write(self._entries, (json.dumps(values, separators=(",", ":")) + "\n").encode())


def reserve(file: int, size: int) -> None:
    """Takes the whole room at once: a full disk shows at the first scan, and a map of the file has no missing page."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Tells of a failing disk without any path.

    Raises:
        MedsyngenError: For an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise MedsyngenError(
            f"the pixels of the scans can't be kept in the run folder: {os.strerror(error.errno or 0)}; "
            "nothing was charged just now",
            do="free disk space or mend the folder's permissions, then run the same command again",
        ) from error
