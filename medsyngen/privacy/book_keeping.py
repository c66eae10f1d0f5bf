"""Per-patient gradients at about the price of one plain backward pass, by book-keeping (see ``ghost_layers``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from medsyngen.privacy.ghost_layers import GHOSTS


@runtime_checkable
class BatchedLoss(Protocol):
    """A loss whose patients can be computed in one batch, because nothing in the network mixes images."""

    network: nn.Module

    def of_each(self, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
        """Returns the loss of each slot, (slots,): every tensor of ``drawn`` has the slot as first axis."""
        ...


class _Gradients:
    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.of: dict[str, Tensor] = {}

    def add(self, name: str, gradient: Tensor) -> None:
        self.of[name] = self.of[name] + gradient if name in self.of else gradient


def has_ghosts_for(network: nn.Module) -> bool:
    """Returns whether every parameter belongs to a layer that book-keeping knows; otherwise ``vmap(grad)`` is used."""
    owners = [layer for layer in network.modules() if next(layer.parameters(recurse=False), None) is not None]
    return all(type(layer) in GHOSTS and GHOSTS[type(layer)][1](layer) for layer in owners)


def gradients_by_book_keeping(
    loss: BatchedLoss, parameters: Mapping[str, Tensor], drawn: Mapping[str, Tensor]
) -> Tensor:
    """Returns one flat gradient for each slot of a micro-batch, from one forward and one backward pass over all.

    Args:
        loss: The loss; nothing in its network may mix images (no batch normalisation).
        parameters: Every trained parameter.
        drawn: One patient's tensors in each slot.

    Returns:
        float32 (slots, parameters), in the order of ``parameters``.

    Raises:
        ValueError: If some parameter got no gradient.
    """
    gradients = _Gradients(len(next(iter(drawn.values()))))
    with torch.enable_grad(), _recording(loss.network, gradients):
        # The sum keeps slots apart: each one's gradient is that of its own term.
        total = loss.of_each({name: value.detach() for name, value in parameters.items()}, drawn).sum()
        torch.autograd.backward(total)
    missing = set(parameters) - set(gradients.of)
    if missing:
        raise ValueError(f"parameters without a per-patient gradient: {sorted(missing)}")
    return torch.cat([gradients.of[name].flatten(1) for name in parameters], dim=1)


@contextmanager
def _recording(network: nn.Module, gradients: _Gradients) -> Iterator[None]:
    # The weights need no gradient of their own; the anchor makes autograd visit every layer, the first one, too.
    anchor = torch.zeros((), requires_grad=True)
    layers = [(name, layer) for name, layer in network.named_modules() if type(layer) in GHOSTS]

    def ghost(layer: Any, name: str) -> Any:
        function = GHOSTS[type(layer)][0]
        return lambda x: function.apply(x, anchor, layer, f"{name}." if name else "", gradients)

    for name, layer in layers:
        layer.forward = ghost(layer, name)
    try:
        yield
    finally:
        for _, layer in layers:
            del layer.forward
