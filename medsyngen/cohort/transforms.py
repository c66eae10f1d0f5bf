"""From a scan as read to the image that a model sees: one public recipe, one scan at a time."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.slices import Slices
from medsyngen.errors import UsageError
from medsyngen.formats.values import ImageValues
from medsyngen.scan import Pixels

Forming = Callable[[ImageValues, tuple[float, float] | None], Pixels]
Window = Literal["bit-depth", "per-scan"] | tuple[float, float]


@dataclass(frozen=True)
class ScanForm:
    """What scans a recipe takes, and the form that it brings them to. Public; nothing here is fitted to scans.

    Args:
        modalities: DICOM codes to accept; ``SC`` also means the SOP class Secondary Capture.
        size: Rows and columns of the image, 8 to 1024.
        window: The values that become -1 and 1 (everything beyond is clipped): ``bit-depth``, the range that the file's
            own bit depth can express; ``per-scan``, the scan's own 1st and 99th percentile, of a volume over all of
            its voxels (a function of one record); or two numbers in modality values, of a MONOCHROME1 image after it
            was turned round.
        slices: Takes volumes (NIfTI files, DICOM series of CT, MR and PT, multi-frame files) apart: every n-th slice
            of a plane. None takes single images only, slices of DICOM among them.
        max_skipped_share: More refused scans than this share end the run, in [0, 1).
        attributes: What is read of each scan beside its pixels. Never written under ``scans``: the recipe's
            ``conditions`` put it here.
    """

    modalities: tuple[str, ...] = ("CR", "DX", "SC")
    size: int = 32
    window: Window = "bit-depth"
    slices: Slices | None = None
    max_skipped_share: float = 0.05
    attributes: tuple[Attribute, ...] = field(default=(), metadata={"derived": True})

    def __post_init__(self) -> None:
        if not self.modalities or not all(code.isalnum() and code == code.upper() for code in self.modalities):
            raise UsageError("the recipe's `modalities` are not DICOM codes", do="give codes such as [CR, DX]")
        if not 8 <= self.size <= 1024:
            raise UsageError(f"the recipe's scan `size` is {self.size}", do="give a size from 8 to 1024")
        if not _is_window(self.window):
            raise UsageError(
                "the recipe's `window` is not understood",
                do="give `bit-depth`, `per-scan`, or two rising numbers such as [-1000, 400]",
            )
        if not 0.0 <= self.max_skipped_share < 1.0:
            raise UsageError(
                f"the recipe's `max_skipped_share` is {self.max_skipped_share}", do="give a share from 0 to below 1"
            )


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
            FitSquared(keys="image", size=form.size),
        ]
    )


def forming(form: ScanForm) -> Forming:
    """Returns the same steps for an image that was read already.

    The function takes the image, and the percentiles of the whole volume if it is a slice of one; it returns float32 in
    [-1, 1], shape (1, size, size), and raises :class:`ScanRefused` if the image can't be used.
    """
    from monai.data import MetaTensor

    from medsyngen.cohort.monai_transforms import FitSquared, Windowd
    from medsyngen.formats.image_reader import metadata_of

    window, fit = Windowd(keys="image", window=form.window), FitSquared(keys="image", size=form.size)

    def formed(image: ImageValues, scan_ends: tuple[float, float] | None) -> Pixels:
        meta = metadata_of(image) | {"scan_ends": scan_ends}
        pixels: Pixels = fit(window({"image": MetaTensor(image.pixels[None], meta=meta)}))["image"].numpy()
        return pixels

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
