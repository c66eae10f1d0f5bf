"""Staged diffusion where an evolved expert stands in for the public one; a part of a method, no method itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from medsyngen.diffusion.bands import PUBLIC_BANDS
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.synthesis.evolved_phantoms import EvolvedDraws, EvolvedPhantoms
from medsyngen.synthesis.generator import GeneratorFacts
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.staged_diffusion import StagedDiffusion
from medsyngen.synthesis.synthesizer import Target


@dataclass(frozen=True)
class EvolvedExperts(StagedDiffusion):
    """What staged diffusion does once phantoms have evolved: their expert knows classes, and carries their marks.

    Args:
        expert: Weights of the evolved expert, with rows for all classes.
        phantoms_drawn: What it learned from; None where nothing is trained any more.
        seeded: Some draw that these came from was seeded.
        private_votes: They went through differential privacy.
    """

    expert: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    phantoms_drawn: EvolvedPhantoms | None = field(default=None, repr=False)
    seeded: bool = False
    private_votes: bool = True

    def first_weights(
        self, target: Target, *, device: torch.device, progress: Progress = silent
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Returns the evolved expert, if it serves any band, and the context expert's first weights."""
        serves = dict(self.expert) if PUBLIC_BANDS[self.public_bands] else {}
        if self.start == "phantoms":
            return serves, dict(self.expert)
        return serves, self.untrained(target)

    def generator_facts(self, target: Target, *, seeded: bool, private: bool) -> GeneratorFacts:
        """Returns the public facts of a generator; marks of the votes stay with it."""
        facts = super().generator_facts(target, seeded=seeded or self.seeded, private=private and self.private_votes)
        return replace(facts, public_classes=True)

    def _drawn(self, target: Target, device: torch.device) -> PhantomDraws:
        if self.phantoms_drawn is None:
            return super()._drawn(target, device)
        return EvolvedDraws(self.draw_phantoms(target.size), (), Streams(self.seed), device, self.phantoms_drawn)
