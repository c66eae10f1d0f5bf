"""A finished staged generator: a public expert for the outer bands, a context expert between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medsyngen.cohort.conditions import Attribute
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.denoiser import Denoiser
from medsyngen.diffusion.guidance import Guided
from medsyngen.diffusion.sampling import SAMPLERS, ImageNoise, images_at_once
from medsyngen.diffusion.schedule import karras_steps
from medsyngen.diffusion.shifted import Shift, Shifted
from medsyngen.diffusion.staged import Denoise, StagedDenoiser
from medsyngen.diffusion.unet import UNetSize, unet_for
from medsyngen.errors import VerificationFailed
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels, Size, image_shape, positions
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.central_images import to_tensors
from medsyngen.synthesis.conditioning import Conditioning, part_of
from medsyngen.synthesis.synthesizer import Draws, Generator


@dataclass(frozen=True)
class GeneratorFacts:
    """Public numbers and marks that travel with the weights.

    Args:
        size: Side of the pictures, or (channel, *space) of other images.
        network: Size of both experts.
        bands: Edges of the bands.
        sampler_steps: Steps of the sampler.
        classes: Class names; the null class comes after them.
        shares: Public proportion of each class.
        seed: Public seed of sampling.
        seeded: Some private draw came from a seed: can't be released.
        private: The private part, if there is any, went through differential privacy: otherwise can't be released.
        sampler: ``heun``, ``ddim`` or ``ancestral``.
        public_bands: Bands that the public expert serves (``diffusion.bands.PUBLIC_BANDS``).
        conditions: Attributes in place of classes, which are the short form of one attribute.
        guidance: Weight of what sets an image's class apart; 1 is what was learned.
        prediction: What both networks predict, ``edm`` or ``v``.
        public_classes: The public expert knows the classes and is called with them; otherwise it has the null class.
    """

    size: Size
    network: UNetSize
    bands: StageBands
    sampler_steps: int
    classes: tuple[str, ...]
    shares: tuple[float, ...]
    seed: int
    seeded: bool
    private: bool
    sampler: str = "heun"
    public_bands: str = "both"
    conditions: tuple[Attribute, ...] = ()
    guidance: float = 1.0
    prediction: str = "edm"
    public_classes: bool = False

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {self.sampler!r}")

    @property
    def conditioning(self) -> Conditioning:
        """The attributes, whichever form they were given in."""
        return Conditioning.of(self.classes, self.shares, self.conditions)


def shares(count: int, at_once: int) -> list[range]:
    """Returns the numbers of ``count`` images, in batches of at most ``at_once``."""
    return [range(start, min(start + at_once, count)) for start in range(0, count, at_once)]


@dataclass(frozen=True, eq=False)
class StagedGenerator:
    """Draws images; post-processing of weights that differential privacy already protects.

    Args:
        facts: Public numbers and marks.
        public: Weights of the expert trained on phantoms; empty if it serves no band.
        context: Weights of the context expert, or None: phantoms only.
        device: Where to compute.
        shift: How far the means of its drawings are moved, or None.
    """

    facts: GeneratorFacts
    public: Mapping[str, Tensor] = field(repr=False)
    context: Mapping[str, Tensor] | None = field(repr=False)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    shift: Shift | None = field(default=None, repr=False)

    kind = "experts"

    def tensors(self) -> dict[str, Tensor]:
        """Returns all that was learned, by name, for a file or another process."""
        tensors = {f"public.{name}": value.contiguous() for name, value in self.public.items()}
        for name, value in (self.context or {}).items():
            tensors[f"context.{name}"] = value.clone().contiguous()  # a frozen weight may be the public expert's own
        return tensors | (to_tensors(self.shift) if self.shift else {})

    def denoiser(self) -> Denoise:
        """Returns the staged denoiser; a public expert that knows no classes is always called with the null class."""
        if self.shift is None:
            return self._staged()
        return Shifted(self._staged(), self.shift, Cells(self.facts.conditioning).weights)

    def _staged(self) -> Denoise:
        facts = self.facts
        if self.context is None:
            return self._public()
        context = self._with_classes(self.context)
        stages = facts.bands.stages(positions(facts.size), facts.public_bands)
        return StagedDenoiser([(band, self._public() if public else context) for band, public in stages])

    def _public(self) -> Denoise:
        if self.facts.public_classes:
            return self._with_classes(self.public)
        public = Denoiser(_network(self.facts, self.public, (1,)).to(self.device), self.facts.prediction)
        return lambda x, sigma, classes: public(x, sigma, classes.new_zeros(len(classes)))

    def _with_classes(self, weights: Mapping[str, Tensor]) -> Denoise:
        facts = self.facts
        denoise: Denoise = Denoiser(_network(facts, weights, facts.conditioning.rows).to(self.device), facts.prediction)
        return denoise if facts.guidance == 1 else Guided(denoise, facts.conditioning.nulls, facts.guidance)

    def dealt(self, count: int) -> dict[str, tuple[str, ...]]:
        """Returns, for each attribute, the value of each of ``count`` images, known before any is drawn; "": null."""
        return self.facts.conditioning.columns(count)

    def named(self, images: Pixels, columns: Mapping[str, tuple[str, ...]]) -> Draws:
        """Returns images with their values."""
        return Draws.of(images, columns, declared=bool(self.facts.conditions))

    def batches(self, count: int, *, progress: Progress = silent, batch: int | None = None) -> Iterator[Draws]:
        """Draws images batch by batch, so that memory does not grow with ``count``; see :meth:`draw`."""
        images_of, columns = self.image_drawer(count), self.dealt(count)
        for rows in shares(count, batch or self.images_at_once):
            images = images_of(rows)
            progress("drawing images", rows.stop, count)
            yield self.named(images, part_of(columns, rows))

    @property
    def images_at_once(self) -> int:
        """The batch that the memory of this machine bears."""
        return images_at_once(self.facts.network, self.facts.size, self.device)

    def image_drawer(self, count: int) -> Callable[[range], Pixels]:
        """Returns a function that draws some of ``count`` images, by their numbers: float32 (rows, channel, *space)."""
        facts = self.facts
        denoise, sample, streams = self.denoiser(), SAMPLERS[facts.sampler], Streams(facts.seed)
        sigmas = karras_steps(facts.sampler_steps, facts.bands.sigma_min, facts.bands.sigma_max(positions(facts.size)))
        dealt = facts.conditioning.deal(count)

        def images_of(rows: range) -> Pixels:
            seeds = [streams.torch_seed("draw", i) for i in rows]
            classes = torch.tensor([dealt[i] for i in rows], device=self.device)
            fresh = ImageNoise(seeds, image_shape(facts.size), self.device)
            images = sample(denoise, fresh, classes, sigmas).clamp(-1, 1)
            return np.asarray(images.cpu().numpy(), np.float32)

        return images_of

    def draw(self, count: int, *, progress: Progress = silent, batch: int | None = None) -> Draws:
        """Draws images; image ``i`` does not depend on ``count`` or ``batch`` (up to rounding).

        Args:
            count: How many.
            progress: Told after each batch.
            batch: Images at once; bounds memory. None lets :func:`images_at_once` choose.
        """
        drawn = list(self.batches(count, progress=progress, batch=batch))
        return self.named(np.concatenate([part.pixels for part in drawn]), self.dealt(count))


def _network(facts: GeneratorFacts, weights: Mapping[str, Tensor], class_rows: tuple[int, ...]) -> torch.nn.Module:
    network = unet_for(facts.network, facts.size, class_rows=class_rows, seed=0)
    network.load_state_dict(dict(weights))
    return network.eval().requires_grad_(False)


def generator_bytes(generator: Generator, facts: Mapping[str, Any]) -> bytes:
    """Returns a safetensors file: what was learned, and JSON facts in its metadata (no pickle, no key, no count).

    Args:
        generator: What to save.
        facts: Plain JSON that the pipeline adds: recipe, ledger head, phantoms.
    """
    from safetensors.torch import save

    # The kind of the first generators is not written: their files stay what they were.
    told = dict(facts) if generator.kind == StagedGenerator.kind else {**facts, "kind": generator.kind}
    return save(generator.tensors(), metadata={"medsyngen": json.dumps(told, sort_keys=True)})


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns what was learned, by name, and the JSON facts of a generator file.

    Raises:
        VerificationFailed: The file is not a generator.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["medsyngen"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise VerificationFailed(
            f"{path.name} is not a generator of this version ({type(error).__name__})",
            do="run `medsyngen fit` into a new run folder",
        ) from error
    return tensors, facts


def experts_of(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor] | None]:
    """Returns the weights of the public expert, and of the context expert or None, out of all tensors of a file."""
    public = {name.removeprefix("public."): t for name, t in tensors.items() if name.startswith("public.")}
    context = {name.removeprefix("context."): t for name, t in tensors.items() if name.startswith("context.")}
    return public, context or None


def read_generator_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Tensor] | None, dict[str, Any]]:
    """Returns (public weights, context weights or None, JSON facts) of a generator file; see :func:`read_tensors`."""
    tensors, facts = read_tensors(path)
    return *experts_of(tensors), facts
