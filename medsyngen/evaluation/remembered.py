"""Features that are computed once an image, however many figures need them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.features import Features
from medsyngen.scan import Pixels

CHUNK = 512
"""Images handed on at a time, at most: so many are copied, whatever their number."""


class Remembered:
    """Looks the features of an image up, and computes those that are not there yet.

    Holds the features of private images in memory; nothing is written.

    Args:
        features: What computes them: a fixed network, each row from its own image alone.
        chunk: Images that it is given at a time, at most.
    """

    def __init__(self, features: Features, chunk: int = CHUNK) -> None:
        self._features, self._chunk = features, chunk
        self._rows: dict[bytes, NDArray[np.float64]] = {}

    def __call__(self, pixels: Pixels) -> NDArray[np.float64]:
        """Returns float64 (n, d)."""
        keys = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in pixels]
        new = list({key: i for i, key in enumerate(keys) if key not in self._rows}.values())
        for start in range(0, len(new), self._chunk):
            some = new[start : start + self._chunk]
            self._rows.update(zip((keys[i] for i in some), self._features(pixels[some]), strict=True))
        return np.stack([self._rows[key] for key in keys])
