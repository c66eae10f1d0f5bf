"""Whether an evaluation fits into memory: all its images are there at once, so it says no before it runs out."""

from __future__ import annotations

import os

from medsyngen.errors import InputUnusable

COPIES = 4
"""Times that the pixels of all images are in memory at the worst moment: as read, by part, by group and by half.

Measured at 320 pixels a side: 3.9 times, beside the cohort itself, whose pixels are on disk."""
BYTES_BESIDE = 48 * 1024
"""For each image beside its pixels: 1280 features of each network and 1024 averaged pixels, in float64, with a copy."""
LEAST = 1 << 30
"""Bytes that are always there: what classifiers, kernels of 2,000 images and resamples need beside."""
_GIB = float(1 << 30)


def bytes_needed(images: int, size: int) -> int:
    """Returns what an evaluation of so many images needs at most, real and synthetic together.

    Args:
        images: How many.
        size: Pixels a side.
    """
    return LEAST + images * (COPIES * 4 * size * size + BYTES_BESIDE)


def most_images(size: int, free: int) -> int:
    """Returns how many images fit, real and synthetic together.

    Args:
        size: Pixels a side.
        free: Bytes.
    """
    return max(0, free - LEAST) // (bytes_needed(1, size) - LEAST)


def check_memory(images: int, size: int, *, free: int | None = None) -> None:
    """Refuses what does not fit.

    Args:
        images: How many there are, real and synthetic together.
        size: Pixels a side.
        free: Bytes; None asks the system.

    Raises:
        InputUnusable: It does not fit.
    """
    there = free_memory() if free is None else free
    if there is None or bytes_needed(images, size) <= there:
        return
    raise InputUnusable(
        f"an evaluation of {images} images of {size} x {size} pixels needs about "
        f"{bytes_needed(images, size) / _GIB:.1f} GiB of memory, and {there / _GIB:.1f} GiB are free: about "
        f"{most_images(size, there)} images would fit",
        do="use a machine with more memory, draw fewer images (--count), or give fewer hold-out patients; all patients "
        "who were learned from belong in --scans, or copies of those left out go unseen",
    )


def free_memory() -> int | None:
    """Returns the bytes that can be had without swapping; None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            told = dict(line.split(":", 1) for line in lines)
        return int(told["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):  # not every system has the function, or the name
        return None
