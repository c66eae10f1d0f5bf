"""Finding files under SCANS: every one is seen, none is followed elsewhere, none is opened here."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from medsyngen.formats.archive import SEPARATOR, is_archive, members
from medsyngen.formats.nifti import header_files, is_nifti
from medsyngen.formats.raster import is_raster
from medsyngen.formats.refusal import ScanRefused

# Files that lie beside scans and are not meant as scans.
_SIDE_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".md", ".json", ".yaml", ".yml", ".xml", ".html", ".pdf", ".log"})
_SIDE_NAMES = frozenset({"DICOMDIR", "LICENSE", "LICENCE", "README", "THUMBS.DB", "DESKTOP.INI"})
# Zip archives that are not meant as such.
_DOCUMENTS = frozenset({".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".jar", ".whl", ".epub"})
HEAD_BYTES: Final = 348


class Kind(Enum):
    """What a file under SCANS is taken for."""

    DICOM = "dicom"
    NPZ = "npz"
    NIFTI = "nifti"
    RASTER = "raster"
    ARCHIVE = "archive"
    SIDE = "side"
    LINK = "link"
    NOT_DICOM = "not-dicom"
    NOT_NIFTI = "not-nifti"
    NESTED = "archive-nested"
    UNKNOWN = "unknown-format"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One entry of the folder.

    Args:
        locator: Path relative to SCANS, with forward slashes; ``archive.zip!member`` in an archive.
        kind: What its name and the file system alone tell; None where it takes a look into it.
        problem: Why it can't be looked into, a key of :data:`medsyngen.formats.refusal.REASONS`.
        size: In bytes.
        stamp: Changes with the file: times of modification and of change (ns), inode.
    """

    locator: str = field(repr=False)
    kind: Kind | None
    problem: str = ""
    size: int = 0
    stamp: tuple[int, int, int] = (0, 0, 0)


def find_files(root: Path) -> Iterator[FoundFile]:
    """Yields every file below ``root`` in the order of its path; folders that can't be opened are ``UNREADABLE``.

    Symbolic links are reported and not followed; pipes and devices are reported and never opened. A DICOMDIR is a side
    file: it names other files, found here anyway.
    """
    yield from _below(root, "")


def count_files(root: Path) -> int:
    """Returns how many files :func:`find_files` would yield now, without a look at any of them."""
    return sum(len(files) for _, _, files in os.walk(root))


def _below(folder: Path, inside: str) -> Iterator[FoundFile]:
    try:
        with os.scandir(folder) as entries:
            # Names alone: 100,000 entries in one folder would take much more memory.
            found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError:
        yield FoundFile(inside.rstrip("/"), Kind.UNREADABLE)
        return
    for name, is_folder in found:
        if is_folder:
            yield from _below(folder / name, f"{inside}{name}/")
        else:
            yield _entry(f"{folder}/{name}", inside + name)


def _entry(path: str, locator: str) -> FoundFile:
    try:
        return found_file(os.lstat(path), locator)
    except OSError:
        return FoundFile(locator, Kind.UNREADABLE)


def found_file(status: os.stat_result, locator: str) -> FoundFile:
    """Returns the entry of a file with this status."""
    stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if stat.S_ISLNK(status.st_mode):
        return FoundFile(locator, Kind.LINK)
    if not stat.S_ISREG(status.st_mode):
        return FoundFile(locator, Kind.UNKNOWN)  # a pipe or device must not even be opened
    side = locator.rpartition("/")[2].upper() in _SIDE_NAMES
    return FoundFile(locator, Kind.SIDE if side else None, "", status.st_size, stamp)


def find_members(root: Path, archive: FoundFile) -> Iterator[FoundFile]:
    """Yields the members of an archive, in the order of their names; its own entry as a problem if it has no list."""
    named: set[str] = set()
    try:
        for member in members(root / archive.locator):
            if member.name in named:
                continue  # both are refused, as one
            named.add(member.name)
            locator = f"{archive.locator}{SEPARATOR}{member.name}"
            side = member.name.rpartition("/")[2].upper() in _SIDE_NAMES and not member.problem
            taken = not member.problem and os.path.lexists(root / locator)  # a file on disk has that very address
            problem = "archive-name" if taken else member.problem
            locator += SEPARATOR if taken else ""  # so that the two are told apart in the list of cases
            yield FoundFile(locator, Kind.SIDE if side else None, problem, archive.size, archive.stamp)
    except ScanRefused as refused:
        yield FoundFile(archive.locator, None, refused.reason)


def kind_of(path: Path, head: bytes, name: str, *, member: bool) -> Kind:
    """Returns what a file is, by its first bytes, then by its name.

    Args:
        path: Where it can be read.
        head: Its first :data:`HEAD_BYTES` bytes.
        name: As it is called where it was found.
        member: It lies in an archive.
    """
    suffix = os.path.splitext(name)[1].lower()
    if head[128:132] == b"DICM":
        return Kind.DICOM
    if is_archive(head) and suffix not in _DOCUMENTS:
        return Kind.NESTED if member else Kind.NPZ if suffix == ".npz" else Kind.ARCHIVE
    if is_raster(path):
        return Kind.RASTER
    if _maybe_nifti(head) and is_nifti(path):
        return Kind.NIFTI
    plain = name.lower().removesuffix(".gz")
    if plain.endswith(".img") and not member and any(map(is_nifti, header_files(path))):
        return Kind.SIDE  # the voxels of that header
    if plain.endswith((".nii", ".hdr")):
        return Kind.NOT_NIFTI
    return _by_name(name, suffix)


def _maybe_nifti(head: bytes) -> bool:
    return head[:2] == b"\x1f\x8b" or head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2")


def _by_name(name: str, suffix: str) -> Kind:
    if suffix in _SIDE_SUFFIXES or name.rpartition("/")[2].startswith("."):
        return Kind.SIDE
    if suffix in (".npz", ".zip"):
        return Kind.UNREADABLE
    return Kind.NOT_DICOM if suffix in ("", ".dcm", ".dicom", ".ima") else Kind.UNKNOWN
