"""One look at the pixels of a scan, for the preflight: can it be decoded, what is it like, a small picture of it.

Loads no torch: it runs in a process of its own that is ended when a file misbehaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medsyngen.cohort.pictures import Wanted, read_pictures
from medsyngen.scan import Pixels

SIDE: Final = 112
"""Rows and columns of a small picture."""
LIKENESS_SIDE: Final = 16


@dataclass(frozen=True, eq=False)
class Look:
    """What a look at one scan tells; private.

    Args:
        digest: The same for two scans if all of their pixels are equal.
        likeness: uint8, (32,): 256 bits, few of which differ between pictures that look nearly the same.
        small: uint8, (SIDE, SIDE); None if it was not asked for.
    """

    digest: bytes = field(repr=False)
    likeness: NDArray[np.uint8] = field(repr=False)
    small: NDArray[np.uint8] | None = field(default=None, repr=False)


def look_at(question: tuple[Wanted, bool]) -> Look:
    """Reads a scan; of a volume, its middle slice stands for it.

    Args:
        question: The scan, and whether a small picture is wanted.

    Raises:
        ScanRefused: With the reason why it can't be used.
    """
    wanted, small = question
    pictures = read_pictures(wanted)
    pixels = pictures.images[len(pictures.images) // 2].pixels
    if pixels.ndim == 3:
        pixels = pixels[::-1, ::-1, pixels.shape[2] // 2].T
    return Look(pictures.digest, likeness_of(pixels), small_picture(pixels) if small else None)


def likeness_of(pixels: Pixels) -> NDArray[np.uint8]:
    """Returns 256 bits: which of neighbouring patches is brighter, on a grid of 16 x 17 (difference hash).

    Window, contrast and size of the picture don't matter to it; noise and compression matter little.
    """
    grid = _resized(pixels, LIKENESS_SIDE + 1, LIKENESS_SIDE)
    spread = float(grid.max() - grid.min())
    return np.packbits(grid[:, 1:] > grid[:, :-1] + 1e-3 * spread)


def small_picture(pixels: Pixels) -> NDArray[np.uint8]:
    """Returns the picture between its own 1st and 99th percentile, as large as fits into a square, black around."""
    low, high = np.percentile(pixels, (1.0, 99.0))
    rows, columns = pixels.shape
    scale = SIDE / max(rows, columns)
    height, width = max(1, round(rows * scale)), max(1, round(columns * scale))
    grey = np.clip((_resized(pixels, width, height) - low) / max(float(high - low), 1e-9), 0, 1) * 255
    square = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square[top : top + height, left : left + width] = np.round(grey).astype(np.uint8)
    return square


def _resized(pixels: Pixels, columns: int, rows: int) -> Pixels:
    picture = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.asarray(picture.resize((columns, rows), Image.Resampling.BOX), dtype=np.float32)
