"""Where scans and synthetic images meet: fixed, public features of an image, in which members are near or far.

The embedding decides what Private Evolution evolves towards. It is never fitted to private scans: a mean, a scale or a
principal axis taken over patients would let one patient move the votes of all others, and the noise is not made for it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from medsyngen.efficientnet import FEATURES, pooled_features
from medsyngen.errors import UsageError
from medsyngen.scan import Pixels
from medsyngen.synthesis.pixel_embedding import pixel_rows

Rows = NDArray[np.float32]

_TOGETHER = 4
"""Images in a pass of the network, always: a pass of another size rounds otherwise. Most patients have fewer."""


def lite0_rows(pixels: Pixels) -> Rows:
    """Returns EfficientNet-lite0's pooled features (:func:`medsyngen.efficientnet.pooled_features`), float32 (n, 1280).

    Every pass takes the same number of images, blank ones where images are short: in a pass of its own an image comes
    out otherwise in its last bits than in a pass of 32.

    Raises:
        UsageError: The extra ``metrics`` is not installed.
    """
    rows = np.empty((len(pixels), FEATURES), np.float32)
    for start in range(0, len(pixels), _TOGETHER):
        part = pixels[start : start + _TOGETHER]
        whole = np.zeros((_TOGETHER, *part.shape[1:]), np.float32)
        whole[: len(part)] = part
        rows[start : start + len(part)] = pooled_features("lite0", whole, batch=_TOGETHER)[: len(part)]
    return rows


EMBEDDINGS: dict[str, Callable[[Pixels], Rows]] = {"pixels": pixel_rows, "lite0": lite0_rows}
"""The embeddings by name."""


def embedded(name: str, pixels: Pixels) -> Rows:
    """Returns one row of features an image.

    Guarantee: a row depends on its image alone, bit for bit, whichever images are beside it and wherever it stands
    among them (for ``pixels`` by construction; for ``lite0`` as tested on the processor: its convolutions are the
    library's). A row is finite whatever the image: values that are no numbers count as 0, others are clipped to
    [-1, 1], so no record can stop a private step here.

    Args:
        name: ``pixels`` or ``lite0``.
        pixels: float32 in [-1, 1], (n, 1, side, side).

    Returns:
        float32 (n, width).

    Raises:
        UsageError: There is no such embedding, or its extra is not installed.
    """
    if name not in EMBEDDINGS:
        raise UsageError(f"no embedding named {name!r}", do=f"choose from: {', '.join(EMBEDDINGS)}")
    return EMBEDDINGS[name](np.clip(np.nan_to_num(pixels, nan=0.0), -1, 1).astype(np.float32, copy=False))
