"""Public measures of a picture: its tone, where it is bright, and where it has how much detail, at several scales.

Each number is a fixed function of one picture; none was fitted to scans.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from medsyngen.scan import Pixels

CELLS = 3
"""Cells a side in which detail is measured."""
LAYOUT = 7
"""Cells a side in which brightness is measured."""
TONES = 10
"""Bins of the histogram of grey."""
SCALES = 3
"""Each scale halves the picture."""
FLOOR = 0.01
"""Of a mean gradient, under the logarithm: a grey level or so."""


def detail(pixels: Pixels) -> NDArray[np.float64]:
    """Returns logarithms of the mean gradient in x and y, of the mean second difference, and of the spread.

    Args:
        pixels: float32 in [-1, 1], (count, 1, side, side); side at least 16.

    Returns:
        float64 (count, SCALES (3 CELLS^2 + 1)).
    """
    picture, found = torch.from_numpy(np.ascontiguousarray(pixels)).double(), []
    for _ in range(SCALES):
        smooth = functional.avg_pool2d(functional.pad(picture, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        for change in (picture.diff(dim=3), picture.diff(dim=2), picture - smooth):
            found.append(_log(functional.adaptive_avg_pool2d(change.abs(), CELLS)))
        found.append(_log(picture.std((2, 3))))
        picture = functional.avg_pool2d(picture, 2)
    return np.asarray(torch.cat(found, dim=1).numpy())


def _log(energy: Tensor) -> Tensor:
    return torch.log(energy + FLOOR).flatten(1)


def tone(pixels: Pixels) -> NDArray[np.float64]:
    """Returns the histogram of grey, each pixel shared between the two bins beside it, float64 (count, TONES)."""
    place = (pixels.reshape(len(pixels), -1).astype(np.float64) + 1) / 2 * (TONES - 1)
    return np.stack([np.clip(1 - np.abs(place - bin_), 0, 1).mean(axis=1) for bin_ in range(TONES)], axis=1)


def layout(pixels: Pixels) -> NDArray[np.float64]:
    """Returns the mean grey of each of LAYOUT x LAYOUT cells, float64 (count, LAYOUT^2)."""
    picture = torch.from_numpy(np.ascontiguousarray(pixels)).double()
    return np.asarray(functional.adaptive_avg_pool2d(picture, LAYOUT).flatten(1).numpy())
