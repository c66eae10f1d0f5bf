"""How alike the images of one class are to each other: MS-SSIM over pairs (Wang, Simoncelli, Bovik 2003).

Used as by Odena et al. 2017 (arXiv 1610.09585): the mean over random pairs of one class. High means that they look
alike; a generator that draws one picture again and again gets 1. It is read beside the figure of the real images.

SSIM needs its whole window of 11 pixels at every scale, each of which halves the image, so that small images have fewer
scales than the published five: 2 at 28 and 32 pixels, 3 at 64, 4 at 128, 5 from 176. The weights are the first ones of
the published, scaled to add up to 1. Figures of different sizes can't be compared.
"""

from __future__ import annotations

import numpy as np

from medsyngen.evaluation.labelled import LabelledImages

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_MOST_PIXELS = 1 << 22
"""Of the first images of the pairs that are compared at a time: it bounds memory."""
SMALLEST_SIDE = _WINDOW = 11
"""Smaller images have no SSIM: its window must fit."""


def scales(size: int) -> int:
    """Returns how many scales images of this size have.

    Args:
        size: The shorter side in pixels.

    Raises:
        ValueError: If the window doesn't fit.
    """
    # MONAI also asks for (window - 1) (scales - 1)² < size.
    fits = [m for m in range(1, 6) if size >> (m - 1) >= _WINDOW and size // max(1, m - 1) ** 2 >= _WINDOW]
    if not fits:
        raise ValueError(f"MS-SSIM needs {_WINDOW} pixels a side, got {size}")
    return max(fits)


def ms_ssim_within_classes(images: LabelledImages, *, rng: np.random.Generator, pairs: int = 1000) -> float:
    """Returns the mean MS-SSIM over random pairs of different patients within a class, each class counting alike.

    Args:
        images: At least 11 pixels a side; two patients in each class that there is.
        rng: Public randomness.
        pairs: Pairs a class.

    Returns:
        In [0, 1]; the smaller, the more diverse.

    Raises:
        ValueError: The images are too small, or a class has one patient only.
    """
    import torch
    from monai.metrics.regression import compute_ms_ssim

    weights = np.array(_WEIGHTS[: scales(min(images.pixels.shape[2:]))])
    means = []
    for c in np.unique(images.classes):
        one, other = _pairs(images.patients[images.classes == c], pairs, rng)
        pixels = torch.from_numpy(images.pixels[images.classes == c])
        some = max(1, _MOST_PIXELS // pixels[0].numel())
        total = 0.0
        for start in range(0, pairs, some):
            part = slice(start, start + some)
            values = compute_ms_ssim(
                pixels[one[part]],
                pixels[other[part]],
                spatial_dims=2,
                data_range=2.0,
                weights=(weights / weights.sum()).tolist(),
            )
            total += float(values.double().sum())
        means.append(total / pairs)
    return float(np.mean(means))


def _pairs(patients: np.ndarray, pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if len(np.unique(patients)) < 2:
        raise ValueError("pairs of different patients are needed, but a class has one patient")
    one, other = np.empty(0, np.int64), np.empty(0, np.int64)
    while len(one) < pairs:
        a, b = rng.integers(len(patients), size=(2, pairs))
        apart = patients[a] != patients[b]
        one, other = np.concatenate([one, a[apart]]), np.concatenate([other, b[apart]])
    return one[:pairs], other[:pairs]
