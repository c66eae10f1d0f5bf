"""Label maps as a channel of an image: each label a fixed level in [-1, 1], and back to whole labels.

Label 0, the background, lies between label 1 and the others (1, 0, 2, 3, ... from -1 to 1): most labels border on it,
and a border that is not sharp passes through what lies between. With two labels they are 0 and 1.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

MOST_LABELS: Final = 16
"""Levels nearer to each other than 2 / 15 would drown in what noise leaves."""


@cache
def label_levels(values: int) -> NDArray[np.float32]:
    """Returns the level of each label, float32 (values,), in [-1, 1].

    Args:
        values: How many labels there are, 2 to :data:`MOST_LABELS`.
    """
    if not 2 <= values <= MOST_LABELS:
        raise ValueError(f"a label map has 2 to {MOST_LABELS} values, got {values}")
    order = [0, 1] if values == 2 else [1, 0, *range(2, values)]
    levels = np.empty(values, np.float32)
    levels[order] = np.linspace(-1, 1, values, dtype=np.float32)
    levels.setflags(write=False)
    return levels


def to_levels(labels: NDArray[Any], values: int) -> Pixels:
    """Returns the channel of a map of whole labels from 0 to ``values`` - 1, of any shape."""
    return label_levels(values)[labels.astype(np.intp)]


def to_labels(channel: Pixels, values: int) -> NDArray[np.uint8]:
    """Returns the label whose level is nearest, for each voxel; the inverse of :func:`to_levels`, and of all near it.

    Raises:
        ValueError: A voxel is not a finite number.
    """
    if not np.isfinite(channel).all():
        raise ValueError("a synthetic label map holds values that are not finite")
    order = np.argsort(label_levels(values))
    places = np.rint((np.clip(channel, -1, 1) + 1) * np.float32((values - 1) / 2)).astype(np.intp)
    labels: NDArray[np.uint8] = order[places].astype(np.uint8)
    return labels
