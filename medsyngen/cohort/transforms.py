"""From a scan as read to the image that a model sees: one public recipe, one scan at a time."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.grids import Grid, filled
from medsyngen.cohort.label_maps import LabelMaps
from medsyngen.cohort.slices import Slices
from medsyngen.errors import UsageError
from medsyngen.formats.label_codes import label_levels
from medsyngen.formats.values import ImageValues
from medsyngen.scan import Pixels, Size, square_side

Forming = Callable[..., Pixels]
"""(image, percentiles of the whole volume or None, levels of its label map if it has one) -> float32 in [-1, 1]."""
Window = Literal["bit-depth", "per-scan"] | tuple[float, float]


@dataclass(frozen=True)
class ScanForm:
    """What scans a recipe takes, and the form that it brings them to. Public; nothing here is fitted to scans.

    Args:
        modalities: DICOM codes to accept; ``SC`` also means the SOP class Secondary Capture.
        size: Rows and columns of the image, 8 to 1024; with ``spatial_dims: 3`` voxels to the right, front and head.
        window: The values that become -1 and 1 (everything beyond is clipped): ``bit-depth``, the range that the file's
            own bit depth can express; ``per-scan``, the scan's own 1st and 99th percentile, of a volume over all of
            its voxels (a function of one record); or two numbers in modality values, of a MONOCHROME1 image after it
            was turned round.
        slices: Takes volumes (NIfTI files, DICOM series of CT, MR and PT, multi-frame files) apart: every n-th slice
            of a plane. None takes single images only, slices of DICOM among them.
        spatial_dims: 2 makes pictures; 3 takes volumes whole, onto one grid of ``size`` voxels ``spacing_mm`` apart.
        spacing_mm: Size of a voxel along each axis, with ``spatial_dims: 3`` only; volumes of others are resampled,
            then cropped or filled up about their middle.
        label_maps: Where the label map of each volume lies: a second channel. None: there are none.
        max_skipped_share: More refused scans than this share end the run, in [0, 1).
        attributes: What is read of each scan beside its pixels. Never written under ``scans``: the recipe's
            ``conditions`` put it here.
    """

    modalities: tuple[str, ...] = ("CR", "DX", "SC")
    size: int | tuple[int, int, int] = 32
    window: Window = "bit-depth"
    slices: Slices | None = None
    spatial_dims: Literal[2, 3] = 2
    spacing_mm: tuple[float, float, float] | None = None
    label_maps: LabelMaps | None = None
    max_skipped_share: float = 0.05
    attributes: tuple[Attribute, ...] = field(default=(), metadata={"derived": True})

    def __post_init__(self) -> None:
        if not self.modalities or not all(code.isalnum() and code == code.upper() for code in self.modalities):
            raise UsageError("the recipe's `modalities` are not DICOM codes", do="give codes such as [CR, DX]")
        self._check_size()
        if not _is_window(self.window):
            raise UsageError(
                "the recipe's `window` is not understood",
                do="give `bit-depth`, `per-scan`, or two rising numbers such as [-1000, 400]",
            )
        if not 0.0 <= self.max_skipped_share < 1.0:
            raise UsageError(
                f"the recipe's `max_skipped_share` is {self.max_skipped_share}", do="give a share from 0 to below 1"
            )

    def _check_size(self) -> None:
        if self.spatial_dims == 3:
            if isinstance(self.size, int) or self.spacing_mm is None or self.slices is not None:
                raise UsageError(
                    "the recipe takes whole volumes (`spatial_dims: 3`), but does not say onto which grid",
                    do="give `size` as three numbers of voxels, `spacing_mm` as three lengths, and no `slices`",
                )
            _ = self.grid  # refuses what can't be one
            return
        if self.spacing_mm is not None or self.label_maps is not None:
            raise UsageError("`spacing_mm` and `label_maps` are for whole volumes", do="set `spatial_dims: 3`, too")
        if not isinstance(self.size, int) or not 8 <= self.size <= 1024:
            raise UsageError(f"the recipe's scan `size` is {self.size}", do="give a size from 8 to 1024")

    @property
    def grid(self) -> Grid | None:
        """The grid of whole volumes; None of pictures."""
        if isinstance(self.size, int) or self.spacing_mm is None:
            return None
        return Grid(self.size, self.spacing_mm, self.label_maps)

    @property
    def volumes(self) -> Slices | Grid | None:
        """What becomes of a volume: slices, the whole, or nothing."""
        return self.grid or self.slices

    @property
    def image_size(self) -> Size:
        """What images are like: channel 0 is the image, channel 1 its label map if there are any."""
        return self.size if isinstance(self.size, int) else (2 if self.label_maps else 1, *self.size)

    @property
    def side(self) -> int:
        """Side of the pictures.

        Raises:
            UsageError: The recipe makes volumes.
        """
        return square_side(self.size)


def _is_window(window: object) -> bool:
    if isinstance(window, tuple):
        numbers = [float(end) for end in window if isinstance(end, int | float)]
        return len(window) == len(numbers) == 2 and all(map(math.isfinite, numbers)) and numbers[0] < numbers[1]
    return window in ("bit-depth", "per-scan")


def preprocessing(form: ScanForm) -> Any:
    """Returns the ``monai.transforms.Compose`` that makes an image of a scan.

    Input: ``{"image": address}``, the path of a DICOM file or ``file.npz#12``. Output: ``{"image": tensor}``, float32
    in [-1, 1], shape (1, size, size), a plain tensor without metadata. Steps: load; add the channel; window to [-1, 1]
    and clip; scale so that the longer side has ``size`` pixels, keeping proportions (in mm, where pixels are not
    square), by linear interpolation with antialiasing; pad the shorter side on both ends with -1 (black). Each scan
    is treated alone: nothing is shared between scans.

    Args:
        form: Window and size.

    Raises:
        RuntimeError: From MONAI when an image can't be used; its cause is a :class:`ScanRefused`.
    """
    # MONAI takes seconds to import; commands that read no scans shouldn't wait for it.
    from monai.transforms import Compose, EnsureChannelFirstd

    from medsyngen.cohort.monai_transforms import FitSquared, Windowd

    return Compose(
        [
            _load(),
            EnsureChannelFirstd(keys="image"),
            Windowd(keys="image", window=form.window),
            FitSquared(keys="image", size=form.side),
        ]
    )


def forming(form: ScanForm) -> Forming:
    """Returns the same steps for an image that was read already.

    The function takes the image, the percentiles of the whole volume if it is one or a slice of one, and the levels of
    its label map if it has any; it returns float32 in [-1, 1], shape (1, size, size) or (channel, x, y, z), and raises
    :class:`ScanRefused` if the image can't be used. A volume is windowed, then filled up with -1 (black), its map with
    the background.
    """
    from monai.data import MetaTensor

    from medsyngen.cohort.monai_transforms import FitSquared, Windowd
    from medsyngen.formats.image_reader import metadata_of

    window = Windowd(keys="image", window=form.window)
    if form.grid is not None:
        return _volume_forming(form.grid, window)
    fit = FitSquared(keys="image", size=form.side)

    def formed(image: ImageValues, scan_ends: tuple[float, float] | None) -> Pixels:
        meta = metadata_of(image) | {"scan_ends": scan_ends}
        pixels: Pixels = fit(window({"image": MetaTensor(image.pixels[None], meta=meta)}))["image"].numpy()
        return pixels

    return formed


def _volume_forming(grid: Grid, window: Any) -> Forming:
    from monai.data import MetaTensor

    background = float(label_levels(grid.label_maps.values)[0]) if grid.label_maps else 0.0

    def formed(image: ImageValues, scan_ends: tuple[float, float] | None, levels: Pixels | None = None) -> Pixels:
        nothing = (float("nan"), float("nan"))
        meta = {"value_range": image.value_range or nothing, "scan_ends": scan_ends}
        values = window({"image": MetaTensor(image.pixels[None], meta=meta)})["image"].numpy()[0]
        channels = [filled(values, grid.size, -1.0)]
        if levels is not None:
            channels.append(filled(levels, grid.size, background))
        return np.stack(channels)

    return formed


def _load() -> Any:
    from monai.transforms import LoadImaged

    from medsyngen.formats.image_reader import ScanReader

    # LoadImage also builds every reader of its own, and one of them complains that a GPU decoder is absent.
    logger = logging.getLogger("monai.data.nvimgcodec_pydicom_plugin")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return LoadImaged(keys="image", reader=ScanReader(), image_only=True, expanduser=False)
    finally:
        logger.disabled = before
