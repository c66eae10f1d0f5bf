"""Central images and stages together: one noised sum tells where each class lies, stages how its pictures look.

Part of the budget buys the mean picture of each class (:mod:`medsyngen.synthesis.central_images`); the rest pays for
DP-SGD in the context band of DP-SynGen (arXiv 2412.09842), or there is none. What is drawn is then moved, at every
noise level as far as it leaves room, until its means are those (:mod:`medsyngen.diffusion.shifted`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.diffusion.bands import private_bands
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_event
from medsyngen.privacy.events import Composed, Event
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.one_sum import kept_beside_the_sum, sum_privately
from medsyngen.privacy.run_account import RunAccount
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, Streams
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.central_images import CentralImages, Floats, OwnMeans, from_tensors, shift_between
from medsyngen.synthesis.generator import StagedGenerator
from medsyngen.synthesis.portrait_vector import PortraitVector
from medsyngen.synthesis.staged_diffusion import StagedDiffusion
from medsyngen.synthesis.synthesizer import Target

CENTRAL: Final = "central.safetensors"
"""File inside ``RUN/private/``: the noised sum."""


@dataclass(frozen=True)
class CentralDPSynGen(StagedDiffusion):
    """The method and its public numbers, beside those of staged diffusion.

    With ``public_bands: all`` phantoms serve every band: no DP-SGD, and the sum has the whole budget.

    Args:
        central: The mean pictures, and how drawings follow them.
        central_noise: sigma_DP of their sum over sigma_DP of DP-SGD: the larger, the less of the budget they take.
    """

    central: CentralImages = field(default_factory=CentralImages)
    central_noise: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.central_noise < float("inf"):
            raise ValueError(f"central_noise must be above 0, got {self.central_noise}")

    @property
    def reads_scans(self) -> bool:
        """Whether anything is asked of private scans: always, the sum at least."""
        return True

    @property
    def trains_on_scans(self) -> bool:
        """Whether DP-SGD follows the sum."""
        return bool(private_bands(self.public_bands))

    @property
    def stages(self) -> StagedDiffusion:
        """The second part: staged diffusion alone."""
        return StagedDiffusion(**{each.name: getattr(self, each.name) for each in fields(StagedDiffusion)})

    def sum_multiplier(self, noise_multiplier: float) -> float:
        """Returns sigma_DP of the sum; without DP-SGD the calibrated number is its alone."""
        return self.central_noise * noise_multiplier if self.trains_on_scans else noise_multiplier

    def plan(self, *, patients_at_most: int, noise_multiplier: float) -> Event:
        """Returns everything that :meth:`fit` charges, sum and DP-SGD, known before any scan is read."""
        first = self.central.event(self.sum_multiplier(noise_multiplier))
        if not self.trains_on_scans:
            return first
        return Composed((first, super().plan(patients_at_most=patients_at_most, noise_multiplier=noise_multiplier)))

    def calibrate(self, budget: Budget, patients_at_most: int) -> float:
        """Returns the noise multiplier z of DP-SGD with which sum and DP-SGD together spend at most the budget.

        Raises:
            BudgetRefused: If no noise fits.
        """
        return calibrate_event(budget, lambda z: self.plan(patients_at_most=patients_at_most, noise_multiplier=z))

    def describe_queries(self, target: Target) -> list[dict[str, Any]]:
        """Returns what private scans are asked beside training, as plain JSON for the report: public numbers only."""
        classes, entries = len(Cells(target.conditioning).values), min(self.central.entries, target.side**2)
        return [
            {
                "kind": "central images",
                "planned": 1,
                "classes": classes,
                "entries": classes * (1 + entries),
                "clipping_norm": self.central.clipping_norm,
            }
        ]

    def fit(
        self,
        cohort: Cohort,
        target: Target,
        *,
        patients_at_most: int,
        noise_multiplier: float,
        account: RunAccount,
        keys: SecureStream,
        private_folder: Path,
        device: torch.device,
        mechanism: Mechanism | None = None,
        ranks: Ranks = ALONE,
        progress: Progress = silent,
    ) -> StagedGenerator:
        """Learns a generator: a rehearsal, the charged sum, the stages with the charged DP-SGD, then the shift.

        Guarantee: that of :func:`sum_privately` and then of :func:`train_privately`, composed; nothing else here reads
        the cohort. The shift is post-processing of the noised sum and of the generator's own drawings. The whole is
        the event of :meth:`plan`, which fixes both parts before any scan is read; each charges before it runs and
        counts its own steps in the ledger, so after a kill neither is repeated nor uncounted.

        Args:
            cohort: The private cohort.
            target: What to make.
            patients_at_most: N_max.
            noise_multiplier: z, sigma_DP of DP-SGD; that of the sum is :meth:`sum_multiplier`.
            account: The run in the ledger, which has reserved :meth:`plan`.
            keys: Secret stream, new at each start.
            private_folder: ``RUN/private/``: the noised sum, checkpoints.
            device: Where to compute.
            mechanism: Left out but in tests.
            ranks: The processes of this job; the others are in :meth:`serve`.
            progress: Told how far it is.
        """
        kept = kept_beside_the_sum(account, private_folder / CENTRAL)
        vector = self.vector(target, kept)
        self._rehearse(target, private_folder, device, progress)
        sigma = self.sum_multiplier(noise_multiplier)
        result = sum_privately(
            cohort,
            vector,
            entries=vector.length,
            clipping_norm=self.central.clipping_norm,
            patients_at_most=patients_at_most,
            noise_multiplier=sigma,
            account=account,
            keys=keys,
            checkpoint=private_folder / CENTRAL,
            public=vector.read.tensors,
            mechanism=mechanism,
        )
        noise = sigma * self.central.clipping_norm / patients_at_most
        wanted = self.central.wanted(np.asarray(result.mean.numpy(), np.float64), vector, noise)
        if self.trains_on_scans:
            generator = self.stages.fit(
                cohort,
                target,
                patients_at_most=patients_at_most,
                noise_multiplier=noise_multiplier,
                account=account,
                keys=keys,
                private_folder=private_folder,
                device=device,
                mechanism=mechanism,
                ranks=ranks,
                progress=progress,
            )
        else:
            generator = self.stages.fit_on_phantoms(target, device=device, progress=progress)
        facts = replace(
            generator.facts,
            seeded=generator.facts.seeded or result.seeded,
            private=generator.facts.private and result.private,
        )
        return self.moved(replace(generator, facts=facts), wanted, vector, progress=progress)

    def vector(self, target: Target, kept: Mapping[str, Tensor] | None = None) -> PortraitVector:
        """Returns what each patient brings to the sum; no scan has a part in it.

        Args:
            target: What to make.
            kept: What was kept beside a sum that was taken before; None fits the directions to phantoms.
        """
        rng = Streams(self.seed).numpy("central images: phantoms")
        phantoms = self.draw_phantoms(target.size)(self.central.phantoms, rng)
        return self.central.vector(phantoms, Cells(target.conditioning), kept)

    def moved(
        self, generator: StagedGenerator, wanted: Floats, vector: PortraitVector, *, progress: Progress = silent
    ) -> StagedGenerator:
        """Returns the generator with its means moved to those wanted: post-processing, on drawings of its own.

        Args:
            generator: Without a shift.
            wanted: Means of each class, (cells, k).
            vector: Whose directions they lie along.
            progress: Told about the drawings.
        """
        cells = vector.cells.deal(self.central.drawn)
        # Other starting noise than that of the pictures which will be exported.
        trial = replace(generator, facts=replace(generator.facts, seed=Streams(self.seed).torch_seed("own means")))
        drawn = trial.draw(self.central.drawn, progress=progress).pixels
        own = OwnMeans.of(drawn, cells, vector.read)
        by = wanted - own.means
        for _ in range(self.central.rounds - 1):
            drawn = replace(trial, shift=shift_between(own, by, vector.read)).draw(len(cells), progress=progress).pixels
            by = by + wanted - OwnMeans.of(drawn, cells, vector.read).means
        return replace(generator, shift=shift_between(own, by, vector.read))

    def _rehearse(self, target: Target, folder: Path, device: torch.device, progress: Progress) -> None:
        """Rehearses DP-SGD before the sum is charged: what goes wrong in it must not cost the sum."""
        if self.trains_on_scans:
            _, start = self.first_weights(target, device=device, progress=progress)
            self._rehearsed(start, target, folder, device)

    def serve(self, target: Target, ranks: Ranks, *, device: torch.device) -> NoReturn:
        """Takes part in another process's :meth:`fit`: the sum is taken there, sums of DP-SGD are shared.

        Raises:
            RankEnded: When the first process has ended.
        """
        if not self.trains_on_scans:
            ranks.wait_for_the_end()
        super().serve(target, ranks, device=device)

    def restore(
        self, tensors: Mapping[str, Tensor], target: Target, *, seeded: bool, private: bool, device: torch.device
    ) -> StagedGenerator:
        """Returns the generator that :meth:`StagedGenerator.tensors` was saved of; see :class:`StagedDiffusion`."""
        generator = self.stages.restore(tensors, target, seeded=seeded, private=private, device=device)
        return replace(generator, shift=from_tensors(tensors))
