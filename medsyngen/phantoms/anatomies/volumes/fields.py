"""What volumes are made of: coordinates, smooth random fields, soft edges, and what an MR scanner does to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.scan import Pixels

Space = tuple[int, int, int]
Columns = dict[str, NDArray[np.float32]]
"""Name -> one value a volume, (count, 1, 1, 1)."""
UNITS = 32.0
"""Lengths in phantoms are parts of the shortest side of the grid: this many make it, millimetres where it is 32 mm."""
VOLUMES_AT_ONCE = 16
_WINDOW = (1.0, 99.0)


Draw = Callable[[Columns, Space, np.random.Generator], tuple[Pixels, NDArray[np.uint8]]]
"""(values of few volumes, grid, generator) -> their images and label maps."""


def drawn(
    draw: Draw, declared: ParameterSpace, parameters: Parameters, space: Space, rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.uint8]]:
    """Returns all volumes and their maps, drawn a few at a time, which bounds memory.

    Args:
        draw: Of one phantom.
        declared: Its parameters.
        parameters: One row a volume.
        space: The grid.
        rng: For what is no parameter.
    """
    images, labels = zip(*(draw(p, space, rng) for p in parts(columns(declared, parameters))), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def columns(space: ParameterSpace, parameters: Parameters) -> Columns:
    """Returns the values ready to meet a grid of voxels; see :meth:`ParameterSpace.columns`."""
    return {name: value[..., None] for name, value in space.columns(parameters).items()}


def parts(p: Columns) -> list[Columns]:
    """Returns the columns of few volumes at a time, which bounds memory."""
    count = len(next(iter(p.values())))
    starts = range(0, count, VOLUMES_AT_ONCE)
    return [{name: value[at : at + VOLUMES_AT_ONCE] for name, value in p.items()} for at in starts]


@cache
def coordinates(space: Space) -> tuple[Pixels, Pixels, Pixels]:
    """Returns x to the right, y to the front, z to the head from the middle, in units, each ready to be broadcast."""
    unit = UNITS / min(space)
    axes = []
    for axis, side in enumerate(space):
        shape = [1, 1, 1, 1]
        shape[axis + 1] = side
        axes.append(((np.arange(side, dtype=np.float32) - (side - 1) / 2) * np.float32(unit)).reshape(shape))
    return axes[0], axes[1], axes[2]


@cache
def _frequency(space: Space) -> Pixels:
    """Returns the frequency of each coefficient of ``rfftn``, in cycles over :data:`UNITS`."""
    fx, fy = (np.fft.fftfreq(side)[:, None] for side in space[:2])
    fz = np.fft.rfftfreq(space[2])
    radius = np.sqrt(fx[:, :, None] ** 2 + fy[None] ** 2 + fz[None, None] ** 2)
    return np.asarray(radius * min(space), np.float32)


def smooth_volume(cycles: NDArray[np.float32] | float, count: int, space: Space, rng: np.random.Generator) -> Pixels:
    """Returns Gaussian fields with waves down to a length and nearly none finer, of mean zero and unit variance.

    Amplitude 1 / (1 + (f / f0)^4), as of :func:`medsyngen.phantoms.textures.smooth_field.smooth_field`.

    Args:
        cycles: f0, waves over :data:`UNITS` at which the amplitude is halved, (count, 1, 1, 1) or one for all.
        count: Fields.
        space: Voxels along each axis.
        rng: Public randomness.

    Returns:
        float32 (count, x, y, z).
    """
    gain = 1 / (1 + (_frequency(space) / np.asarray(cycles, np.float32)) ** 4)
    white = rng.standard_normal((count, *space), dtype=np.float32)
    field = np.fft.irfftn(np.fft.rfftn(white, axes=(1, 2, 3)) * gain, s=space, axes=(1, 2, 3)).astype(np.float32)
    field -= field.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray(field / (field.std(axis=(1, 2, 3), keepdims=True) + 1e-12), np.float32)


def inside(distance: Pixels, soft: float = 0.7) -> Pixels:
    """Returns how much of each voxel lies within a surface, in [0, 1].

    Args:
        distance: From the surface in units, negative inside.
        soft: Half the width of the edge, in units.
    """
    return np.asarray(np.clip(0.5 - distance / (2 * soft), 0, 1), np.float32)


def painted(image: Pixels, share: Pixels, value: NDArray[np.float32] | float) -> Pixels:
    """Returns the image with a tissue laid over it, by its share of each voxel."""
    return np.asarray(image + share * (value - image), np.float32)


def scanned(image: Pixels, p: Columns, rng: np.random.Generator) -> Pixels:
    """Returns what an MR scanner makes of a volume: coil sensitivity, point-spread function, Rician noise.

    M = sqrt((A + n1)² + n2²) (Gudbjartsson and Patz 1995, eq. 1). Last, the 1st and 99th percentile of each volume
    become -1 and 1, as the window ``per-scan`` makes them of scans.

    Args:
        image: Signal, about 0 to 1, (count, x, y, z).
        p: With ``bias``, ``psf`` (voxels) and ``noise``.
        rng: Public randomness.
    """
    space: Space = (image.shape[1], image.shape[2], image.shape[3])
    image = image * np.exp(p["bias"] * smooth_volume(0.8, len(image), space, rng))
    cycles_a_voxel = _frequency(space) / min(space)
    damped = np.fft.rfftn(image, axes=(1, 2, 3)) * np.exp(-2 * np.pi**2 * (p["psf"] * cycles_a_voxel) ** 2)
    signal = np.fft.irfftn(damped, s=space, axes=(1, 2, 3)).astype(np.float32)
    real, imaginary = rng.standard_normal((2, *image.shape), dtype=np.float32)
    magnitude = np.sqrt((signal + p["noise"] * real) ** 2 + (p["noise"] * imaginary) ** 2)
    low, high = np.percentile(magnitude, _WINDOW, axis=(1, 2, 3), keepdims=True)
    return np.asarray(np.clip(2 * (magnitude - low) / (high - low + 1e-6) - 1, -1, 1), np.float32)


def seen(p: Columns, space: Space) -> NDArray[np.bool_]:
    """Returns which voxels the field of view covers, (count, x, y, z); beyond 1 it covers the whole axis."""
    x, y, z = coordinates(space)
    unit = UNITS / min(space)
    halves = [side * unit / 2 for side in space]
    rows = [np.abs(a) < p[f"view_{n}"] * h for a, n, h in zip((x, y, z), "xyz", halves, strict=True)]
    return np.asarray(rows[0] & rows[1] & rows[2], np.bool_)
