"""From pixels in [-1, 1] to the whole numbers of a file; the range is the recipe's, never a picture's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

NIFTI_BITS = 15
"""Most bits that fit into a signed 16-bit number."""


def _unit(pixels: Pixels) -> NDArray[np.float64]:
    if not np.isfinite(pixels).all():
        raise ValueError("a synthetic picture holds values that are not finite")
    unit: NDArray[np.float64] = (np.clip(pixels.astype(np.float64), -1.0, 1.0) + 1.0) / 2.0
    return unit


def quantise(pixels: Pixels, bits: int) -> NDArray[np.uint16]:
    """Returns grey levels 0 to 2^bits - 1 of pixels in [-1, 1]; values outside are clipped.

    The range is that of the recipe, never the picture's own minimum and maximum.

    Args:
        pixels: float32, any shape.
        bits: 8 to 16.

    Raises:
        ValueError: A pixel is not a finite number.
    """
    levels: NDArray[np.uint16] = np.rint(_unit(pixels) * (2**bits - 1)).astype(np.uint16)
    return levels


def above_lowest(pixels: Pixels, window: tuple[int, int]) -> NDArray[np.uint16]:
    """Returns how many whole units (Hounsfield, of CT) each pixel lies above the lower end of the recipe's window.

    Args:
        pixels: float32 in [-1, 1] (clipped), any shape.
        window: What -1 and 1 mean; at most 65,535 apart.

    Raises:
        ValueError: A pixel is not a finite number.
    """
    low, high = window
    units: NDArray[np.uint16] = np.rint(_unit(pixels) * (high - low)).astype(np.uint16)
    return units


def signed_levels(pixels: Pixels, bits: int, window: tuple[int, int] | None) -> NDArray[np.int16]:
    """Returns what a NIfTI file holds: units of the window if there is one, else levels of at most 15 bits.

    Args:
        pixels: float32 in [-1, 1] (clipped), any shape.
        bits: 8 to 16; 16 become 15.
        window: See :func:`above_lowest`; both ends fit into a signed 16-bit number.
    """
    if window is None:
        return quantise(pixels, min(bits, NIFTI_BITS)).astype(np.int16)
    return (above_lowest(pixels, window).astype(np.int32) + window[0]).astype(np.int16)
