"""DP-SynGen (arXiv 2412.09842): phantoms serve the coarse and cleaning bands, private scans the context band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.sharing import receive_cohort, send_cohort
from medsyngen.diffusion.bands import private_bands
from medsyngen.diffusion.sampling import SAMPLERS
from medsyngen.diffusion.unet import check_image_size, with_mean_nulls
from medsyngen.errors import VerificationFailed
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.dpsgd import train_privately
from medsyngen.privacy.events import Event
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.shared_sum import receive_weights, send_weights, serve_sums
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, Streams
from medsyngen.scan import Size
from medsyngen.synthesis.context_expert import ContextExpert
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.generator import GeneratorFacts, StagedGenerator, experts_of
from medsyngen.synthesis.rehearsal import rehearse
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.trainable import merged


@dataclass(frozen=True)
class StagedDiffusion(ContextExpert):
    """The method and its public numbers, beside those of the experts that learn from phantoms and from scans.

    Args:
        sampler_steps: Steps of a drawn image.
        sampler: ``heun``, two network calls a step, ``ddim``, one, or ``ancestral``, one with fresh noise.
        guidance: Weight of what sets an image's class apart, in sampling: from the null class, if ``label_dropout``
            taught it, else from the mean of all classes. 1 draws what was learned.
    """

    sampler_steps: int = 18
    sampler: str = "heun"
    guidance: float = 1.0

    makes_volumes: ClassVar[bool] = True
    """Whether it makes volumes, too; what builds on it says so itself."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sampler_steps < 2:
            raise ValueError(f"sampler_steps must be at least 2, got {self.sampler_steps}")
        if self.sampler not in SAMPLERS:
            raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {self.sampler!r}")

    @property
    def reads_scans(self) -> bool:
        """Whether private scans serve any band; if not, nothing is private and nothing is charged."""
        return bool(private_bands(self.public_bands))

    def fit_on_phantoms(self, target: Target, *, device: torch.device, progress: Progress = silent) -> StagedGenerator:
        """Returns a generator whose every band phantoms serve; its classes are names only.

        Guarantee: takes no cohort, so what it returns is the same whoever the patients are.

        Args:
            target: What to make.
            device: Where to compute.
            progress: Told how far it is.

        Raises:
            ValueError: Private scans serve a band.
        """
        if self.reads_scans:
            raise ValueError(f"private scans serve a band ({', '.join(private_bands(self.public_bands))})")
        public = self.public_expert(target.size, device=device, progress=progress)
        return StagedGenerator(self.generator_facts(target, seeded=False, private=True), public, None, device)

    def calibrate(self, budget: Budget, patients_at_most: int) -> float:
        """Returns the noise multiplier sigma_DP with which the private training spends at most the budget.

        Raises:
            BudgetRefused: If no noise fits.
        """
        rate = self.private.sampling_rate(patients_at_most)
        return calibrate_noise(budget, sampling_rate=rate, steps=self.private.steps)

    def plan(self, *, patients_at_most: int, noise_multiplier: float) -> Event:
        """Returns everything that :meth:`fit` charges, known before any scan is read."""
        return self.private.event(
            self.private.steps, patients_at_most=patients_at_most, noise_multiplier=noise_multiplier
        )

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
        """Learns a generator: public training, a rehearsal on phantoms, then the charged private training.

        Guarantee: that of :func:`train_privately`; nothing else here reads the cohort.

        Args:
            cohort: The private cohort.
            target: What to make.
            patients_at_most: N_max.
            noise_multiplier: sigma_DP.
            account: The run in the ledger, which has reserved :meth:`plan`.
            keys: Secret stream, new at each start.
            private_folder: ``RUN/private/``: checkpoints.
            device: Where to compute.
            mechanism: Left out but in tests.
            ranks: The processes of this job; the others are in :meth:`serve`.
            progress: Told how far it is.

        Raises:
            ValueError: Phantoms serve every band: there would be nothing to charge for.
        """
        if not self.reads_scans:
            raise ValueError("phantoms serve every band: there is nothing to learn from scans")
        public, start = self.first_weights(target, device=device, progress=progress)
        send_cohort(ranks, cohort)
        send_weights(ranks, start)
        loss, trained = self._rehearsed(start, target, private_folder, device)
        subspace = self.directions(loss, target, device)
        for rank in ranks.others:
            ranks.receive(rank)  # rehearsed there, too
        result = train_privately(
            loss,
            trained,
            cohort,
            self.private,
            patients_at_most=patients_at_most,
            noise_multiplier=noise_multiplier,
            account=account,
            keys=keys,
            checkpoint=private_folder / "checkpoint.safetensors",
            device=device,
            mechanism=mechanism,
            subspace=subspace,
            public_gradient=self.replayed(loss, target, device),
            ranks=ranks,
            progress=progress,
        )
        facts = self.generator_facts(target, seeded=result.seeded, private=result.private)
        public = {} if self.replay else public
        context = merged(start, result.weights, self.class_gain)
        if not self.label_dropout:
            context = with_mean_nulls(context, target.conditioning.shares)
        return StagedGenerator(facts, public, context, device)

    def serve(self, target: Target, ranks: Ranks, *, device: torch.device) -> NoReturn:
        """Takes part in another process's :meth:`fit`, until that ends: rehearses, then computes shares of the sums.

        Guarantee: that of :func:`serve_sums`; nothing is written.

        Args:
            target: What to make.
            ranks: The processes of this job.
            device: Where to compute.

        Raises:
            RankEnded: When the first process has ended.
        """
        cohort = receive_cohort(ranks)
        start = receive_weights(ranks)
        loss, trained = self._rehearsed(start, target, None, device)
        ranks.send(0)
        serve_sums(
            loss,
            Views({name: value.shape for name, value in trained.items()}),
            cohort,
            ranks,
            clipping_norm=self.private.clipping_norm,
            micro_batch=self.private.micro_batch,
            device=device,
        )

    def _rehearsed(
        self, start: Mapping[str, Tensor], target: Target, folder: Path | None, device: torch.device
    ) -> tuple[ContextLoss, dict[str, Tensor]]:
        loss, trained = self.private_part(start, target, device)
        rows = target.conditioning.rows
        rng = Streams(self.seed).numpy("rehearsal")
        phantoms = self.draw_phantoms(target.size)(max(self.private.micro_batch + 1, *rows), rng)
        rehearse(
            loss,
            trained,
            self.private,
            phantoms,
            class_rows=rows,
            subspace=self.directions(loss, target, device),
            untrained=[name for name in trained if self.start == "random" or name not in start],
            folder=folder,
            device=device,
        )
        return loss, trained

    def check_size(self, size: Size) -> None:
        """Refuses images that the network can't halve (:func:`check_image_size`), or that no phantom here is like."""
        check_image_size(self.network, size)
        self.mix.check_size(size)

    def describe_phantoms(self) -> list[dict[str, Any]]:
        """Returns the phantoms that it learns from, as plain JSON."""
        return self.mix.describe()

    def describe_queries(self, target: Target) -> list[dict[str, Any]]:
        """Returns nothing: scans are learned from by training, in stages, and asked nothing beside it."""
        return []

    def restore(
        self, tensors: Mapping[str, Tensor], target: Target, *, seeded: bool, private: bool, device: torch.device
    ) -> StagedGenerator:
        """Returns the generator that :meth:`StagedGenerator.tensors` was saved of.

        Raises:
            VerificationFailed: It has a privately trained part and the method none, or the other way round.
        """
        public, context = experts_of(tensors)
        if self.reads_scans != (context is not None):
            raise VerificationFailed(
                "the generator does not belong to the recipe beside it: one of them learned from scans",
                do="restore recipe.yaml, or fit again in a new run folder",
            )
        return StagedGenerator(self.generator_facts(target, seeded=seeded, private=private), public, context, device)

    def generator_facts(self, target: Target, *, seeded: bool, private: bool) -> GeneratorFacts:
        """Returns the public facts of a generator made by this method."""
        return GeneratorFacts(
            size=target.size,
            network=self.network,
            bands=self.bands,
            sampler_steps=self.sampler_steps,
            classes=target.classes,
            shares=target.shares,
            seed=self.seed,
            seeded=seeded,
            private=private,
            sampler=self.sampler,
            public_bands="none" if self.replay else self.public_bands,
            conditions=target.conditions,
            guidance=self.guidance,
            prediction=self.prediction,
        )
