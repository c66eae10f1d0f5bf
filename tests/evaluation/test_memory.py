"""Whether an evaluation fits into memory is known before images are copied; features come a few at a time."""

from __future__ import annotations

import numpy as np
import pytest

from medsyngen.errors import InputUnusable
from medsyngen.evaluation.memory import LEAST, bytes_needed, check_memory, free_memory, most_images
from medsyngen.evaluation.remembered import Remembered


def test_what_fits_passes_and_what_does_not_says_how_much_would():
    free = bytes_needed(5000, 64)
    check_memory(5000, 64, free=free)
    with pytest.raises(InputUnusable, match="about 5000 images would fit") as refused:
        check_memory(5001, 64, free=free)
    assert "more memory" in refused.value.do
    assert most_images(64, free) == 5000
    assert most_images(64, 0) == 0
    assert bytes_needed(100, 512) > LEAST + 100 * 4 * 512 * 512


def test_the_system_is_asked(monkeypatch):
    there = free_memory()
    assert there is None or 1 << 20 < there < 1 << 50
    monkeypatch.setattr("medsyngen.evaluation.memory.free_memory", lambda: None)
    check_memory(10**12, 1024)  # where the system does not say, nothing is refused


def test_features_are_computed_some_images_at_a_time():
    seen = []

    def features(pixels):
        seen.append(len(pixels))
        return pixels.reshape(len(pixels), -1).astype(np.float64)

    remembered = Remembered(features, chunk=4)
    pixels = np.arange(10, dtype=np.float32).reshape(10, 1, 1, 1)
    np.testing.assert_array_equal(remembered(pixels), pixels.reshape(10, 1))
    assert seen == [4, 4, 2]
    np.testing.assert_array_equal(remembered(pixels[::-1]), pixels[::-1].reshape(10, 1))
    assert seen == [4, 4, 2]
