"""Per-patient gradients at about the price of one plain backward pass, by book-keeping (see ``ghost_layers``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


@runtime_checkable
class Reparametrised(BatchedLoss, Protocol):
    """A batched loss whose parameters are not weights of its network: some of these are functions of them.

    Called with parameters, ``of_each`` with the weights that they stand for.
    """

    def weights_of(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the network's weights that depend on the parameters, by name; pure, and knows no record."""
        ...


class _Gradients:
    def __init__(self, slots: int, names: Iterable[str]) -> None:
        self.slots, self.names = slots, frozenset(names)
        self.of: dict[str, Tensor] = {}

    def wants(self, name: str) -> bool:
        return name in self.names

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

    Where the loss is :class:`Reparametrised` each slot's gradient in the network's weights is pulled back to the
    parameters by the chain rule, slot by slot.

    Args:
        loss: The loss; nothing in its network may mix images (no batch normalisation).
        parameters: Every trained parameter; for weights that are frozen, and not named here, no gradient is formed.
        drawn: One patient's tensors in each slot.

    Returns:
        float32 (slots, parameters), in the order of ``parameters``.

    Raises:
        ValueError: If some parameter got no gradient.
    """
    if isinstance(loss, Reparametrised):
        weights, pull_back = torch.func.vjp(loss.weights_of, dict(parameters))[:2]
        (found,) = torch.func.vmap(pull_back)(_in_weights(loss, weights, drawn))
    else:
        found = _in_weights(loss, parameters, drawn)
    return torch.cat([found[name].flatten(1) for name in parameters], dim=1)


def _in_weights(loss: BatchedLoss, weights: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the gradients of all slots in the network's own weights, (slots, *shape), in their order."""
    gradients = _Gradients(len(next(iter(drawn.values()))), weights)
    with torch.enable_grad(), _recording(loss.network, gradients):
        # The sum keeps slots apart: each one's gradient is that of its own term.
        total = loss.of_each({name: value.detach() for name, value in weights.items()}, drawn).sum()
        torch.autograd.backward(total)
    missing = set(weights) - set(gradients.of)
    if missing:
        raise ValueError(f"parameters without a per-patient gradient: {sorted(missing)}")
    return {name: gradients.of[name] for name in weights}


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
