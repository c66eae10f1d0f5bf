"""Scans in a ``.zip``, read where they lie: nothing is unpacked, so no name in an archive ever becomes a path on disk.

A member's address is the archive's path, ``!`` and the member's name: ``export.zip!series/1.dcm``.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO, Final

from medsyngen.formats.refusal import ScanRefused

SEPARATOR: Final = "!"
MOST_MEMBERS: Final = 1_000_000
MOST_BYTES: Final = 2 << 30
"""Largest member that is read, unpacked."""
_DIRECTORY_BYTES: Final = 128 << 20  # of the list of members: a longer one takes more memory than reading may
_HONEST_RATIO: Final = 200
_SMALL: Final = 64 << 20  # below it any ratio is cheap enough to try
_BROKEN: Final = (OSError, EOFError, ValueError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error, MemoryError)
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack to thousands of times their size


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive that is no folder.

    Args:
        name: As the archive spells it.
        problem: Why it is not read, a key of :data:`medsyngen.formats.refusal.REASONS`; empty if it can be tried.
    """

    name: str = field(repr=False)
    problem: str = ""


def is_archive(head: bytes) -> bool:
    """Returns whether a file that starts with these bytes is a zip archive, perhaps an empty one."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def members(path: Path) -> Iterator[Member]:
    """Yields what an archive holds, sorted by path.

    Raises:
        ScanRefused: ``unreadable``, or ``too-large`` for more than :data:`MOST_MEMBERS` entries.
    """
    archive = _open(path)
    infos = [info for info in archive.infolist() if not info.is_dir()]
    twice = {name for name, count in Counter(info.filename for info in infos).items() if count > 1}
    for info in sorted(infos, key=lambda info: info.filename.split("/")):
        yield Member(info.filename, "archive-name" if info.filename in twice else _problem(info))


def _problem(info: zipfile.ZipInfo) -> str:
    parts = info.orig_filename.split("/")
    if {"", ".", ".."} & set(parts) or "\\" in info.orig_filename or info.orig_filename != info.filename:
        return "archive-name"
    kind = info.external_attr >> 16
    if stat.S_ISLNK(kind):
        return "link"
    if stat.S_IFMT(kind) not in (0, stat.S_IFREG):
        return "unknown-format"
    if info.flag_bits & 1:
        return "archive-encrypted"
    if info.compress_type not in _METHODS:
        return "archive-method"
    large = info.file_size > MOST_BYTES
    return "too-large" if large or info.file_size > max(_SMALL, _HONEST_RATIO * info.compress_size) else ""


def open_scan(path: Path) -> BinaryIO:
    """Opens a file, or a member of an archive by its address.

    Raises:
        OSError: There is no such file.
        ScanRefused: The member can't be read, with the reason.
    """
    try:
        # A pipe that took a file's place since it was looked at must not hold the reader up.
        return _regular(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except (FileNotFoundError, NotADirectoryError):
        where, member = split_address(path)
        if where is None:
            raise
    return _open_member(where, member)


def _regular(descriptor: int) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """Yields a path that every reader can open: the file itself, or a member unpacked into memory without a name.

    Raises:
        ScanRefused: The member can't be read, with the reason.
    """
    where, member = (None, "") if os.path.lexists(path) else split_address(path)
    if where is None:
        yield path
        return
    with _open_member(where, member) as packed, os.fdopen(os.memfd_create("member"), "wb") as unpacked:
        try:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
            unpacked.flush()
        except _BROKEN:
            raise ScanRefused("unreadable") from None
        yield Path(f"/proc/self/fd/{unpacked.fileno()}")


def split_address(path: Path) -> tuple[Path | None, str]:
    """Returns the archive and the name of the member, or None and nothing if no part of the path is a file."""
    text = str(path)
    at = text.find(SEPARATOR)
    while at >= 0:
        if os.path.isfile(text[:at]):
            return Path(text[:at]), text[at + 1 :]
        at = text.find(SEPARATOR, at + 1)
    return None, ""


def _open_member(path: Path, name: str) -> BinaryIO:
    archive = _open(path)
    try:
        info = archive.getinfo(name)
        if problem := _problem(info):
            raise ScanRefused(problem)
        return io.BufferedReader(_Unpacked(archive.open(info), info.file_size))
    except _BROKEN:
        raise ScanRefused("unreadable") from None


def _open(path: Path) -> zipfile.ZipFile:
    try:
        status = path.stat()
        return _listed(path, status.st_mtime_ns, status.st_size)
    except _BROKEN:
        raise ScanRefused("unreadable") from None


@lru_cache(maxsize=1)  # the list of 100,000 members is read once a process, not once a member
def _listed(path: Path, _mtime: int, _size: int) -> zipfile.ZipFile:
    check_members(path, MOST_MEMBERS, _DIRECTORY_BYTES)
    return zipfile.ZipFile(path)


def check_members(path: Path, most: int, most_bytes: int) -> None:
    """Refuses an archive whose list of members would take too much memory, before it is read.

    Args:
        path: The archive.
        most: Members.
        most_bytes: Of their list.

    Raises:
        ScanRefused: ``too-large``.
        OSError, BadZipFile: It can't be read.
    """
    with open_scan(path) as file:
        entries, size = _directory(file)
    if entries > most or size > most_bytes:
        raise ScanRefused("too-large", "an archive with so many members")


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Returns how many members an archive claims and the bytes of their list (APPNOTE 4.3.14 to 4.3.16)."""
    file.seek(-min(file.seek(0, 2), 66_000), 2)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile
    large = tail[max(0, at - 76) : max(0, at - 20)]  # the record that is meant for more than 65,535 members
    if large[:4] == b"PK\x06\x06":
        return int.from_bytes(large[32:40], "little"), int.from_bytes(large[40:48], "little")
    return int.from_bytes(tail[at + 10 : at + 12], "little"), int.from_bytes(tail[at + 12 : at + 16], "little")


class _Unpacked(io.RawIOBase):
    """A member as a file: its size is known, so asking for the end unpacks nothing.

    Never more bytes come out than the list of members says, whatever the compressed data hold.
    """

    def __init__(self, packed: IO[bytes], size: int) -> None:
        self._packed, self._size, self._at = packed, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        if self._at >= self._size:
            return 0
        try:
            if self._packed.tell() != self._at:
                self._packed.seek(self._at)
            got = self._packed.read(len(buffer))
        except _BROKEN as error:
            raise OSError("the archive is damaged") from error
        buffer[: len(got)] = got
        self._at += len(got)
        return len(got)

    def close(self) -> None:
        if not self.closed:
            self._packed.close()
        super().close()
