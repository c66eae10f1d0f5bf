"""A diffusion model trained on phantoms as the source: variations are noised again and denoised (SDEdit)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.diffusion.sampling import SAMPLERS, ImageNoise
from medsyngen.diffusion.schedule import karras_steps
from medsyngen.errors import VerificationFailed
from medsyngen.scan import Pixels
from medsyngen.synthesis.experts import expert_key
from medsyngen.synthesis.generator import GeneratorFacts, StagedGenerator, shares
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.variation import Population

PUBLISHED_SIDE = 28
RHO = 7.0
"""Of Karras's noise levels (equation 5)."""


@dataclass(frozen=True, eq=False)
class DiffusionVariation:
    """Draws from the public expert (Lin et al. 2024 vary with a diffusion model; SDEdit: Meng et al. 2022).

    Guarantee: the expert is trained on phantoms alone, so populations are functions of what was passed in.

    Args:
        expert: What was learned from phantoms; trained at the first use if nobody has it.
        size: Side of the images in pixels.
        sampler: ``heun``, ``ddim`` or ``ancestral``.
        steps: Noise levels from sigma_max down to 0; a variation walks those of them that lie below its own.
        lowest_sigma: sigma(0), to which a variation of degree 0 is noised: a fortieth of the range of values.
        device: Where to compute.
        expert_key: What the expert must have been made from, by :func:`key_of`; None takes it as it is.

    Raises:
        ValueError: No such sampler, too few steps, or a lowest sigma outside the schedule.
        VerificationFailed: At the first use: the expert is another one than the key says.
    """

    expert: PhantomExpert
    size: int
    sampler: str = "ancestral"
    steps: int = 18
    lowest_sigma: float = 0.05
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    expert_key: str | None = None

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {self.sampler!r}")
        if not isinstance(self.steps, int) or self.steps < 2:
            raise ValueError(f"steps must be at least 2, a whole number, got {self.steps!r}")
        if not self.expert.bands.sigma_min < self.lowest_sigma < self._sigma_max:
            raise ValueError(f"lowest_sigma {self.lowest_sigma} lies outside the noise levels of the expert")

    @property
    def origin(self) -> str:
        """What it is, for reports."""
        names = ", ".join(name for name, _ in self.expert.mix.parts)
        return f"a diffusion model trained on phantoms drawn by program ({names})"

    @property
    def _sigma_max(self) -> float:
        return self.expert.bands.sigma_max(self.size**2)

    def sigma(self, degree: float) -> float:
        """Returns the noise level of a degree: geometric from ``lowest_sigma`` to sigma_max.

        Raises:
            ValueError: The degree leaves [0, 1].
        """
        if not 0 <= degree <= 1:
            raise ValueError(f"degree must be in [0, 1], got {degree}")
        return float(self.lowest_sigma * (self._sigma_max / self.lowest_sigma) ** degree)

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        """Returns images drawn from sigma_max."""
        blank = np.zeros((count, 1, self.size, self.size), np.float32)
        images = self._denoised(blank, self._sigma_max, rng)
        return Population(images, np.full(count, label, np.int64))

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        """Returns the members noised to :meth:`sigma` of the degree and denoised; they have no places."""
        return Population(self._denoised(population.pixels, self.sigma(degree), rng), population.classes)

    def levels(self, sigma: float) -> Tensor:
        """Returns falling noise levels from sigma to 0, as dense as the whole schedule is there; at least two steps."""
        top, low, here = (s ** (1 / RHO) for s in (self._sigma_max, self.expert.bands.sigma_min, sigma))
        steps = max(2, round(self.steps * (here - low) / (top - low)))
        return karras_steps(steps, self.expert.bands.sigma_min, sigma, RHO)

    def _denoised(self, images: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
        seeds: NDArray[np.int64] = rng.integers(2**63 - 1, size=len(images))
        denoise, out = self._generator.denoiser(), np.empty_like(images)
        for rows in shares(len(images), self._generator.images_at_once):
            y = torch.from_numpy(np.ascontiguousarray(images[rows.start : rows.stop])).to(self.device)
            fresh = ImageNoise([int(seeds[i]) for i in rows], images.shape[1:], self.device)
            classes = torch.zeros(len(y), dtype=torch.int64, device=self.device)
            drawn = SAMPLERS[self.sampler](denoise, _Around(y / sigma, fresh), classes, self.levels(sigma))
            out[rows.start : rows.stop] = drawn.clamp(-1, 1).cpu().numpy()
        return out

    @cached_property
    def _generator(self) -> StagedGenerator:
        if self.expert_key not in (None, key_of(self.expert)):
            raise VerificationFailed(
                "the recipe was resolved by another version, whose diffusion model varies images in another way",
                do="go on with the version that it was made with; for a new run leave `expert_key` out",
            )
        weights = self.expert.public_expert(self.size, device=self.device)
        facts = GeneratorFacts(
            size=self.size,
            network=self.expert.network,
            bands=self.expert.bands,
            sampler_steps=self.steps,
            classes=(),
            shares=(),
            seed=self.expert.seed,
            seeded=False,
            private=True,
            sampler=self.sampler,
            prediction=self.expert.prediction,
        )
        return StagedGenerator(facts, weights, None, self.device)


def key_of(expert: PhantomExpert) -> str:
    """Returns the hash of all that an expert is made from but the images' size, which recipes say elsewhere."""
    return expert_key(expert.expert_identity(PUBLISHED_SIDE))


class _Around:
    """Noise whose first draw is around y / sigma: samplers that scale it by sigma then start at y + sigma n."""

    def __init__(self, centre: Tensor, fresh: ImageNoise) -> None:
        self._centre: Tensor | None = centre
        self._fresh = fresh

    def __call__(self) -> Tensor:
        noise = self._fresh()
        if self._centre is not None:
            noise, self._centre = noise + self._centre, None
        return noise
