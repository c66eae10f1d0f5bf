"""Ultrasound speckle: scatterers through a separable point-spread function, envelope, log compression, a sector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.parameters import Parameter, Parameters, ParameterSpace
from medsyngen.phantoms.textures.finish import WIDE
from medsyngen.phantoms.textures.power_law import power_law_field
from medsyngen.scan import Pixels

Columns = dict[str, NDArray[np.float32]]
F = NDArray[np.float32]

_SCATTER = "few scatterers a resolution cell: K distribution (Jakeman; Weng 1991), many: Rayleigh"
_PRACTICE = "ultrasound practice, wide prior"
_LESION = "anechoic cysts to bright masses, wide prior"

SPACE = ParameterSpace(
    (
        Parameter("scatterers", 0.1, 1.0, "1/pixel", _SCATTER, log=True),
        Parameter("psf_axial", 0.4, 1.2, "pixel", _PRACTICE),
        Parameter("psf_lateral", 0.6, 2.5, "pixel", "wider than axial: " + _PRACTICE),
        Parameter("tissue", 0.0, 6.0, "dB", "standard deviation of echogenicity, wide prior"),
        Parameter("tissue_exponent", 2.0, 4.0, "1", WIDE),
        Parameter("lesion", -25.0, 12.0, "dB", _LESION),
        Parameter("lesion_x", -0.7, 0.7, "half aperture", _LESION),
        Parameter("lesion_depth", 0.15, 0.85, "depth", _LESION),
        Parameter("lesion_radius", 0.05, 0.3, "depth", _LESION),
        Parameter("attenuation", -4.0, 15.0, "dB", "what time gain compensation leaves over the depth, wide prior"),
        Parameter("noise_floor", -45.0, -20.0, "dB", _PRACTICE),
        Parameter("dynamic_range", 40.0, 70.0, "dB", _PRACTICE),
        Parameter("level", 0.3, 0.75, "1", "gain: place of mean tissue in the range of greys, wide prior"),
        Parameter("opening", 0.05, 0.65, "rad", "half of the angle: linear to convex and sector probes"),
        Parameter("aperture", 0.3, 1.3, "side", _PRACTICE),
        Parameter("border", -1.0, -0.9, "grey", "outside of the sector"),
    )
)


def echoes(p: Columns, size: int, rng: np.random.Generator) -> F:
    """Returns the envelope of speckle in homogeneous tissue, of mean square 1, on (depth, direction).

    A pixel holds a scatterer with probability ``scatterers``, of Gaussian real and imaginary part (after demodulation
    the phase is random). With many of them in a resolution cell the envelope has the Rayleigh distribution, whose mean
    is 1.91 standard deviations.

    Args:
        p: Columns with scatterers, psf_axial and psf_lateral, (count, 1, 1).
        size: Side in pixels.
        rng: Public randomness.

    Returns:
        float32 (count, size, size).
    """
    from scipy.fft import fft2, ifft2

    shape = (len(p["scatterers"]), size, size)
    there = rng.random(shape, dtype=np.float32) < p["scatterers"]
    field = np.empty(shape, np.complex64)
    field.real = there * rng.standard_normal(shape, dtype=np.float32)
    field.imag = there * rng.standard_normal(shape, dtype=np.float32)
    f2 = (np.fft.fftfreq(size) ** 2).astype(np.float32)
    width = np.float32(-2 * np.pi**2)
    axial = np.exp(width * p["psf_axial"] ** 2 * f2[None, :, None])
    lateral = np.exp(width * p["psf_lateral"] ** 2 * f2[None, None, :])
    power = 2 * p["scatterers"] * (axial**2).mean(axis=1, keepdims=True) * (lateral**2).mean(axis=2, keepdims=True)
    envelope: F = np.abs(ifft2(fft2(field) * axial * lateral)) / np.sqrt(power)
    return envelope


def echogenicity(p: Columns, size: int, rng: np.random.Generator) -> F:
    """Returns how strongly tissue scatters, in dB on (depth, direction): texture, a lesion, less with depth."""
    t = (np.arange(size, dtype=np.float32) + 0.5) / size
    depth, across = t[None, :, None], (2 * t - 1)[None, None, :]
    tissue = p["tissue"] * power_law_field(p["tissue_exponent"], size, rng)
    distance = np.hypot((across - p["lesion_x"]) / 2, depth - p["lesion_depth"]) / p["lesion_radius"]
    lesion = np.clip((1 - distance) * 6 + 0.5, 0, 1)
    return np.asarray(tissue + p["lesion"] * lesion - p["attenuation"] * (depth - 0.5), np.float32)


def scan_convert(image: F, p: Columns) -> tuple[F, NDArray[np.bool_]]:
    """Bends (depth, direction) into the sector of a curved probe at the top; returns picture and field of view.

    Args:
        image: (count, size, size).
        p: Columns with opening (half of the angle, rad) and aperture (width of the probe in sides).
    """
    n, size, _ = image.shape
    t = (np.arange(size, dtype=np.float32) + 0.5) / size
    probe = p["aperture"] / (2 * np.sin(p["opening"]))  # radius of the probe's face, whose corners lie at the top
    x, y = (t - 0.5)[None, None, :], t[None, :, None] + probe * np.cos(p["opening"])
    depth = np.hypot(x, y) - probe
    across = np.arctan2(x, y) / p["opening"]
    seen = (depth >= 0) & (depth < 1) & (np.abs(across) < 1)
    row, column = (depth * size - 0.5).clip(0, size - 1.001), ((across + 1) / 2 * size - 0.5).clip(0, size - 1.001)
    i, j = row.astype(np.int64), column.astype(np.int64)
    a, b = row - i, column - j
    flat = image.reshape(-1)
    at = (np.arange(n)[:, None, None] * size + i) * size + j
    upper = flat[at] * (1 - b) + flat[at + 1] * b
    lower = flat[at + size] * (1 - b) + flat[at + size + 1] * b
    return (upper * (1 - a) + lower * a).astype(np.float32), seen


@dataclass(frozen=True)
class Speckle:
    """Pictures of an ultrasound scanner: speckled tissue with a cyst or a mass, in a rectangle or a sector."""

    name: str = "speckle"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws all images together; see :class:`PhantomSource`."""
        p = SPACE.columns(parameters)
        signal = echoes(p, size, rng) ** 2 * 10 ** (echogenicity(p, size, rng) / 10)
        noise = rng.random(signal.shape, dtype=np.float32)
        decibel = 10 * np.log10(
            signal - 10 ** (p["noise_floor"] / 10) * np.log1p(-noise)
        )  # power of noise: exponential
        picture, seen = scan_convert(decibel.astype(np.float32), p)
        grey = 2 * (p["level"] + picture / p["dynamic_range"]) - 1
        return np.where(seen, np.clip(grey, -1, 1), p["border"]).astype(np.float32)[:, None]
