"""From DICOM slices to volumes: the files of one series of one patient become one scan, or are refused together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.grids import Grid
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.cohort.slices import AXES, Slices
from medsyngen.cohort.splitting import split_series
from medsyngen.formats.canonical import ras_shape
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.stacking import stack

SLICED = frozenset({"CT", "MR", "PT"})
"""Modalities whose single images are slices of a volume (Image Plane module, PS3.3 A.3, A.4 and A.21). Others, such as
radiographs, stay single images."""

Refused = tuple[IndexedScan, ScanRefused]


def assemble(scans: Sequence[IndexedScan], slices: Slices | Grid) -> tuple[list[IndexedScan], list[Refused]]:
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
    groups: dict[tuple[object, ...], list[IndexedScan]] = {}
    for number, scan in enumerate(scans):
        series = (scan.patient, scan.modality, scan.series or number)
        groups.setdefault(series if is_slice(scan) else (number,), []).append(scan)
    joined: list[IndexedScan] = []
    refused: list[Refused] = []
    for group in (part for whole in groups.values() for part in _parts(whole)):
        try:
            joined.append(_volume(group, slices) if is_slice(group[0]) else group[0])
        except ScanRefused as refusal:
            parts = tuple(scan.locator for scan in group)
            refused.append((replace(group[0], parts=parts, images=len(parts)), refusal))
    place = {scan.locator: number for number, scan in enumerate(scans)}
    joined.sort(key=lambda scan: place[scan.locator])
    return joined, refused


def _parts(group: list[IndexedScan]) -> list[list[IndexedScan]]:
    return split_series(group) if is_slice(group[0]) else [group]


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
