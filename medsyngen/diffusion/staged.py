"""One denoiser made of experts: each noise level goes to the expert of its band."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from medsyngen.diffusion.bands import NoiseBand

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(x, sigma (n,), classes (n,)) -> clean images."""


class StagedDenoiser:
    """Routes each noise level to the expert of its band.

    With separate experts the noise of private training never touches the bands that phantoms serve.

    Args:
        experts: (band, denoiser) pairs; bands must meet without gap or overlap.
    """

    def __init__(self, experts: Sequence[tuple[NoiseBand, Denoise]]) -> None:
        self._experts = sorted(experts, key=lambda pair: pair[0].low)
        for (below, _), (above, _) in zip(self._experts, self._experts[1:], strict=False):
            if below.high != above.low:
                raise ValueError(f"bands {below.name} and {above.name} don't meet: {below.high} and {above.low}")

    def expert(self, sigma: float) -> Denoise:
        """Returns the expert for a noise level; beyond the outer edges the outer bands go on."""
        for band, denoise in self._experts:
            if sigma < band.high:
                return denoise
        return self._experts[-1][1]

    def __call__(self, x: Tensor, sigma: Tensor, classes: Tensor) -> Tensor:
        """Denoises images that share one noise level, as in a sampling step."""
        level = float(sigma[0])
        if not bool((sigma == sigma[0]).all()):
            raise ValueError("a staged denoiser takes one noise level a call")
        return self.expert(level)(x, sigma, classes)
