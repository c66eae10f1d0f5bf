"""How a step's gradients are clipped and its sum is released: the product's one way, and the door for tests."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from medsyngen.privacy.clipping import clip_factors
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import SecureStream


class Mechanism(Protocol):
    """What a step does to its gradients. The product has one: :class:`GaussianSum`."""

    private: bool

    def factors(self, gradients: Tensor, clipping_norm: float) -> Tensor:
        """Returns each gradient's factor."""
        ...

    def release(self, total: Tensor, std: float, stream: SecureStream) -> Tensor:
        """Returns what leaves the step."""
        ...


class GaussianSum:
    """Clip to C, add Gaussian noise once. Tests measure ceiling and placebo with others, which can't be released."""

    private = True

    def factors(self, gradients: Tensor, clipping_norm: float) -> Tensor:
        """See :func:`clip_factors`."""
        return clip_factors(gradients, clipping_norm)

    def release(self, total: Tensor, std: float, stream: SecureStream) -> Tensor:
        """See :func:`add_gaussian_noise`."""
        return add_gaussian_noise(total, std, stream)
