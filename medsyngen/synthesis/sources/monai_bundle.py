"""A generative MONAI bundle in a local folder as the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medsyngen.errors import UsageError
from medsyngen.scan import Pixels
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
        UsageError: The folder is remote or not there, has no such config, or nobody attests. At the first use: the
            config lacks a name, or gives something else than images of this size.
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
        if not self.attested_by.strip():
            raise UsageError(
                "nobody attests that the bundle is public", do="write into `attested_by` who says so, and why"
            )
        if not self.folder.is_dir():  # also an address: nothing is ever downloaded
            raise UsageError("the bundle is no folder on this machine", do="download it first, and give its folder")
        inside = (self.folder / self.config).resolve()
        if not inside.is_relative_to(self.folder.resolve()) or not inside.is_file():
            raise UsageError(f"the bundle has no {self.config}", do="correct `config`")
        if not self.value_range[0] < self.value_range[1]:
            raise UsageError("the bundle's `value_range` is empty", do="give two rising numbers")

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
            UsageError: The bundle can't vary.
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
            self._evaluated(self.vary_with, {self.image: each[None], self.degree: float(degree)}, rng)
            for each in members
        ]
        return Population(self._stacked(images), population.classes)

    @cached_property
    def _parser(self) -> Any:
        from monai.bundle import ConfigParser

        parser = ConfigParser()
        parser.read_config(str(self.folder / self.config))
        parser["bundle_root"] = str(self.folder)
        return parser

    @cached_property
    def _noise_like(self) -> Tensor:
        with torch.random.fork_rng(devices=[]):  # its config may draw from the global generator
            found = self._content(self.noise, {})
        if not isinstance(found, Tensor):
            raise UsageError(f"`{self.noise}` of the bundle is no tensor", do="correct `noise`")
        return found

    def _noise(self, rng: np.random.Generator) -> Tensor:
        like = self._noise_like
        return torch.from_numpy(rng.standard_normal(like.shape)).to(like)

    def _evaluated(self, name: str, given: Mapping[str, Any], rng: np.random.Generator) -> Pixels:
        """Returns one image, in [-1, 1], (1, size, size)."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.default_generator.manual_seed(int(rng.integers(2**63 - 1)))  # schedulers draw from it
            found = torch.as_tensor(self._content(name, given)).detach().cpu().float()
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

    def _content(self, name: str, given: Mapping[str, Any]) -> Any:
        """Returns what a name of the config stands for, with some names given; keeps whatever depends on none of them.

        Raises:
            UsageError: The config has no such name.
        """
        parser = self._parser
        kept = dict(parser.ref_resolver.resolved_content)
        parser.parse(True)
        if name not in parser.ref_resolver.items:
            raise UsageError(f"the bundle's config has no `{name}`", do=f"name what {self.config} calls it")
        changed = _dependents(parser.ref_resolver.items, {name, self.noise, self.image, self.degree})
        parser.ref_resolver.resolved_content.update({key: kept[key] for key in kept.keys() - changed})
        parser.ref_resolver.resolved_content.update(given)
        return parser.get_parsed_content(name)

    def _stacked(self, images: list[Pixels]) -> Pixels:
        return np.stack(images) if images else np.empty((0, 1, self.size, self.size), np.float32)


def _dependents(items: Mapping[str, Any], names: set[str]) -> set[str]:
    """Returns these names of a config and all that refer to them, at any distance."""
    from monai.bundle import ReferenceResolver

    refers = {key: set(ReferenceResolver.find_refs_in_config(item.get_config(), id=key)) for key, item in items.items()}
    found, more = set(names), set(names)
    while more:
        more = {key for key, to in refers.items() if to & found} - found
        found |= more
    return found
