"""Power-law noise as a picture of its own: the anatomical background of projection radiographs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.parameters import Parameter, Parameters, ParameterSpace
from medsyngen.phantoms.textures.finish import WIDE, finish, standardised, tone
from medsyngen.scan import Pixels

_BETA = "1.75 breast CT (Chen 2012) to 3.5 mammography (Burgess 2003), half a unit wider on either side"

SPACE = ParameterSpace(
    (
        Parameter("exponent", 1.25, 4.0, "1", _BETA),
        Parameter("elongation", 1.0, 2.5, "1", "ellipsoidal spectra of mammograms, oriented to the nipple; wide"),
        Parameter("direction", 0.0, np.pi, "rad", WIDE),
        *tone((0.08, 0.4)),
    )
)


def oriented_field(
    exponent: NDArray[np.float32],
    elongation: NDArray[np.float32],
    direction: NDArray[np.float32],
    size: int,
    rng: np.random.Generator,
) -> Pixels:
    """Returns Gaussian fields with power spectrum P(f) = K / |f|_e^beta, cut from larger ones.

    |f|_e is constant on ellipses, so that structures are ``elongation`` times longer along ``direction`` than across.
    A field made by a discrete Fourier transform goes on at the left where it ends at the right; a cut of two thirds of
    one does not, and has structures longer than itself, as a picture of a part of a breast has.

    Args:
        exponent: beta, (count, 1, 1).
        elongation: 1 for a spectrum without direction, (count, 1, 1).
        direction: Of long structures, from the axis of columns towards that of rows, (count, 1, 1).
        size: Side in pixels.
        rng: Public randomness.

    Returns:
        float32 (count, size, size), mean zero and variance one each.
    """
    from scipy.fft import irfft2, rfft2

    grid = size + size // 2
    fy = np.fft.fftfreq(grid).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(grid).astype(np.float32)[None, :]
    cos, sin = np.cos(direction), np.sin(direction)
    f2 = elongation * (fx * cos + fy * sin) ** 2 + (fy * cos - fx * sin) ** 2 / elongation
    f2[:, 0, 0] = 1  # finite; the constant goes with the mean
    white = rng.standard_normal((len(exponent), grid, grid), dtype=np.float32)
    spectrum = rfft2(white) * np.exp(-exponent / 4 * np.log(f2))
    field = irfft2(spectrum, s=(grid, grid))[:, :size, :size]
    return standardised(field.astype(np.float32))


@dataclass(frozen=True)
class PowerLaw:
    """Clouds whose power falls with frequency as f^-beta, with or without a direction."""

    name: str = "power_law"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws all images together; see :class:`PhantomSource`."""
        p = SPACE.columns(parameters)
        return finish(oriented_field(p["exponent"], p["elongation"], p["direction"], size, rng), p, rng)
