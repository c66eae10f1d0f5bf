"""Described phantoms: public training tells the network what each phantom was drawn from, so that classes have words.

The class embedding is the one place where a class can tell the network what to draw. A network that only ever met the
null class has learned nothing to do with it: its layers answer to no direction of it, and a few private steps can't
teach them all. Told the phantoms' parameters there, they learn what directions mean: more air in the lungs, a wider
heart, an opacity lower left. Private training then moves the rows of its classes among these meanings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medsyngen.scan import Pixels

DrawDescribed = Callable[[int, np.random.Generator], tuple[Pixels, NDArray[np.float32]]]
"""(count, generator) -> phantoms and, for each, the numbers that describe it, from -1 to 1."""

_WORDS = "class_embedding.words.weight"


class DescribedEmbedding(nn.Module):
    """The null row, and what is added to it for a phantom with a description.

    Args:
        row: The embedding of the null class, (1, width); it becomes this module's ``weight``.
        numbers: That describe a phantom.
    """

    def __init__(self, row: Tensor, numbers: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(row.detach().clone())
        self.words = nn.Linear(numbers, row.shape[1], bias=False)
        nn.init.zeros_(self.words.weight)  # at first a description changes nothing

    def forward(self, described: Tensor) -> Tensor:
        """Returns the embeddings, (n, width), of descriptions (n, numbers); zeros are no description."""
        added: Tensor = self.words(described)
        return self.weight + added


def can_be_described(network: nn.Module, numbers: int) -> None:
    """Puts a :class:`DescribedEmbedding` in the place of the network's class embedding, which has the null row only."""
    row = dict(network.named_parameters())["class_embedding.weight"]
    network.class_embedding = DescribedEmbedding(row, numbers)


def without_words(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the weights of a network with the null row alone: what private training and sampling begin with."""
    return {name: value for name, value in weights.items() if name != _WORDS}


def sometimes(described: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Returns the descriptions, all but about ``share`` of them replaced by zeros, which are no description."""
    told = torch.rand((len(described), 1), generator=generator) < share
    return described * told
