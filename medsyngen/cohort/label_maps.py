"""Label maps beside volumes: the public rule by which a map is found, and which one belongs to which volume."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.errors import InputUnusable, UsageError
from medsyngen.formats.label_codes import MOST_LABELS
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey

_SUFFIXES: Final = (".nii.gz", ".nii")
Key = tuple[str, str]
"""A folder and the name of a volume in it, without its suffix."""


@dataclass(frozen=True)
class LabelMaps:
    """Where the label maps of volumes lie. Public; a map is part of its volume's record, and as private.

    Args:
        values: How many labels there are: 0, the background, to ``values`` - 1. Maps with others are refused.
        folder: Name of a folder: the NIfTI files in it are maps, each of the volume of the same name in a folder
            beside it, or in the folder around it (``imagesTr/a.nii.gz`` and ``labelsTr/a.nii.gz``).
        suffix: End of the name of a map beside its volume (``_seg``: ``a_seg.nii.gz`` is the map of ``a.nii.gz``).
            One of the two is given. A series of DICOM slices goes by the name of its folder.
    """

    values: int
    folder: str | None = None
    suffix: str | None = None

    def __post_init__(self) -> None:
        named = [each for each in (self.folder, self.suffix) if each is not None]
        plain = all(each.strip() and not set(each) & set("/\\*?") for each in named)
        if not 2 <= self.values <= MOST_LABELS or len(named) != 1 or not plain:
            raise UsageError(
                "the recipe's `label_maps` is not understood",
                do=f"give `values`, 2 to {MOST_LABELS}, and one of `folder` (a folder's name) and `suffix` (as _seg)",
            )

    def of_map(self, locator: str) -> Key | None:
        """Returns which volume a NIfTI file would be the map of; None if it is no map by this rule."""
        path = _path(locator)
        stem = _stem(path.name)
        if self.folder is not None:
            return (path.parent.parent.as_posix(), stem) if path.parent.name == self.folder else None
        suffix = self.suffix or ""
        return (path.parent.as_posix(), stem.removesuffix(suffix)) if stem.endswith(suffix) else None

    def of_volume(self, scan: IndexedScan) -> tuple[Key, ...]:
        """Returns by which keys the map of a volume may be found, the nearest first."""
        path = _path(scan.locator)
        if len(scan.parts) > 1:  # a series is its folder
            path = path.parent
        name = _stem(path.name)
        own = (path.parent.as_posix(), name)
        return (own,) if self.folder is None else (own, (path.parent.parent.as_posix(), name))


def _path(locator: str) -> PurePosixPath:
    """Returns the place of a file; an archive is a folder here."""
    return PurePosixPath(re.sub(r"(?i)(?<=\.zip)!", "/", locator))


def _stem(name: str) -> str:
    return next((name[: -len(suffix)] for suffix in _SUFFIXES if name.lower().endswith(suffix)), name)


@dataclass(frozen=True)
class FoundMap:
    """One map.

    Args:
        locator: Path relative to SCANS.
        case_id: As for a scan.
        owner: Whom the hospital's tables name for it; None where they name nobody, for its volume says it.
    """

    locator: str = field(repr=False)
    case_id: str
    owner: PatientKey | None


Refused = tuple[IndexedScan | FoundMap, ScanRefused]


def with_maps(
    scans: Sequence[IndexedScan], maps: Mapping[Key, Sequence[FoundMap]], rule: LabelMaps
) -> tuple[list[IndexedScan], list[Refused]]:
    """Gives each volume its map; what becomes of a volume depends on its own patient's files and the rule alone.

    Args:
        scans: Volumes.
        maps: By what :meth:`LabelMaps.of_map` returned.
        rule: The recipe's.

    Returns:
        Volumes with maps; and the refusals: ``no-label-map``, ``label-map-owner``, ``label-map-twice`` and
        ``label-map-alone``.

    Raises:
        InputUnusable: Volumes of several patients would take one map that names nobody: whose record it is, and so
            what becomes of each of them, would hang on the others.
    """
    chosen = [(scan, *_own_map(scan, maps, rule)) for scan in scans]
    takers: dict[str, set[PatientKey]] = {}
    for scan, own, _ in chosen:
        if own is not None:
            takers.setdefault(own.locator, set()).add(scan.patient)
    shared = sum(len(patients) > 1 for patients in takers.values())
    if shared:
        raise InputUnusable(
            f"label maps that fit volumes of several patients: {shared}; nobody can tell whose they are",
            do="name the patient of each map, too, in the patient map or in the label file (columns path, patient_id)",
        )
    paired: list[IndexedScan] = []
    refused: list[Refused] = []
    used: set[str] = set()
    for scan, own, others in chosen:
        if own is None:
            refused.append((scan, ScanRefused("label-map-owner" if others else "no-label-map")))
        elif own.locator in used:  # by another volume of this patient
            refused.append((scan, ScanRefused("label-map-twice")))
        else:
            used.add(own.locator)
            paired.append(replace(scan, label_map=own.locator))
    left = (each for found in maps.values() for each in found if each.locator not in used)
    return paired, refused + [(each, ScanRefused("label-map-alone")) for each in left]


def _own_map(
    scan: IndexedScan, maps: Mapping[Key, Sequence[FoundMap]], rule: LabelMaps
) -> tuple[FoundMap | None, bool]:
    """Returns a volume's map, of those named for its patient or for nobody; and whether there is any by its name."""
    near = [each for key in rule.of_volume(scan) for each in maps.get(key, ())]
    return next((each for who in (scan.patient, None) for each in near if each.owner == who), None), bool(near)
