"""Grey values of a coloured image: its luminance, Y = 0.299 R + 0.587 G + 0.114 B (PS3.3 C.7.6.3.1.2, YBR_FULL).

Of YBR images Y is stored, and taken as it is. A palette is looked up first. No ICC profile is applied.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRBigEndian

from medsyngen.formats.refusal import ScanRefused

_WEIGHTS: Final = np.array([0.299, 0.587, 0.114])
_COLOURS: Final = ("Red", "Green", "Blue")
_TABLE: Final = "{}PaletteColorLookupTable{}"


def luminance(frame: NDArray[Any], photometric: str) -> NDArray[Any]:
    """Returns Y of one decoded frame.

    Args:
        frame: Shape (row, column, 3); or (row, column), if it is Y already.
        photometric: Of the decoded frame, which may differ from the header's: decoders of JPEG 2000 give RGB.
    """
    if frame.ndim == 2:
        return frame
    return frame[..., 0] if photometric.startswith("YBR_FULL") else frame.astype(np.float64) @ _WEIGHTS


class Palette:
    """The tables of a PALETTE COLOR image, as one table of grey values (PS3.3 C.7.6.3.1.5 and 6).

    Args:
        dataset: Of the image.

    Raises:
        ScanRefused: ``coloured`` for segmented tables, which can unpack to any length, and for tables that are not of
            one length or not of 8 or 16 bits.
    """

    def __init__(self, dataset: pydicom.Dataset) -> None:
        descriptors = {
            tuple(int(each) for each in dataset[_TABLE.format(name, "Descriptor")].value) for name in _COLOURS
        }
        entries, first, bits = descriptors.pop()
        if descriptors or bits not in (8, 16) or "SegmentedRedPaletteColorLookupTableData" in dataset:
            raise ScanRefused("coloured", "by tables that are segmented, or of several kinds")
        big = dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
        tables = [
            _table(dataset[_TABLE.format(name, "Data")].value, entries or 1 << 16, bits, big) for name in _COLOURS
        ]
        self._grey: NDArray[np.float64] = np.stack(tables, axis=-1) @ _WEIGHTS
        self._first = first
        self.highest = float((1 << bits) - 1)
        """The largest value that the tables can express."""

    def look_up(self, stored: NDArray[np.int32]) -> NDArray[np.float64]:
        """Returns Y; values before the first entry take the first, values beyond the last take the last."""
        return self._grey[np.clip(stored - self._first, 0, len(self._grey) - 1)]


def _table(data: bytes, entries: int, bits: int, big: bool) -> NDArray[np.uint16]:
    if len(data) == 2 * entries:
        # 8 bits in 16 stand in the lower byte.
        return np.frombuffer(data, ">u2" if big else "<u2").astype(np.uint16) & np.uint16((1 << bits) - 1)
    if bits != 8 or len(data) != entries + entries % 2:
        raise ScanRefused("coloured", "by a table of another length than it says")
    words = np.frombuffer(data, "u2")
    return (words.byteswap() if big else words).view(np.uint8)[:entries].astype(np.uint16)
