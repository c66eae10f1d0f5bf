"""A series of several kinds of slices, taken apart by public rules: scouts, orientations, sizes, volumes in one place.

Scanners put under one Series Instance UID what was made in one go: a scout with its stack, three planes, the echoes of
one measurement. What belongs together is decided by the headers of that series alone, always in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.stacking import DIRECTION_TOLERANCE, SAME_PLACE_MM

Part = list[IndexedScan]


def split_series(group: Sequence[IndexedScan]) -> list[Part]:
    """Returns the parts of a series, each in the order given, in the order of their first slices.

    Slices without geometry, localizers, and slices of another number of rows or columns, pixel spacing, frame of
    reference or orientation are parts of their own. Where slices of such a part lie at one place, it is taken apart
    further: by echo, by temporal position, by diffusion (b-value and direction), by acquisition, or by all of these,
    whichever comes first that leaves no two slices at one place. If none does, it stays as it is, to be refused.

    Args:
        group: Slices of one series of one patient.
    """
    parts: list[Part] = []
    for scan in group:
        for part in parts:
            if _alike(scan, part[0]):
                part.append(scan)
                break
        else:
            parts.append([scan])
    return [volume for part in parts for volume in _volumes(part)]


def _alike(scan: IndexedScan, other: IndexedScan) -> bool:
    a, b = scan.geometry, other.geometry
    if a is None or b is None:
        return a is b
    if (scan.rows, scan.columns, a.localizer) != (other.rows, other.columns, b.localizer):
        return False
    if a.frame_of_reference != b.frame_of_reference:
        return False
    near = all(abs(x - y) <= DIRECTION_TOLERANCE for x, y in zip((*a.row, *a.column), (*b.row, *b.column), strict=True))
    spacings = zip(a.spacing_mm, b.spacing_mm, strict=True)
    return near and all(math.isclose(x, y, rel_tol=DIRECTION_TOLERANCE) for x, y in spacings)


def _volumes(part: Part) -> list[Part]:
    if part[0].geometry is None or _places_differ(part):
        return [part]
    for key in _KEYS:
        found: dict[object, Part] = {}
        for scan in part:
            if scan.geometry is not None:
                found.setdefault(key(scan.geometry), []).append(scan)
        if all(map(_places_differ, found.values())):
            return list(found.values())
    return [part]


def _places_differ(part: Part) -> bool:
    planes = [scan.geometry for scan in part if scan.geometry is not None]
    normal = np.cross(planes[0].row, planes[0].column)
    heights = np.sort(np.asarray([plane.position for plane in planes]) @ normal)
    return bool((np.diff(heights) > SAME_PLACE_MM).all())


def _of_volume(*numbers: int) -> Callable[[SliceGeometry], object]:
    return lambda plane: tuple(plane.volume[number] for number in numbers) if plane.volume else ()


_KEYS = (_of_volume(0), _of_volume(1), _of_volume(2, 3), _of_volume(4), _of_volume(0, 1, 2, 3, 4))
