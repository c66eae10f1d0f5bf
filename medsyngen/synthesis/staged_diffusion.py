"""DP-SynGen (arXiv 2412.09842): phantoms serve the coarse and cleaning bands, private scans the context band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.sharing import receive_cohort, send_cohort
from medsyngen.diffusion.bands import PUBLIC_BANDS, private_bands
from medsyngen.diffusion.sampling import SAMPLERS
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import build_unet, untrained_weights, with_classes
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.dpsgd import DPSGD, Mechanism, train_privately
from medsyngen.privacy.events import Event
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.shared_sum import receive_weights, send_weights, serve_sums
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, Streams
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.generator import GeneratorFacts, StagedGenerator
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.phantom_subspace import PhantomSubspace
from medsyngen.synthesis.rehearsal import rehearse
from medsyngen.synthesis.synthesizer import Target

STARTS = ("phantoms", "random")
NULL_SHARE = 0.1
"""Of the phantoms that span a step, how many carry the null class, to one that carries any other."""


@dataclass(frozen=True)
class StagedDiffusion(PhantomExpert):
    """The method and its public numbers, beside those of the expert that learns from phantoms.

    Args:
        context_noise: Law of ln sigma inside the context band, for private training.
        private: DP-SGD on the context expert.
        public_bands: Bands that phantoms serve, ``both``, ``coarse``, ``cleaning`` or ``none``; scans serve the rest.
            With ``all`` nothing is left for scans: see :meth:`fit_on_phantoms`.
        start: First weights of private training: ``phantoms``, the public expert's, or ``random``, not trained at all.
            With ``public_bands: none`` the first is fine-tuning, the second DPDM (arXiv 2210.09929).
        subspace: Directions that a private step may take, spanned by the gradients of as many phantoms; 0 for all.
        sampler_steps: Steps of a drawn image.
        sampler: ``heun``, two network calls a step, or ``ddim``, one.
    """

    context_noise: NoiseLaw = field(default_factory=lambda: NoiseLaw(0.0, 1.2))
    private: DPSGD = DPSGD()
    public_bands: str = "both"
    start: str = "phantoms"
    subspace: int = 0
    sampler_steps: int = 18
    sampler: str = "heun"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.public_bands not in PUBLIC_BANDS:
            raise ValueError(f"public_bands must be one of {', '.join(PUBLIC_BANDS)}, got {self.public_bands!r}")
        if self.start not in STARTS:
            raise ValueError(f"start must be one of {', '.join(STARTS)}, got {self.start!r}")
        if self.subspace < 0:
            raise ValueError(f"subspace can't be negative, got {self.subspace}")
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

    def context_loss(self, network: torch.nn.Module, size: int) -> ContextLoss:
        """Returns the loss of private training: sigma from the bands that phantoms do not serve."""
        band, private = self.bands.private_band(size**2, self.public_bands), self.private
        return ContextLoss(network, band, self.context_noise, private.scans_per_patient, private.draws_per_scan)

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
        loss = self._rehearsed_loss(start, target, private_folder, device)
        subspace = self.directions(loss, target, device)
        for rank in ranks.others:
            ranks.receive(rank)  # rehearsed there, too
        result = train_privately(
            loss,
            start,
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
            ranks=ranks,
            progress=progress,
        )
        facts = self.generator_facts(target, seeded=result.seeded, private=result.private)
        return StagedGenerator(facts, public, result.weights, device)

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
        loss = self._rehearsed_loss(start, target, None, device)
        ranks.send(0)
        serve_sums(
            loss,
            Views({name: value.shape for name, value in start.items()}),
            cohort,
            ranks,
            clipping_norm=self.private.clipping_norm,
            micro_batch=self.private.micro_batch,
            device=device,
        )

    def first_weights(
        self, target: Target, *, device: torch.device, progress: Progress = silent
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Returns the weights of the public expert, if it serves any band, and the first ones of private training."""
        serves, public = bool(PUBLIC_BANDS[self.public_bands]), {}
        if serves or self.start == "phantoms":
            public = self.public_expert(target.size, device=device, progress=progress)
        if self.start == "phantoms":
            return public if serves else {}, with_classes(public, *target.counts)
        seed = Streams(self.seed).torch_seed("first weights of private training")
        return public, untrained_weights(self.network, target.conditioning.rows, seed=seed)

    def _rehearsed_loss(
        self, start: Mapping[str, Tensor], target: Target, folder: Path | None, device: torch.device
    ) -> ContextLoss:
        rows = target.conditioning.rows
        network = build_unet(self.network, image_channels=1, class_rows=rows, seed=0).to(device).eval()
        loss = self.context_loss(network, target.size)
        rng = Streams(self.seed).numpy("rehearsal")
        phantoms = self.draw_phantoms(target.size)(max(self.private.micro_batch + 1, *rows), rng)
        rehearse(
            loss,
            start,
            self.private,
            phantoms,
            class_rows=rows,
            subspace=self.directions(loss, target, device),
            untrained=self.start == "random",
            folder=folder,
            device=device,
        )
        return loss

    def directions(self, loss: ContextLoss, target: Target, device: torch.device) -> PhantomSubspace | None:
        """Returns what spans the private steps, or None if they may go anywhere."""
        if not self.subspace:
            return None
        first, *further = ((*shares, NULL_SHARE) for shares in target.conditioning.shares)
        draw, streams = self.draw_phantoms(target.size), Streams(self.seed)
        slots = self.private.micro_batch
        return PhantomSubspace(self.subspace, loss, draw, first, slots, streams, device, tuple(further))

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
            public_bands=self.public_bands,
            conditions=target.conditions,
        )
