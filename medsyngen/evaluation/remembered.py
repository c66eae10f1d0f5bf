"""Features that are computed once an image, however many figures need them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.features import Features
from medsyngen.scan import Pixels


class Remembered:
    """Looks the features of an image up, and computes those that are not there yet, all of them in one call.

    Holds the features of private images in memory; nothing is written.

    Args:
        features: What computes them: a fixed network, each row from its own image alone.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._rows: dict[bytes, NDArray[np.float64]] = {}

    def __call__(self, pixels: Pixels) -> NDArray[np.float64]:
        """Returns float64 (n, d)."""
        keys = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in pixels]
        new = {key: i for i, key in enumerate(keys) if key not in self._rows}
        if new:
            computed = self._features(pixels[list(new.values())])
            self._rows.update(zip(new, computed, strict=True))
        return np.stack([self._rows[key] for key in keys])
