"""What every texture ends with: its grey and contrast, the device's blur and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.acquisition import blur_and_scatter
from medsyngen.phantoms.parameters import Parameter
from medsyngen.scan import Pixels

WIDE = "wide prior, chosen in public"


def tone(contrast: tuple[float, float]) -> tuple[Parameter, ...]:
    """Returns the parameters that :func:`finish` reads.

    Args:
        contrast: Range of the contrast: grey per unit of the field.
    """
    return (
        Parameter("mean", -0.6, 0.4, "grey", WIDE),
        Parameter("contrast", *contrast, "grey", WIDE),
        Parameter("psf", 0.2, 0.8, "pixel", WIDE),
        Parameter("noise", 0.002, 0.04, "grey", WIDE, log=True),
    )


def standardised(field: Pixels) -> Pixels:
    """Returns the fields with mean zero and variance one each, (count, size, size)."""
    centred = field - field.mean(axis=(1, 2), keepdims=True)
    out: Pixels = centred / (centred.std(axis=(1, 2), keepdims=True) + np.float32(1e-9))
    return out


def finish(field: Pixels, p: dict[str, NDArray[np.float32]], rng: np.random.Generator) -> Pixels:
    """Maps fields to grey, blurs them, adds white noise and clips.

    Args:
        field: About 1 in size, (count, size, size).
        p: Columns of the parameters, those of :func:`tone` among them.
        rng: Public randomness.

    Returns:
        float32 in [-1, 1], (count, 1, size, size).
    """
    image = blur_and_scatter(p["mean"] + p["contrast"] * field, p["psf"], np.zeros_like(p["psf"]))
    image += p["noise"] * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image, -1, 1)[:, None]
