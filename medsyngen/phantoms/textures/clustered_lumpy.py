"""Clustered lumpy background: clusters of oriented blobs (Bochud, Abbey and Eckstein, Optics Express 4:33, 1999)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.parameters import Parameter, Parameters, ParameterSpace
from medsyngen.phantoms.textures.counts import poisson
from medsyngen.phantoms.textures.finish import finished_in_parts, standardised, tone
from medsyngen.scan import Pixels

Columns = dict[str, NDArray[np.float32]]

MODEL_SIDE = 128
"""Side of the published pictures: lengths are given in their pixels, whatever the size that is drawn."""
ANGLES = 8
"""Directions of blobs, evenly spaced over half a turn."""
BATCH = 8
"""Images drawn together: their impulses and spectra stay in the processor's cache."""

_BOCHUD = "Bochud, Abbey, Eckstein 1999: {} for mammograms; wide around it"

SPACE = ParameterSpace(
    (
        Parameter("clusters", 15, 150, "1", _BOCHUD.format("150 a picture"), log=True),
        Parameter("blobs", 6, 24, "1", _BOCHUD.format("20 a cluster")),
        Parameter("length", 3.5, 7.0, "1/128 side", _BOCHUD.format("L_x = 5")),
        Parameter("thickness", 0.25, 0.9, "1", _BOCHUD.format("L_y / L_x = 2 / 5")),
        Parameter("decay", 1.6, 2.8, "1", _BOCHUD.format("alpha = 2.1")),
        Parameter("decay_exponent", 0.4, 0.8, "1", _BOCHUD.format("beta = 0.5")),
        Parameter("spread", 6, 20, "1/128 side", _BOCHUD.format("sigma = 12")),
        *tone((0.08, 0.35)),
    )
)

CLUSTERS_AT_MOST = 330
BLOBS_AT_MOST = 50


def blob(p: Columns, grid: int, pixel: float) -> NDArray[np.float32]:
    """Returns b(r) = exp(-alpha |r|^beta / L), L the radius of an ellipse in the direction of r.

    Args:
        p: Columns with length, thickness, decay and decay_exponent, (count, 1, 1).
        grid: Side of the grid.
        pixel: Side of a pixel in units of the model.

    Returns:
        Kernels centred on pixel (0, 0), wrapped around, (count, ANGLES, grid, grid).
    """
    d = (np.fft.fftfreq(grid) * grid * pixel).astype(np.float32)
    x, y = d[None, :], d[:, None]
    angle = (np.arange(ANGLES, dtype=np.float32) * np.float32(np.pi / ANGLES))[:, None, None]
    r2 = x * x + y * y
    r2[0, 0] = 1
    along2 = (x * np.cos(angle) + y * np.sin(angle)) ** 2 / r2  # squared cosine of the angle to the long axis
    r2[0, 0] = (0.38 * pixel) ** 2  # a pixel's own: the mean distance of its points from its centre, halfway between
    along2[:, 0, 0] = 0.5  # the axes
    thin2 = (p["thickness"] ** 2)[:, None]
    inverse_radius = np.sqrt(along2 + (1 - along2) / thin2) / p["length"][:, None]
    reach = p["decay"] * np.exp(p["decay_exponent"] / 2 * np.log(r2))
    b: NDArray[np.float32] = np.exp(-reach[:, None] * inverse_radius)
    return b


def impulses(p: Columns, size: int, margin: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Returns how many blobs of which direction are centred in each pixel, (count, ANGLES, grid, grid)."""
    n, grid = len(p["mean"]), size + 2 * margin
    shape = (n, CLUSTERS_AT_MOST)
    area = (grid / size) ** 2
    clusters = poisson(p["clusters"].ravel() * area, rng.random((n,), dtype=np.float32), CLUSTERS_AT_MOST)
    blobs = poisson(p["blobs"].ravel(), rng.random(shape, dtype=np.float32), BLOBS_AT_MOST)
    blobs *= np.arange(CLUSTERS_AT_MOST) < clusters[:, None]
    angle = (rng.random(shape, dtype=np.float32) * ANGLES).astype(np.int64)
    there = np.arange(BLOBS_AT_MOST) < blobs[..., None]
    picture, cluster, _ = np.nonzero(there)
    place = []
    for _ in "yx":
        centre = rng.random(shape, dtype=np.float32) * grid
        offset = rng.standard_normal((*shape, BLOBS_AT_MOST), dtype=np.float32)[there]
        spread = (p["spread"].ravel() * (size / MODEL_SIDE))[picture]
        place.append(np.floor(centre[picture, cluster] + spread * offset).astype(np.int64) % grid)
    index = ((picture * ANGLES + angle[picture, cluster]) * grid + place[0]) * grid + place[1]
    counted = np.bincount(index, minlength=n * ANGLES * grid * grid)
    by_place: NDArray[np.float32] = counted.reshape(n, ANGLES, grid, grid).astype(np.float32)
    return by_place


def lumpy_field(p: Columns, size: int, rng: np.random.Generator) -> Pixels:
    """Returns the sum of all blobs, mean zero and variance one each, float32 (count, size, size)."""
    from scipy.fft import irfft2, rfft2  # three times as fast as NumPy's on float32

    margin = size // 8
    grid = size + 2 * margin
    spectrum = rfft2(impulses(p, size, margin, rng)) * rfft2(blob(p, grid, MODEL_SIDE / size))
    field = irfft2(spectrum.sum(axis=1), s=(grid, grid))
    inside = slice(margin, margin + size)
    return standardised(field[:, inside, inside].astype(np.float32))


@dataclass(frozen=True)
class ClusteredLumpy:
    """A Poisson number of clusters, a Poisson number of blobs in each, all blobs of a cluster with one direction.

    The model up to three approximations, for speed: blobs sit on pixel centres and have one of :data:`ANGLES`
    directions, so that impulses convolved with that many kernels give their sum; the plane is a torus a quarter wider
    than the picture. Brightness and contrast are parameters, not the number of blobs.
    """

    name: str = "clustered_lumpy"
    version: int = 1

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        return SPACE

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws the images a few at a time; see :class:`PhantomSource`."""
        return finished_in_parts(lumpy_field, SPACE.columns(parameters), size, rng, BATCH)
