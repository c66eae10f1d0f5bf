"""A generative MONAI bundle in a local folder as the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from medsyngen.errors import UsageError
from medsyngen.scan import Pixels
from medsyngen.synthesis.sources.bundle_config import BundleConfig, explained
from medsyngen.synthesis.sources.field_checks import check_attested, check_folder, check_rising, check_texts
from medsyngen.synthesis.variation import Population


@dataclass(frozen=True)
class MonaiBundle:
    """Evaluates names of a bundle's inference config, as ``monai.bundle`` does; nothing is downloaded.

    For each random image the name ``noise`` is set to fresh Gaussian noise of the shape that the config gives it, and
    ``sample`` is evaluated: an image, or several of which the first is taken. For a variation ``image`` and ``degree``
    are set and the name in ``vary_with`` is evaluated. What does not depend on these names (networks, weights) is made
    once.

    A bundle is a program: its config may run any Python in this process. Use it as you would use a library.

    Guarantee: nothing of a scan is passed to the bundle. That its weights are public, software can't see: the name of
    who says so stands in the recipe and in reports.

    Args:
        folder: Of the bundle.
        size: Side of the images in pixels; others are refused.
        attested_by: Who says that the bundle is public.
        config: The inference config, below the folder.
        sample: Name that gives the image.
        noise: Name of the noise it starts from.
        vary_with: Name that gives a variation; None: the bundle can't vary (a composite can vary with something else).
        image: Name that is set to the member to vary, float32 (1, 1, size, size) in the bundle's own range.
        degree: Name that is set to the degree, from 0 to 1.
        value_range: What the bundle's images range over; becomes [-1, 1], beyond is clipped.

    Raises:
        UsageError: The folder is no whole path of this machine, nobody attests, or a field is of another kind. At the
            first use: the folder is not there, has no such config, or the config lacks a name, fails, or gives
            something else than images of this size.
    """

    folder: Path = field(repr=False)
    size: int
    attested_by: str
    config: str = "configs/inference.json"
    sample: str = "sample"
    noise: str = "noise"
    vary_with: str | None = None
    image: str = "image"
    degree: str = "degree"
    value_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_attested(self.attested_by, "the bundle")
        check_folder(self.folder, "the bundle")  # not an address either
        names = {name: getattr(self, name) for name in ("config", "sample", "noise", "image", "degree")}
        check_texts(**names, vary_with=self.vary_with or "")
        if Path(self.config).is_absolute() or ".." in Path(self.config).parts:
            raise UsageError(f"the bundle has no {self.config}", do="give `config` as seen from `folder`")
        check_rising("value_range", self.value_range)

    @property
    def origin(self) -> str:
        """What it is, for reports."""
        return f"a MONAI bundle, attested to be public by {self.attested_by}"

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        """Returns images that the bundle sampled, one after another."""
        images = [self._evaluated(self.sample, {self.noise: self._noise(rng)}, rng) for _ in range(count)]
        return Population(self._stacked(images), np.full(count, label, np.int64))

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        """Returns the bundle's variations.

        Raises:
            UsageError: The bundle can't vary, or what should vary an image does not look at it.
        """
        if self.vary_with is None:
            raise UsageError(
                "no name is given by which the bundle varies an image",
                do="give `vary_with`, or start with the bundle and vary with another source (kind: composite)",
            )
        low, high = self.value_range
        members = torch.from_numpy(np.ascontiguousarray(population.pixels))
        members = low + (members + 1) * ((high - low) / 2)
        images = [
            self._evaluated(self.vary_with, {self.image: each[None], self.degree: float(degree)}, rng, needs=self.image)
            for each in members
        ]
        return Population(self._stacked(images), population.classes)

    @cached_property
    def _config(self) -> BundleConfig:
        return BundleConfig(self.folder, self.config, frozenset((self.noise, self.image, self.degree)))

    @cached_property
    def _noise_like(self) -> Tensor:
        with torch.random.fork_rng(devices=[]):  # its config may draw from the global generator
            found = self._config.content(self.noise, {})
        if not isinstance(found, Tensor):
            raise UsageError(f"`{self.noise}` of the bundle is no tensor", do="correct `noise`")
        return found

    def _noise(self, rng: np.random.Generator) -> Tensor:
        like = self._noise_like
        return torch.from_numpy(rng.standard_normal(like.shape)).to(like)

    def _evaluated(
        self, name: str, given: Mapping[str, Tensor | float], rng: np.random.Generator, *, needs: str | None = None
    ) -> Pixels:
        """Returns one image, in [-1, 1], (1, size, size)."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.default_generator.manual_seed(int(rng.integers(2**63 - 1)))  # schedulers draw from it
            content = self._config.content(name, given, needs=needs)
            with explained(f"`{name}` of the bundle is no tensor"):
                found = torch.as_tensor(content).detach().cpu().float()
        if found.numel() < self.size**2 or found.shape[-2:] != (self.size, self.size):
            raise UsageError(
                f"`{name}` of the bundle gives the shape {tuple(found.shape)}, not images of {self.size} pixels a side",
                do="give the recipe the bundle's size, or correct the name",
            )
        low, high = self.value_range
        image = found.reshape(-1, self.size, self.size)[:1]
        if not bool(image.isfinite().all()):
            raise UsageError(f"`{name}` of the bundle gives values that are not finite", do="correct the bundle")
        return np.asarray((2 * (image - low) / (high - low) - 1).clamp(-1, 1).numpy(), np.float32)

    def _stacked(self, images: list[Pixels]) -> Pixels:
        return np.stack(images) if images else np.empty((0, 1, self.size, self.size), np.float32)
