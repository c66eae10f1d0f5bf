"""Where the voxels of a NIfTI volume lie, by one written rule, or why that can't be told."""

from __future__ import annotations

import math
from typing import Any

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.stacking import GAP_TOLERANCE, SKEW_TOLERANCE

_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres of the spatial units (``xyzt_units``): unknown, metres, millimetres, micrometres."""
LARGEST_MM = 1000.0
"""Voxels of a metre or more are no voxels of a patient."""
_INVERTIBLE = 1e-3


def affine_of(header: Any) -> NDArray[np.float64]:
    """Returns the affine of a header, in mm, RAS+.

    The sform if its code is above 0, else the qform if its code is, else none: a volume without either says no
    directions, and is refused. Where both are there they may name different spaces (scanner and template), but not
    different directions or voxel sizes: then one of the two is wrong, and the volume is refused.

    Args:
        header: A ``nibabel.Nifti1Header`` or ``Nifti2Header``.

    Raises:
        ScanRefused: ``no-geometry``, ``singular-affine``, ``gantry-tilt`` (axes that are not at right angles) or
            ``forms-disagree``.
    """
    _check_pixdim(header)
    unit = _MM.get(int(header["xyzt_units"]) & 7)
    if unit is None:
        raise ScanRefused("no-geometry", "an unknown unit of length")
    sform = header.get_sform() if int(header["sform_code"]) > 0 else None
    qform = _qform(header) if int(header["qform_code"]) > 0 else None
    affine = sform if sform is not None else qform
    if affine is None:
        raise ScanRefused("no-geometry", "neither qform nor sform has a code")
    for form in (sform, qform):
        if form is not None:
            _check_affine(form, unit)
    if sform is not None and qform is not None and not _agree(sform, qform):
        raise ScanRefused("forms-disagree")
    return np.asarray(np.diag([unit, unit, unit, 1.0]) @ affine, dtype=np.float64)


def _check_pixdim(header: Any) -> None:
    count = min(3, max(1, int(header["dim"][0])))
    sizes = [float(size) for size in header["pixdim"][1 : 1 + count]]
    if not all(math.isfinite(size) and size > 0 for size in sizes):
        raise ScanRefused("no-geometry", "voxel sizes that are no positive numbers")


def _qform(header: Any) -> NDArray[np.float64]:
    try:
        affine: NDArray[np.float64] = header.get_qform()
    except (ValueError, HeaderDataError):
        raise ScanRefused("no-geometry", "a quaternion that is no rotation") from None
    return affine


def _check_affine(affine: NDArray[np.float64], unit: float) -> None:
    if not np.isfinite(affine).all():
        raise ScanRefused("singular-affine")
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if not (sizes > 0).all():
        raise ScanRefused("singular-affine")
    if (sizes * unit >= LARGEST_MM).any():
        raise ScanRefused("no-geometry", "voxels of a metre or more")
    directions = affine[:3, :3] / sizes
    if abs(float(np.linalg.det(directions))) < _INVERTIBLE:
        raise ScanRefused("singular-affine")
    if np.abs(directions.T @ directions - np.eye(3)).max() > SKEW_TOLERANCE:
        raise ScanRefused("gantry-tilt")


def _agree(sform: NDArray[np.float64], qform: NDArray[np.float64]) -> bool:
    """Returns whether two affines name the same closest directions and the same voxel sizes."""
    same = nibabel.aff2axcodes(sform) == nibabel.aff2axcodes(qform)
    first, second = (np.linalg.norm(form[:3, :3], axis=0) for form in (sform, qform))
    return bool(same and np.allclose(first, second, rtol=GAP_TOLERANCE))
