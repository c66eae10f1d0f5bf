"""Two transforms of one scan in MONAI's form; they work in any ``monai.transforms.Compose``."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform
from torch.nn import functional

from medsyngen.cohort.pictures import PERCENTILES
from medsyngen.cohort.transforms import Window
from medsyngen.formats.refusal import ScanRefused

SPACING = "_spacing_mm"
"""Behind the key of an image: the distance of its rows and columns, from :class:`Windowd` to :class:`FitSquared`."""
SQUARE_WITHIN = 1e-3
"""Pixels whose sides differ by a smaller share are taken for square."""


class Windowd(MapTransform):  # type: ignore[misc]  # MONAI is not typed
    """Maps the window to [-1, 1] and clips: y = clip(2 (x - low) / (high - low) - 1, -1, 1).

    Takes MONAI's MetaTensor with the metadata ``value_range`` of :class:`medsyngen.formats.image_reader.ScanReader` and
    gives a plain float32 tensor: the metadata, which hold the path by now, end here.

    Args:
        keys: Keys of the images.
        window: As in :class:`medsyngen.cohort.transforms.ScanForm`.
    """

    def __init__(self, keys: Hashable | Sequence[Hashable], window: Window) -> None:
        super().__init__(keys)
        self.window = window

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Windows each image.

        Raises:
            ScanRefused: ``no-bit-depth``, ``non-finite`` or ``flat``.
        """
        out = dict(data)
        for key in self.key_iterator(out):
            image = out[key]
            values = np.asarray(image, dtype=np.float64)
            if not np.isfinite(values).all():
                raise ScanRefused("non-finite")
            low, high = self._ends(values, image)
            scaled = np.clip((values - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0)
            out[key] = torch.from_numpy(scaled.astype(np.float32))
            out[f"{key}{SPACING}"] = _spacing(image)
        return out

    def _ends(self, values: np.ndarray[Any, np.dtype[np.float64]], image: Any) -> tuple[float, float]:
        if isinstance(self.window, tuple):
            return self.window
        if self.window == "per-scan":
            ends = getattr(image, "meta", {}).get("scan_ends")  # of the whole volume that this is a slice of
            low, high = ends if ends is not None else np.percentile(values, PERCENTILES)
            if not high > low:
                raise ScanRefused("flat")
            return float(low), float(high)
        low, high = np.asarray(image.meta["value_range"], dtype=np.float64)
        if not high > low:  # also where they are not numbers
            raise ScanRefused("no-bit-depth")
        return float(low), float(high)


@lru_cache(maxsize=64)
def linear_weights(size: int, fitted: int) -> torch.Tensor:
    """Returns the matrix of linear interpolation with antialiasing: a triangle as wide as the scale when shrinking.

    Args:
        size: Pixels before.
        fitted: Pixels after.

    Returns:
        float64, shape (fitted, size); rows add up to 1.
    """
    scale = size / fitted
    centres = (torch.arange(fitted, dtype=torch.float64) + 0.5) * scale
    distances = (torch.arange(size, dtype=torch.float64) + 0.5 - centres[:, None]).abs()
    weights = (1.0 - distances / max(scale, 1.0)).clamp(min=0.0)
    return weights / weights.sum(dim=1, keepdim=True)


def _spacing(image: Any) -> tuple[float, float]:
    affine = np.asarray(getattr(image, "meta", {}).get("affine", np.eye(4)), dtype=np.float64)
    return float(affine[0, 0]), float(affine[1, 1])


class FitSquared(MapTransform):  # type: ignore[misc]  # MONAI is not typed
    """Fits images into a square: the longer side becomes ``size`` pixels, the shorter one is padded with -1.

    Linear interpolation, widened to the scale when shrinking (antialiasing); an image of the right size stays as it is.
    Where :class:`Windowd` told the spacing and pixels are not square, sides are compared in mm: nothing is stretched.

    Args:
        keys: Keys of the images, each float32 in [-1, 1] of shape (1, row, column).
        size: Rows and columns of the result.
    """

    def __init__(self, keys: Hashable | Sequence[Hashable], size: int) -> None:
        super().__init__(keys)
        self.size = size

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Fits each image."""
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = self._fit(out[key], out.pop(f"{key}{SPACING}", (1.0, 1.0)))
        return out

    def _fit(self, image: torch.Tensor, spacing: tuple[float, float]) -> torch.Tensor:
        rows, columns = image.shape[-2:]
        taller = spacing[0] / spacing[1]
        if abs(taller - 1.0) < SQUARE_WITHIN:
            taller = 1.0
        scale = self.size / max(rows * taller, columns)
        fitted = (max(1, round(rows * taller * scale)), max(1, round(columns * scale)))
        if fitted != (rows, columns):
            # Not torch's own antialiased interpolation: it is wrong where a side of the result is one pixel.
            weights = linear_weights(rows, fitted[0]), linear_weights(columns, fitted[1])
            image = (weights[0] @ image.double() @ weights[1].T).clamp(-1, 1).float()
        above, left = (self.size - fitted[0]) // 2, (self.size - fitted[1]) // 2
        edges = (left, self.size - fitted[1] - left, above, self.size - fitted[0] - above)
        return functional.pad(image, edges, value=-1.0) if any(edges) else image
