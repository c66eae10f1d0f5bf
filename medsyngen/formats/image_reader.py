"""The reader as MONAI knows readers, usable alone: ``LoadImaged(keys, reader=ScanReader())``."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np
from monai.data import ImageReader

from medsyngen.formats.locator import ImageSource
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues
from medsyngen.scan import Pixels


class ScanReader(ImageReader):  # type: ignore[misc]  # MONAI is not typed
    """Reads single-frame DICOM files as grey values, and the images of an ``.npz`` (``file.npz#12``).

    Unlike MONAI's own readers of DICOM it never joins files of a folder into a volume, turns MONOCHROME1 round, applies
    the Modality LUT Sequence, and refuses what it can't read instead of leaving it to another reader.

    Axes are (row, column) as stored; MONAI's ``PydicomReader`` swaps them by default. The metadata hold no name, date,
    identifier or path: ``value_range`` (lowest, highest value of the bit depth; not a number where there is none),
    ``spatial_shape``, ``affine`` (pixel spacing in mm on the diagonal, 1 where unknown). MONAI's ``LoadImage`` itself
    adds the path as ``filename_or_obj``; :class:`medsyngen.cohort.monai_transforms.Windowd` drops it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._source = ImageSource()

    def verify_suffix(self, filename: Sequence[PathLike[str] | str] | PathLike[str] | str) -> bool:
        """Returns True: files are accepted by what is in them, not by their name."""
        return True

    def read(self, data: Sequence[PathLike[str] | str] | PathLike[str] | str, **kwargs: Any) -> str:
        """Returns the address; the file is opened by :meth:`get_data`.

        ``LoadImage`` answers an error of ``read`` by silently trying MONAI's other readers, which would decode a
        coloured or multi-frame file after all. Errors of ``get_data`` reach the caller.

        Args:
            data: One address, or a sequence of one.
            kwargs: None is known.
        """
        if isinstance(data, str | PathLike):
            return fspath(data)
        # Several files would have to be stacked: left to get_data, which refuses an address that is no file.
        return fspath(data[0]) if len(data) == 1 else ""

    def get_data(self, img: str) -> tuple[Pixels, dict[str, Any]]:
        """Returns pixels, float32 (row, column) in modality values, and the metadata.

        Raises:
            ScanRefused: With the reason why this reader can't use the file.
        """
        if not img:
            raise ScanRefused("unreadable", "one file at a time")
        values = self._source.read(img)
        return values.pixels, metadata_of(values)


def metadata_of(values: ImageValues) -> dict[str, Any]:
    """Returns what :class:`ScanReader` tells of an image beside its pixels."""
    affine = np.eye(4)
    for axis, spacing in enumerate(values.spacing_mm):
        affine[axis, axis] = spacing
    return {
        "affine": affine,
        "spatial_shape": np.asarray(values.pixels.shape),
        "original_channel_dim": "no_channel",
        "value_range": np.asarray(values.value_range or (np.nan, np.nan)),
    }
