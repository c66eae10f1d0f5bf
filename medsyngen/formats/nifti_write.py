"""Synthetic images out as NIfTI-1 files (``.nii.gz``), with a fresh header and nothing in it that was not put there.

Sources: NIfTI-1 (``nifti1.h``), RFC 1952 (gzip).
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

import nibabel
import numpy as np
from numpy.typing import NDArray

from medsyngen.formats.placing import Spacing, affine
from medsyngen.version import __version__

DESCRIPTION: Final = f"synthetic medsyngen {__version__}"
"""``descrip`` (at most 79 bytes): the only text in the header."""
GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no comment, no time, no system (RFC 1952, 2.3.1): the same in every file."""
LABEL_INTENT: Final = 1002
_SCANNER: Final = 1  # NIFTI_XFORM_SCANNER_ANAT


def write_nifti(path: Path, levels: NDArray[np.int16] | NDArray[np.uint8], *, spacing_mm: Spacing | None) -> None:
    """Writes one volume. The same levels give the same bytes.

    The affine is that of :func:`medsyngen.formats.placing.affine`, as qform and as sform, both with code 1.

    Args:
        path: The file to make; must not exist.
        levels: int16, shape (x, y, z); or uint8, which are labels, and said to be (``NIFTI_INTENT_LABEL``).
        spacing_mm: Along x, y and z; None where the recipe knows none: then 1 each, and the unit is unknown.

    Raises:
        FileExistsError: There is such a file already.
    """
    image = nibabel.Nifti1Image(levels, None)
    matrix = affine(levels.shape, spacing_mm or (1.0, 1.0, 1.0))
    image.set_qform(matrix, _SCANNER)
    image.set_sform(matrix, _SCANNER)
    image.header.set_xyzt_units("unknown" if spacing_mm is None else "mm", "unknown" if spacing_mm is None else "sec")
    image.header.set_slope_inter(1, 0)
    if levels.dtype == np.uint8:
        image.header["intent_code"] = LABEL_INTENT
    image.header["descrip"] = DESCRIPTION.encode()
    with path.open("xb") as file:
        file.write(gzipped(image.to_bytes()))


def gzipped(data: bytes) -> bytes:
    """Returns data as one gzip member whose header says nothing."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return GZIP_HEADER + packed + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
