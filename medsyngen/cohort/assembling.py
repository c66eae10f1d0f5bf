"""From DICOM slices to volumes: the files of one series of one patient become one scan, or are refused together."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.grids import Grid
from medsyngen.cohort.packed_scans import PackedScans
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.cohort.slices import AXES, Slices
from medsyngen.cohort.splitting import split_series
from medsyngen.formats.canonical import ras_shape
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.stacking import stack
from medsyngen.scan import PatientKey

SLICED = frozenset({"CT", "MR", "PT"})
"""Modalities whose single images are slices of a volume (Image Plane module, PS3.3 A.3, A.4 and A.21). Others, such as
radiographs, stay single images."""

Refused = tuple[IndexedScan, ScanRefused]
_Key = tuple[PatientKey, str, str | int]


def assemble(scans: Sequence[IndexedScan], slices: Slices | Grid) -> tuple[PackedScans, list[Refused]]:
    """Joins the slices of each series into one volume.

    A series is looked at alone: what becomes of it depends on its own files and on public constants only. It is taken
    apart where it holds several kinds of slices (:func:`medsyngen.cohort.splitting.split_series`); each part is joined
    as a whole or refused as a whole; nothing is left out of it, repaired or resampled.

    Args:
        scans: From the headers, in the order of their paths. Volumes in one file (``parts`` not empty) and pictures
            that are no slices pass as they are.
        slices: The recipe's rule, which says how many images a volume gives.

    Returns:
        Scans in the order of their first file: a volume stands where its first file stood, with ``parts`` in the order
        of its slices. And one refusal for each refused part of a series: the scan of its first file, with the locators
        of all files as ``parts`` and their count as ``images``.
    """
    joined, first_files = PackedScans(), array("q")
    refused: list[tuple[int, Refused]] = []
    for numbers, whole in _groups(scans):
        place = {scan.locator: number for number, scan in zip(numbers, whole, strict=True)}
        for group in split_series(whole) if is_slice(whole[0]) else [whole]:
            first = place[group[0].locator]
            try:
                joined.append(_volume(group, slices) if is_slice(group[0]) else group[0])
                first_files.append(first)
            except ScanRefused as refusal:
                parts = tuple(scan.locator for scan in group)
                refused.append((first, (replace(group[0], parts=parts, images=len(parts)), refusal)))
    order = np.argsort(first_files, kind="stable") if first_files else np.zeros(0, np.int64)
    if (np.diff(order) < 0).any():
        joined = PackedScans(joined[int(number)] for number in order)
    refused.sort(key=lambda each: each[0])
    return joined, [each for _, each in refused]


def _groups(scans: Sequence[IndexedScan]) -> Iterator[tuple[list[int], list[IndexedScan]]]:
    """Yields each series, as soon as its last file was met: few series are in memory at a time."""
    keys = (_series(number, scan) for number, scan in enumerate(scans))
    last = {key: number for number, key in enumerate(keys) if key is not None}
    met: dict[_Key, tuple[list[int], list[IndexedScan]]] = {}
    for number, scan in enumerate(scans):
        key = _series(number, scan)
        if key is None:
            yield [number], [scan]
            continue
        numbers, group = met.setdefault(key, ([], []))
        numbers.append(number)
        group.append(scan)
        if last[key] == number:
            yield met.pop(key)


def _series(number: int, scan: IndexedScan) -> _Key | None:
    """Returns what the slices of one series have in common; None for what is no slice."""
    return (scan.patient, scan.modality, scan.series or number) if is_slice(scan) else None


def is_slice(scan: IndexedScan) -> bool:
    """Returns whether a scan is one slice of a series, not a volume or a picture of its own."""
    return scan.modality in SLICED and not scan.parts


def volume_in(
    scan: IndexedScan, shape: tuple[int, int, int], affine: NDArray[np.float64], slices: Slices | Grid
) -> IndexedScan:
    """Returns the entry of a volume.

    Args:
        scan: Of its file or its first file.
        shape: Voxels along its axes.
        affine: float64, (4, 4): voxel indices to mm, RAS+.
        slices: The recipe's rule.
    """
    if isinstance(slices, Grid):
        return replace(scan, parts=scan.parts or (scan.locator,))
    count = ras_shape(shape, affine)[AXES[slices.plane]]
    return replace(scan, parts=scan.parts or (scan.locator,), images=len(slices.numbers(count)))


def _volume(group: Sequence[IndexedScan], slices: Slices | Grid) -> IndexedScan:
    first = group[0]
    planes = [scan.geometry for scan in group if scan.geometry is not None]
    if len(planes) < len(group):
        raise ScanRefused("no-geometry")
    stacked = stack(planes)
    ordered = [group[number] for number in stacked.order]
    codes = tuple(code for code in first.codes if all(code in scan.codes for scan in group))
    whole = replace(first, parts=tuple(scan.locator for scan in ordered), codes=codes, geometry=None)
    return volume_in(whole, (first.columns, first.rows, len(group)), stacked.affine, slices)
