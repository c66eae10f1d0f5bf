"""What private training may change of a network: every weight, norms and embeddings, or low-rank additions.

Noise of DP-SGD has norm sigma_DP C sqrt(P) over P trained parameters, and C bounds what a patient brings whatever P is.
The other weights stay as phantoms made them: they are public, and no gradient is formed for them. In the default
network with two classes P is 453,985 for ``all``, 10,049 for ``norms`` and 56,180 for ``lora`` of rank 4.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

TRAINABLE = ("all", "norms", "lora")
CLASSES = "class_embedding."
"""What the names of class embeddings begin with."""
_TIME = "time_embed."
_B, _A, _GAINED = ".lora_B", ".lora_A", ".gained"


def check_trainable(trainable: str, rank: int, start: str) -> None:
    """Refuses what can't be trained.

    Raises:
        ValueError: An unknown part, a rank below 1, or weights that would stay as nobody trained them.
    """
    if trainable not in TRAINABLE:
        raise ValueError(f"trainable must be one of {', '.join(TRAINABLE)}, got {trainable!r}")
    if rank < 1:
        raise ValueError(f"lora_rank must be at least 1, got {rank}")
    if trainable != "all" and start == "random":
        raise ValueError(f"trainable: {trainable} keeps weights that phantoms taught; it needs start: phantoms, or all")


def first_values(
    weights: Mapping[str, Tensor], trainable: str, *, rank: int, seed: int, class_gain: float = 1.0
) -> dict[str, Tensor]:
    """Returns what private training starts from, by name.

    - ``all``: every weight.
    - ``norms``: every vector, which is scales and shifts of the normalisation and all biases, and all of the time and
      class embeddings.
    - ``lora``: for each matrix W, m x n, two factors B (m x rank, zeros) and A (rank x n, Gaussian, rows of length
      about 1), so that W + B A is W at first (Hu et al. 2021, arXiv 2106.09685, section 4.1, with alpha = r). A kernel
      counts as a matrix with one row an output channel. All kernels and matrices take part, those of attention and of
      the time embedding too; one that is smaller than its factors is trained itself, and so are the class rows, for
      classes are what phantoms can't teach.

    With a class gain gamma other than 1 the class rows E are E + gamma D, and D is trained, zero at first: its gradient
    is gamma times theirs, so that classes take a larger share of what a patient may bring, and a step of the optimiser
    moves them gamma times as far. They begin as copies of one row whose entries are about 1, and differ by nothing.

    Args:
        weights: Of the whole network, public.
        trainable: One of :data:`TRAINABLE`.
        rank: Of the additions.
        seed: Public, of the factors A.
        class_gain: gamma.
    """
    if trainable == "lora":
        found = _low_rank(weights, rank, torch.Generator().manual_seed(seed))
    else:
        found = {name: value for name, value in weights.items() if trainable == "all" or _is_norm(name, value)}
    if class_gain == 1:
        return found
    gained = {name: name.startswith(CLASSES) for name in found}
    return {name + _GAINED if gained[name] else name: v * 0 if gained[name] else v for name, v in found.items()}


def _is_norm(name: str, value: Tensor) -> bool:
    return value.ndim == 1 or name.startswith((CLASSES, _TIME))


def _low_rank(weights: Mapping[str, Tensor], rank: int, generator: torch.Generator) -> dict[str, Tensor]:
    trained: dict[str, Tensor] = {}
    for name, value in weights.items():
        if value.ndim == 1:
            continue
        m, n = len(value), value[0].numel()
        if name.startswith(CLASSES) or rank * (m + n) >= m * n:
            trained[name] = value
        else:
            trained[name + _B] = torch.zeros(m, rank)
            trained[name + _A] = torch.randn((rank, n), generator=generator) / n**0.5
    return trained


def network_weights(
    weights: Mapping[str, Tensor], trained: Mapping[str, Tensor], class_gain: float = 1.0
) -> dict[str, Tensor]:
    """Returns the network's weights that trained values stand for, and no others: themselves, W + B A or E + gamma D.

    Args:
        weights: Of the whole network: W and E.
        trained: As :func:`first_values` names them.
        class_gain: gamma.

    Raises:
        ValueError: Some trained value belongs to no weight: it would get no gradient, and nobody would notice.
    """
    found: dict[str, Tensor] = {}
    for name, value in trained.items():
        of = name.removesuffix(_B).removesuffix(_A).removesuffix(_GAINED)
        whole = of == name or name == of + _GAINED
        if of not in weights or not (whole or {of + _B, of + _A} <= set(trained)):
            raise ValueError(f"{name} belongs to no weight of the network")
        if whole:
            found[of] = value if of == name else weights[of] + class_gain * value
        elif of not in found:
            found[of] = weights[of] + (trained[of + _B] @ trained[of + _A]).view(weights[of].shape)
    return found


def merged(weights: Mapping[str, Tensor], trained: Mapping[str, Tensor], class_gain: float = 1.0) -> dict[str, Tensor]:
    """Returns the whole network's weights; those that training could not change are the very same."""
    return {**weights, **network_weights(weights, trained, class_gain)}
