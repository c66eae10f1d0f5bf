"""Finding files under SCANS: every one is seen, none is followed elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from medsyngen.formats.dicom import is_dicom
from medsyngen.formats.nifti import header_files, is_nifti
from medsyngen.formats.npz import is_npz
from medsyngen.formats.raster import is_raster

# Files that lie beside scans and are not meant as scans.
_SIDE_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".md", ".json", ".yaml", ".yml", ".xml", ".html", ".pdf", ".log"})
_SIDE_NAMES = frozenset({"DICOMDIR", "LICENSE", "LICENCE", "README", "THUMBS.DB", "DESKTOP.INI"})


class Kind(Enum):
    """What a file under SCANS is taken for."""

    DICOM = "dicom"
    NPZ = "npz"
    NIFTI = "nifti"
    RASTER = "raster"
    SIDE = "side"
    LINK = "link"
    NOT_DICOM = "not-dicom"
    NOT_NIFTI = "not-nifti"
    UNKNOWN = "unknown-format"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class FoundFile:
    """One entry of the folder.

    Args:
        locator: Path relative to SCANS, with forward slashes.
        kind: By content first, by name second.
    """

    locator: str = field(repr=False)
    kind: Kind


def find_files(root: Path) -> list[FoundFile]:
    """Returns every file below ``root`` in the order of its path; folders that can't be opened are ``UNREADABLE``.

    Symbolic links are reported and not followed. A DICOMDIR is a side file: it names other files, found here anyway.
    """
    failed: list[FoundFile] = []

    def on_error(error: OSError) -> None:
        if error.filename is not None:
            failed.append(FoundFile(Path(error.filename).relative_to(root).as_posix(), Kind.UNREADABLE))

    found = [
        FoundFile(path.relative_to(root).as_posix(), classify(path))
        for folder, folders, files in os.walk(root, onerror=on_error, followlinks=False)
        for path in _entries(Path(folder), folders, files)
    ]
    return sorted([*found, *failed], key=lambda file: file.locator.split("/"))


def _entries(folder: Path, folders: list[str], files: list[str]) -> Iterator[Path]:
    # os.walk lists a link to a folder among the folders, and never enters it.
    yield from (folder / name for name in folders if (folder / name).is_symlink())
    yield from (folder / name for name in files)


def classify(path: Path) -> Kind:
    """Returns what one file is, by its first bytes, then by its name."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return Kind.UNREADABLE
    if stat.S_ISLNK(mode):
        return Kind.LINK
    if not stat.S_ISREG(mode):
        return Kind.UNKNOWN  # a pipe or device must not even be opened
    if path.name.upper() in _SIDE_NAMES:
        return Kind.SIDE
    if is_dicom(path):
        return Kind.DICOM
    known = ((is_npz, Kind.NPZ), (is_raster, Kind.RASTER), (is_nifti, Kind.NIFTI))
    return next((kind for is_kind, kind in known if is_kind(path)), None) or _by_name(path)


def _by_name(path: Path) -> Kind:
    plain = path.name.lower().removesuffix(".gz")
    if plain.endswith(".img") and any(is_nifti(header) for header in header_files(path)):
        return Kind.SIDE  # the voxels of a .hdr
    if plain.endswith((".nii", ".hdr")):
        return Kind.NOT_NIFTI
    suffix = path.suffix.lower()
    if suffix in _SIDE_SUFFIXES or path.name.startswith("."):
        return Kind.SIDE
    if suffix == ".npz":
        return Kind.UNREADABLE
    return Kind.NOT_DICOM if suffix in ("", ".dcm", ".dicom", ".ima") else Kind.UNKNOWN
