"""NIfTI files made from nothing for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

VOXELS = np.arange(4 * 5 * 6).reshape(4, 5, 6)
AFFINE = np.array([[-2.0, 0, 0, 30], [0, 2.5, 0, -40], [0, 0, 3.0, 7], [0, 0, 0, 1]])


def make_nifti(
    path: Path, voxels: np.ndarray = VOXELS, *, affine: Any = AFFINE, kind: str = "<i2", version: int = 1, **fields: Any
) -> Path:
    """Writes a file whose header says exactly what is asked for, right or wrong; returns its path."""
    image = (nibabel.Nifti1Image, nibabel.Nifti2Image, nibabel.Nifti1Pair)[version - 1]
    made = image(voxels.astype(np.dtype(kind).newbyteorder("=")), affine)
    if kind.startswith(">"):
        made = image(voxels.astype(kind), affine, made.header.as_byteswapped(">"))
        made.header.set_data_dtype(np.dtype(kind))
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(made, path)
    if fields:
        change_header(path, **fields)
    return path


def change_header(path: Path, **fields: Any) -> None:
    """Writes values into the header of an uncompressed file, without a check; ``dim_4`` is the fourth of ``dim``."""
    raw = path.read_bytes()
    two = raw[4:6] == b"n+"
    kind = nibabel.Nifti2Header if two else nibabel.Nifti1Header
    size = 540 if two else 348
    order = "<" if int.from_bytes(raw[:4], "little") == size else ">"
    block = kind(raw[:size], endianness=order, check=False).structarr
    block = np.array(block)
    for name, value in fields.items():
        key, _, number = name.partition("_at_")
        if number:
            block[key][int(number)] = value
        else:
            block[key] = value
    path.write_bytes(block.tobytes() + raw[size:])
