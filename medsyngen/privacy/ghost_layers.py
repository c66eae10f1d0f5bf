"""Layers whose backward pass forms one weight gradient a patient where autograd would form their sum.

The forward pass is that of the layer. The backward pass hands the input's gradient on as usual, and computes the
weight gradient patient by patient from the same two things that autograd would use: the layer's input and the gradient
of its output. No pass is repeated, and in principle no arithmetic is added (book-keeping: Bu, Wang, Zha, Karypis 2023,
arXiv 2210.00038; the weight gradient that autograd is kept from computing: their "ghost differentiation").

A batch holds the draws of each patient side by side: rows [p·D, (p+1)·D) belong to slot p.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional


class Book(Protocol):
    """Where the gradients of a step are written."""

    slots: int

    def wants(self, name: str) -> bool:
        """Returns whether this parameter is trained; of a frozen one no gradient is formed."""
        ...

    def add(self, name: str, gradient: Tensor) -> None:
        """Books (slots, *shape of the parameter); a layer that is used twice adds up."""
        ...


def _by_slot(value: Tensor, slots: int) -> Tensor:
    """Returns (slots, draws · positions, features) of a tensor with features last."""
    return value.reshape(slots, -1, value.shape[-1])


class _Convolution(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, layer: Any, prefix: str, book: Book) -> Tensor:
        ctx.save_for_backward(x)
        ctx.weight, ctx.has_bias, ctx.prefix, ctx.book = layer.weight, layer.bias is not None, prefix, book
        ctx.shape = (layer.stride, layer.padding, layer.dilation, False, [0] * len(layer.stride))
        out: Tensor = torch.ops.aten.convolution(x, layer.weight, layer.bias, *ctx.shape, 1)
        return out

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> Any:
        (x,), (g,), slots, weight = ctx.saved_tensors, outputs, ctx.book.slots, ctx.weight
        differentiate = torch.ops.aten.convolution_backward
        dx = None
        if ctx.needs_input_grad[0]:
            dx = differentiate(g, x, weight, None, *ctx.shape, 1, (True, False, False))[0]
        if ctx.book.wants(f"{ctx.prefix}weight"):
            ctx.book.add(f"{ctx.prefix}weight", _of_kernel(g, x, weight, ctx.shape, slots))
        if ctx.has_bias and ctx.book.wants(f"{ctx.prefix}bias"):
            ctx.book.add(f"{ctx.prefix}bias", g.reshape(slots, -1, g.shape[1], g[0, 0].numel()).sum((1, 3)))
        return dx, None, None, None, None


def _of_kernel(g: Tensor, x: Tensor, weight: Tensor, shape: tuple[Any, ...], slots: int) -> Tensor:
    """Returns the gradient of a kernel for each slot, (slots, *shape of the kernel)."""
    differentiate, only_weight = torch.ops.aten.convolution_backward, (False, True, False)
    if x.device.type == "cpu":
        # A convolution a patient: on a CPU quicker than one with a group for each patient.
        parts = zip(g.chunk(slots), x.chunk(slots), strict=True)
        dw = torch.stack([differentiate(a, b, weight, None, *shape, 1, only_weight)[1] for a, b in parts])
    else:
        inputs, gradients = _as_groups(x, slots), _as_groups(g, slots)
        wide = weight.new_empty((slots * weight.shape[0], *weight.shape[1:]))
        dw = differentiate(gradients, inputs, wide, None, *shape, slots, only_weight)[1]
    return dw.view(slots, *weight.shape)


def _as_groups(value: Tensor, slots: int) -> Tensor:
    """Returns (draws, slots · channels, *space): every patient's channels as a group of one convolution."""
    return value.view(slots, -1, *value.shape[1:]).transpose(0, 1).flatten(1, 2)


class _Linear(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, layer: Any, prefix: str, book: Book) -> Tensor:
        ctx.save_for_backward(x)
        ctx.weight, ctx.has_bias, ctx.prefix, ctx.book = layer.weight, layer.bias is not None, prefix, book
        return functional.linear(x, layer.weight, layer.bias)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> Any:
        (x,), (g,) = ctx.saved_tensors, outputs
        inputs, gradients = _by_slot(x, ctx.book.slots), _by_slot(g, ctx.book.slots)
        if ctx.book.wants(f"{ctx.prefix}weight"):
            ctx.book.add(f"{ctx.prefix}weight", torch.bmm(gradients.transpose(1, 2), inputs))
        if ctx.has_bias and ctx.book.wants(f"{ctx.prefix}bias"):
            ctx.book.add(f"{ctx.prefix}bias", gradients.sum(1))
        return g @ ctx.weight if ctx.needs_input_grad[0] else None, None, None, None, None


class _GroupNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, layer: Any, prefix: str, book: Book) -> Tensor:
        x = x.contiguous()
        sizes = (x.shape[0], x.shape[1], x[0, 0].numel(), layer.num_groups)
        out, mean, rstd = torch.native_group_norm(x, layer.weight, layer.bias, *sizes, layer.eps)
        ctx.save_for_backward(x, mean, rstd)
        ctx.weight, ctx.sizes, ctx.prefix, ctx.book = layer.weight, sizes, prefix, book
        return out

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> Any:
        (x, mean, rstd), (g,), slots = ctx.saved_tensors, outputs, ctx.book.slots
        g = g.contiguous()
        images, channels, positions, groups = ctx.sizes
        dx = None
        if ctx.needs_input_grad[0]:
            dx = torch.ops.aten.native_group_norm_backward(
                g, x, mean, rstd, ctx.weight, *ctx.sizes, [True, False, False]
            )[0]
        names = [name for name in ("weight", "bias") if ctx.book.wants(f"{ctx.prefix}{name}")]
        if not names:
            return dx, None, None, None, None
        # Σ g·x̂ = (Σ g·x - mean·Σ g)·rstd, without forming x̂.
        gx = torch.bmm(g.view(images * channels, 1, positions), x.view(images * channels, positions, 1))
        db = g.view(images, groups, -1, positions).sum(3)
        dw = (gx.view(images, groups, -1) - db * mean.unsqueeze(2)) * rstd.unsqueeze(2)
        for name in names:
            value = dw if name == "weight" else db
            ctx.book.add(f"{ctx.prefix}{name}", value.view(slots, -1, channels).sum(1))
        return dx, None, None, None, None


class _Embedding(Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, anchor: Tensor, layer: Any, prefix: str, book: Book) -> Tensor:
        ctx.rows, ctx.count, ctx.prefix, ctx.book = rows, len(layer.weight), prefix, book
        return functional.embedding(rows, layer.weight)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> Any:
        (g,), slots = outputs, ctx.book.slots
        if not ctx.book.wants(f"{ctx.prefix}weight"):
            return None, None, None, None, None
        # Rows of several attributes of an image are summed behind this layer: their gradient is one vector, expanded.
        one_hot = functional.one_hot(ctx.rows.reshape(slots, -1), ctx.count).to(g.dtype)
        ctx.book.add(f"{ctx.prefix}weight", torch.bmm(one_hot.transpose(1, 2), _by_slot(g, slots)))
        return None, None, None, None, None


def _plain_convolution(layer: Any) -> bool:
    return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


GHOSTS: dict[type[nn.Module], tuple[Any, Callable[[Any], bool]]] = {
    nn.Conv1d: (_Convolution, _plain_convolution),
    nn.Conv2d: (_Convolution, _plain_convolution),
    nn.Conv3d: (_Convolution, _plain_convolution),
    nn.Linear: (_Linear, lambda layer: True),
    nn.GroupNorm: (_GroupNorm, lambda layer: layer.affine),
    nn.Embedding: (_Embedding, lambda layer: layer.padding_idx is None and layer.max_norm is None),
}
"""Layer type → its function, and whether a layer of that type is one that the function stands for."""
