"""Multi-scale pixels: where an image is bright and where it is detailed, whatever its brightness and contrast."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

Grids = NDArray[np.float64]

SCALES = {16: 1.0, 8: 1.0, 4: 1.0}
"""Cells a side -> weight. A scale counts by its mean over cells, so alike weights let a coarse cell count for more."""
DETAIL = 2.0
"""Weight of gradients beside brightness: between chest phantoms they vary about half as much."""
FLOOR = 0.05
"""Smallest standard deviation that contrast is divided by: blank images stay blank, their noise is not blown up."""
_TOGETHER = 64  # images at once: they stay in the processor's cache


def pixel_rows(pixels: Pixels) -> NDArray[np.float32]:
    """Returns brightness and gradient energy on grids of 16, 8 and 4 cells a side.

    Each image is first freed of its own mean and divided by its own standard deviation. On each grid stand the mean
    brightness of a cell and the root of its mean squared gradient, taken between cells half as wide. What is finer than
    a 32nd of the image is not seen.

    Guarantee: a row depends on its image alone, bit for bit. Blocks have one shape, filled up with blank images; within
    a block sums run along the pixels of one image, products are one matrix product an image, all of the same shape,
    and the rest goes number by number, where IEEE 754 leaves no choice.

    Args:
        pixels: float32 in [-1, 1], (n, 1, side, side).

    Returns:
        float32 (n, 672).
    """
    rows = np.empty((len(pixels), 2 * sum(side**2 for side in SCALES)), np.float32)
    for start in range(0, len(pixels), _TOGETHER):
        part = pixels[start : start + _TOGETHER, 0]
        block = np.zeros((_TOGETHER, *part.shape[1:]))
        block[: len(part)] = part
        rows[start : start + len(part)] = _block_rows(block)[: len(part)]
    return rows


def _block_rows(images: Grids) -> Grids:
    finest = 2 * max(SCALES)
    rows, columns = _areas(images.shape[1], finest), _areas(images.shape[2], finest).T
    grids = np.matmul(np.matmul(rows, _unit_contrast(images)), columns)
    cells = np.ascontiguousarray(grids.transpose(1, 2, 0))  # images last: neighbours in memory are worked on together
    found: list[Grids] = []
    while len(found) < 2 * len(SCALES):
        energy, cells = _halved(_squared_gradient(cells)), _halved(cells)
        weight = SCALES[len(cells)] / len(cells)
        found += [weight * each.reshape(-1, len(images)) for each in (cells, DETAIL * np.sqrt(energy))]
    return np.concatenate(found).T


def _unit_contrast(images: Grids) -> Grids:
    flat = images.reshape(len(images), -1)
    flat = flat - flat.sum(axis=1, keepdims=True) / flat.shape[1]
    std = np.sqrt((flat * flat).sum(axis=1, keepdims=True) / flat.shape[1])
    return np.asarray(flat / np.maximum(std, FLOOR)).reshape(images.shape)


@cache
def _areas(side: int, cells: int) -> Grids:
    """Returns the (cells, side) matrix that averages pixels over cells, each pixel by the share of it in the cell."""
    edges = np.arange(cells + 1) * (side / cells)
    upper, lower = np.minimum(edges[1:, None], np.arange(1, side + 1)), np.maximum(edges[:-1, None], np.arange(side))
    shares: Grids = np.maximum(upper - lower, 0) * (cells / side)
    shares.setflags(write=False)
    return shares


def _halved(cells: Grids) -> Grids:
    """Returns means over cells twice as wide, (side / 2, side / 2, images)."""
    return 0.25 * (cells[::2, ::2] + cells[1::2, ::2] + cells[::2, 1::2] + cells[1::2, 1::2])


def _squared_gradient(cells: Grids) -> Grids:
    """Returns squared differences to the next cell to the right and below, 0 where there is none."""
    squares = np.zeros_like(cells)
    squares[:, :-1] += np.square(cells[:, 1:] - cells[:, :-1])
    squares[:-1] += np.square(cells[1:] - cells[:-1])
    return squares
