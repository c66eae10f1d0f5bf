"""Blocks of pixels or voxels folded into channels: a network that works on fewer, richer positions.

Convolutions at full resolution are most of what a small network costs: with blocks of two a volume has an eighth of the
positions, and the same numbers go in and out. Nothing is lost or invented by folding (space to depth: Shi et al. 2016,
arXiv 1609.05158, call the way back sub-pixel convolution).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def fold(x: Tensor, patch: int) -> Tensor:
    """Returns (n, channel · patch^d, *space / patch) of images (n, channel, *space)."""
    n, channels, *space = x.shape
    parts = [each for side in space for each in (side // patch, patch)]
    outer, inner = range(2, 2 + len(parts), 2), range(3, 2 + len(parts), 2)
    blocks = x.reshape(n, channels, *parts).permute(0, 1, *inner, *outer)
    return blocks.reshape(n, channels * patch ** len(space), *(side // patch for side in space))


def unfold(x: Tensor, patch: int) -> Tensor:
    """Returns images (n, channel, *space); the inverse of :func:`fold`."""
    n, folded, *space = x.shape
    dims = len(space)
    channels = folded // patch**dims
    blocks = x.reshape(n, channels, *[patch] * dims, *space)
    order = [axis for d in range(dims) for axis in (2 + dims + d, 2 + d)]
    return blocks.permute(0, 1, *order).reshape(n, channels, *(side * patch for side in space))


def work_on_blocks(network: nn.Module, patch: int) -> None:
    """Makes a network of folded images one of images; its weights keep their names."""

    def into(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (fold(given[0], patch), *given[1:])

    def out_of(_: nn.Module, __: tuple[Any, ...], found: Tensor) -> Tensor:
        return unfold(found, patch)

    network.register_forward_pre_hook(into)
    network.register_forward_hook(out_of)
