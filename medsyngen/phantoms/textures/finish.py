"""What every texture ends with: its grey and contrast, the device's blur and noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.acquisition import blur_and_scatter
from medsyngen.phantoms.parameters import Parameter
from medsyngen.scan import Pixels

FieldOf = Callable[[dict[str, NDArray[np.float32]], int, np.random.Generator], Pixels]
"""(columns, size, generator) -> (count, size, size)."""

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


def finished_in_parts(
    field_of: FieldOf, p: dict[str, NDArray[np.float32]], size: int, rng: np.random.Generator, batch: int
) -> Pixels:
    """Draws fields and finishes them, a few images at a time, so that what a batch needs stays small.

    Args:
        field_of: Draws the fields of some images, about 1 in size.
        p: Columns of the parameters of all images.
        size: Side in pixels.
        rng: Public randomness.
        batch: Images at a time.

    Returns:
        float32 in [-1, 1], (count, 1, size, size).
    """
    images = np.empty((len(p["mean"]), 1, size, size), np.float32)
    for start in range(0, len(images), batch):
        part = {name: column[start : start + batch] for name, column in p.items()}
        images[start : start + batch] = finish(field_of(part, size, rng), part, rng)
    return images
