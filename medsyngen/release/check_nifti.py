"""Check: every NIfTI file is, byte by byte, the header that the recipe's facts make, and voxels; nothing else.

Source: ``nifti1.h``. The header is built here once more, from public facts and without the library that writes it; any
text, extension or number that differs is refused, and so is anything between header and voxels.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from medsyngen.release import names
from medsyngen.release.checks import NONE_ASKED_FOR, Problem
from medsyngen.release.draft import Draft
from medsyngen.release.form import ReleaseForm
from medsyngen.release.gzip_bytes import plain_content
from medsyngen.version import __version__

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_VOXELS: Final = 352
_UINT8, _LABEL = 2, 1002
_INT16, _SCANNER, _MM_AND_SECONDS = 4, 1, 2 | 8
# Layout of nifti_1_header: sizeof_hdr, six unused fields, dim, intents, datatype, bitpix, slice_start, pixdim,
# vox_offset, scl_slope, scl_inter, slice and units, cal and toffset, unused, descrip, aux_file, codes, qform, sform,
# intent_name, magic; then the four bytes that say that there is no extension.
_LAYOUT: Final = "<i10s18sihcB8h3f4h8f3fh2B4f2i80s24s2h6f12f16s4s4s"


def header(form: ReleaseForm, shape: Sequence[int], *, labels: bool = False) -> bytes:
    """Returns the 352 bytes before the voxels.

    Args:
        form: What the images were released as.
        shape: (row, column) of a picture, (x, y, z) of a volume.
        labels: Of a label map: its numbers are labels, of 8 bits.
    """
    x, y, z = (shape[1], shape[0], 1) if len(shape) == 2 else (shape[0], shape[1], shape[2])
    plane = form.pixel_spacing_mm
    known = plane is not None
    apart = form.slice_spacing_mm or form.slice_thickness_mm or plane or 1.0
    dx, dy, dz = (plane, plane, apart) if plane is not None else (1.0, 1.0, 1.0)
    origin = [-dx * (x - 1) / 2, -dy * (y - 1) / 2, -dz * (z - 1) / 2]
    return struct.pack(
        _LAYOUT,
        *(348, b"", b"", 0, 0, b"\x00", 0),
        *(3, x, y, z, 1, 1, 1, 1),
        *(0.0, 0.0, 0.0),
        *((_LABEL, _UINT8, 8, 0) if labels else (0, _INT16, 16, 0)),
        *(1.0, dx, dy, dz, 1.0, 1.0, 1.0, 1.0),
        *(float(_VOXELS), 1.0, 0.0),
        *(0, 0, _MM_AND_SECONDS if known else 0),
        *(0.0, 0.0, 0.0, 0.0),
        *(0, 0),
        *(f"synthetic medsyngen {__version__}".encode(), b""),
        *(_SCANNER, _SCANNER),
        *(0.0, 0.0, 0.0, *origin),
        *(dx, 0.0, 0.0, origin[0], 0.0, dy, 0.0, origin[1], 0.0, 0.0, dz, origin[2]),
        *(b"", b"n+1\x00", bytes(4)),
    )


def volume_problems(data: bytes, form: ReleaseForm, shape: Sequence[int], *, labels: int = 0) -> Iterator[str]:
    """Yields what is wrong with one file.

    Args:
        data: The file.
        form: What the images were released as.
        shape: Of each.
        labels: Of a label map, how many labels there are; 0 for an image.

    Raises:
        ValueError: It is no gzip file that says nothing, or it is damaged.
    """
    size = 1 if labels else 2
    for side in shape:
        size *= side
    volume = plain_content(data, _VOXELS + size)
    if volume[:_VOXELS] != header(form, shape, labels=bool(labels)):
        yield "its header is not the one that the recipe's facts make"
    if len(volume) != _VOXELS + size:
        yield "its voxels have another length than its size says"
        return
    levels = np.frombuffer(volume, dtype="u1" if labels else "<i2", offset=_VOXELS)
    low, high = (0, labels - 1) if labels else form.window or (0, 2 ** min(form.bits, 15) - 1)
    if levels.min() < low or levels.max() > high:
        yield "its voxels are outside of the recipe's range"


class NiftiCheck:
    """Reads every NIfTI file again from its bytes.

    Args:
        draft: What the writer says that it wrote: form and shape; not the files.
    """

    name = "nifti marks"
    read = "every NIfTI file, byte by byte"
    rules: tuple[str, ...] = ("G2", "G5", "G6", "G7")

    def __init__(self, draft: Draft) -> None:
        self.read = self.read if {"nifti", "bids", names.LABELS} & set(draft.columns) else NONE_ASKED_FOR
        self._draft = draft

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads one NIfTI file, of a BIDS dataset too; leaves all other files."""
        if file.endswith(names.SUFFIXES["nifti"]):
            number = names.image_number(file)
            where = f"picture {number}" if number else "an image of the BIDS dataset"
            labels = self._draft.labels if file.startswith(f"{names.LABELS}/") else 0
            for reason in volume_problems(data, self._draft.form, self._draft.shape, labels=labels):
                yield Problem(f"{where}: {reason}", _DO)

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add."""
        return ()
