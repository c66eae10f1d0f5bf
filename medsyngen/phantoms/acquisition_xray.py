"""What a radiographic device does to a picture: tilt, noise of the photons, film-like tone, shutters."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.acquisition import SCATTER_WIDTH
from medsyngen.scan import Pixels

Column = NDArray[np.float32]
"""One value an image, (count, 1, 1)."""

F = NDArray[Any]


def tilt(image: Pixels, slope: Column) -> Pixels:
    """Shifts each column down by ``slope`` times its distance from the middle: the vertical half of a small rotation.

    Args:
        image: (count, size, size).
        slope: Pixels down a pixel to the right; small.

    Returns:
        float32, same shape; beyond an edge the edge's value goes on.
    """
    count, size, _ = image.shape
    t = np.arange(size, dtype=np.float32)
    shift = slope * (t - (size - 1) / 2)  # (count, 1, size)
    y = np.clip(t[None, :, None] - shift, 0, size - 1.001)
    row = y.astype(np.intp)
    part = y - row.astype(np.float32)
    index = (np.arange(count)[:, None, None] * size + row) * size + np.arange(size)
    flat = image.ravel()
    upper = flat.take(index)
    index += size
    return np.asarray(upper + part * (flat.take(index) - upper), np.float32)


def detect(image: Pixels, psf: Column, scatter: Column) -> Pixels:
    """Blurs over neighbouring pixels, and replaces a share of the signal by scatter, which is spread widely.

    Args:
        image: (count, size, size); beyond its edges the edge's values go on.
        psf: Standard deviation of the point-spread function in pixels, at most about 0.6: three taps hold it.
        scatter: Share of scatter, 0 to 1.
    """
    wing = np.exp(np.float32(-0.5) / psf**2)
    wing /= 1 + 2 * wing
    sharp = _three_taps(_three_taps(image, wing).swapaxes(1, 2), wing).swapaxes(1, 2)
    spread = _wide(image.shape[-1])
    return np.asarray(sharp + scatter * (spread @ image @ spread.T - sharp), np.float32)


def _three_taps(image: F, wing: Column) -> F:
    """Returns the rows' running mean with weights (wing, 1 - 2 wing, wing) along the last axis."""
    out = np.asarray((1 - 2 * wing) * image)
    out[:, :, 1:] += wing * image[:, :, :-1]
    out[:, :, :-1] += wing * image[:, :, 1:]
    out[:, :, :1] += wing * image[:, :, :1]
    out[:, :, -1:] += wing * image[:, :, -1:]
    return out


@cache
def _wide(size: int) -> F:
    """Returns the matrix of a Gaussian blur along one axis; each row sums to 1."""
    t = np.arange(size) / size
    kernel = np.exp(-0.5 * ((t[:, None] - t[None, :]) / SCATTER_WIDTH) ** 2)
    matrix: F = (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
    matrix.setflags(write=False)
    return matrix


def photon_noise(image: Pixels, strength: Column, white: Pixels) -> Pixels:
    """Adds noise as after the logarithm of photon counts: more where little arrives.

    Args:
        image: Attenuation, about 0 to 2.
        strength: Standard deviation at attenuation 0.
        white: Standard normal, same shape as ``image``.
    """
    return np.asarray(image + strength * np.exp(np.float32(0.5) * image) * white, np.float32)


def film(image: Pixels, level: Column, contrast: Column, black: Column, white: Column) -> Pixels:
    """Maps attenuation to grey by the sigmoid (Hurter and Driffield) curve between the film's black and white.

    Args:
        image: Attenuation.
        level: Attenuation of middle grey.
        contrast: Slope there.
        black: Grey of no attenuation at all.
        white: Grey of endless attenuation.

    Returns:
        Grey in [-1, 1].
    """
    middle, half = np.float32(0.5) * (white + black), np.float32(0.5) * (white - black)
    return np.asarray(np.clip(middle + half * np.tanh(contrast * (image - level)), -1, 1), np.float32)


def shutters(image: Pixels, edges: tuple[Column, Column, Column, Column], slope: Column, grey: Column) -> Pixels:
    """Covers what lies outside the collimator, its edges soft over about a pixel.

    Args:
        image: (count, size, size).
        edges: Parts of the side cut off at left, right, top, bottom; below 0 cuts nothing.
        slope: Tilt of the shutters against the picture.
        grey: Of the border.
    """
    size = image.shape[-1]
    t = ((np.arange(size, dtype=np.float32) + 0.5) / size)[None, None, :]
    left, right, top, bottom = edges
    x = t - slope * (t.swapaxes(1, 2) - 0.5)
    y = t.swapaxes(1, 2) + slope * (t - 0.5)
    inside = np.minimum(np.minimum(x - left, 1 - right - x), np.minimum(y - top, 1 - bottom - y))
    # A shutter that cuts nothing must not dim the picture's own edge either.
    share = np.clip(size * inside + 0.5, 0, 1)
    return np.asarray(grey + share * (image - grey), np.float32)
