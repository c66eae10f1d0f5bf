"""Phantoms with classes, noise levels and noise, for the public gradients of a private step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.diffusion.bands import NoiseBand
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels


@dataclass(frozen=True, eq=False)
class PhantomDraws:
    """Draws phantoms as a private step draws patients, from public streams.

    Args:
        draw: Where phantoms come from.
        shares: Of each attribute: the public proportion of each of its rows, the null last. Phantoms are dealt by it,
            each attribute on its own, so that class embeddings have gradients, too.
        streams: Public randomness.
        device: Where to compute.
    """

    draw: Callable[[int, np.random.Generator], Pixels]
    shares: tuple[tuple[float, ...], ...]
    streams: Streams
    device: torch.device

    def __call__(
        self, what: str, step: int, *, count: int, draws: int, law: NoiseLaw, bands: Sequence[NoiseBand]
    ) -> dict[str, Tensor]:
        """Returns ``y``, ``classes``, ``sigma`` and ``noise`` of phantoms, each (count, draws, ...).

        Args:
            what: What they are for: names the streams.
            step: Number of the private step, which names them too.
            count: Phantoms.
            draws: Noise levels of each.
            law: Law of ln sigma inside a band.
            bands: The draws of a phantom are dealt to them in turn.
        """
        rng = self.streams.numpy(f"phantoms that {what} a step", step)
        phantoms, rows = self.labelled(count, rng)
        y = torch.from_numpy(phantoms).unsqueeze(1)
        y = y.expand(-1, draws, *y.shape[2:])
        classes = torch.from_numpy(rows).unsqueeze(1)
        generator = torch.Generator().manual_seed(self.streams.torch_seed(f"noise that {what} a step", step))
        u = torch.rand((count, draws), generator=generator, dtype=torch.float64)
        sigma = torch.stack([law.in_band(u[:, k], bands[k % len(bands)]) for k in range(draws)], dim=1)
        drawn = {
            "y": y,
            "classes": classes.expand(-1, draws, *classes.shape[2:]),
            "sigma": sigma.float(),
            "noise": torch.randn(y.shape, generator=generator),
        }
        return {name: value.to(self.device) for name, value in drawn.items()}

    def labelled(self, count: int, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.int64]]:
        """Returns phantoms and the class row of each."""
        return self.draw(count, rng), self._rows(count, rng)

    def _rows(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Returns the class row of each phantom, (count,); of several attributes (count, attributes)."""
        columns, start = [], 0
        for shares in self.shares:
            columns.append(start + rng.choice(len(shares), size=count, p=np.divide(shares, np.sum(shares))))
            start += len(shares)
        return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)
