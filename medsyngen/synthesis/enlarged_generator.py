"""A generator whose images are enlarged after it has drawn them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from medsyngen.diffusion.detail import build_detail_unet, with_detail
from medsyngen.diffusion.sampling import ImageNoise, images_at_once
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels
from medsyngen.synthesis.conditioning import part_of
from medsyngen.synthesis.enlargement import Enlargement
from medsyngen.synthesis.generator import shares
from medsyngen.synthesis.synthesizer import Draws, Generator

DETAIL: Final = "detail."
"""Before the names of the second network's weights, in a generator's file."""


@dataclass(frozen=True, eq=False)
class EnlargedGenerator:
    """Draws as another does, then adds detail; post-processing by a network that phantoms alone taught.

    Args:
        small: Draws the small images.
        enlargement: Public numbers.
        weights: Of the second network.
        device: Where to compute.
    """

    small: Generator
    enlargement: Enlargement
    weights: Mapping[str, Tensor] = field(repr=False)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def kind(self) -> str:
        """That of the generator of small images: its method restores it."""
        return self.small.kind

    @property
    def facts(self) -> Any:
        """Those of the generator of small images, with the size of the large ones."""
        return replace(self.small.facts, size=self.enlargement.size)

    def tensors(self) -> dict[str, Tensor]:
        """Returns all that was learned, by both."""
        return self.small.tensors() | {f"{DETAIL}{name}": value.contiguous() for name, value in self.weights.items()}

    def dealt(self, count: int) -> dict[str, tuple[str, ...]]:
        """Returns, for each attribute, the value of each of ``count`` images."""
        return self.small.dealt(count)

    def named(self, images: Pixels, columns: Mapping[str, tuple[str, ...]]) -> Draws:
        """Returns images with their values."""
        return self.small.named(images, columns)

    @property
    def images_at_once(self) -> int:
        """The batch that the memory of this machine bears, of both networks."""
        own = images_at_once(self.enlargement.network, self.enlargement.size, self.device)
        return min(own, self.small.images_at_once)

    def image_drawer(self, count: int) -> Callable[[range], Pixels]:
        """Returns a function that draws some of ``count`` images, by their numbers: float32 (rows, 1, size, size)."""
        own, small_of, streams = self.enlargement, self.small.image_drawer(count), Streams(self.enlargement.seed)
        network = build_detail_unet(own.network, seed=0)
        network.load_state_dict(dict(self.weights))
        network.to(self.device).eval().requires_grad_(False)

        def images_of(rows: range) -> Pixels:
            small = torch.from_numpy(small_of(rows)).to(self.device)
            fresh = ImageNoise([streams.torch_seed("detail", i) for i in rows], (1, own.size, own.size), self.device)
            images = with_detail(network, small, fresh, size=own.size, scale=own.scale, steps=own.sampler_steps)
            return np.asarray(images.clamp(-1, 1).cpu().numpy(), np.float32)

        return images_of

    def batches(self, count: int, *, progress: Progress = silent) -> Iterator[Draws]:
        """Draws images batch by batch, so that memory does not grow with ``count``."""
        images_of, columns = self.image_drawer(count), self.dealt(count)
        for rows in shares(count, self.images_at_once):
            images = images_of(rows)
            progress("drawing images", rows.stop, count)
            yield self.named(images, part_of(columns, rows))

    def draw(self, count: int, *, progress: Progress = silent) -> Draws:
        """Returns ``count`` synthetic images; image ``i`` does not depend on ``count`` (up to rounding)."""
        drawn = list(self.batches(count, progress=progress))
        return self.named(np.concatenate([part.pixels for part in drawn]), self.dealt(count))


def split_tensors(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns what the generator of small images learned, and the weights of the second network."""
    detail = {name.removeprefix(DETAIL): value for name, value in tensors.items() if name.startswith(DETAIL)}
    return {name: value for name, value in tensors.items() if not name.startswith(DETAIL)}, detail
