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
from medsyngen.diffusion.bands import PUBLIC_BANDS
from medsyngen.diffusion.sampling import SAMPLERS
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import build_unet, untrained_weights, with_classes
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.privacy.events import Event
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.shared_sum import receive_weights, send_weights, serve_sums
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, Streams
from medsyngen.synthesis.context_loss import ContextLoss, LowRankLoss
from medsyngen.synthesis.generator import GeneratorFacts, StagedGenerator
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.phantom_subspace import PhantomSubspace
from medsyngen.synthesis.rehearsal import rehearse
from medsyngen.synthesis.replay import PhantomReplay
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.trainable import check_trainable, first_values, merged

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
        start: First weights of private training: ``phantoms``, the public expert's, or ``random``, not trained at all.
            With ``public_bands: none`` the first is fine-tuning, the second DPDM (arXiv 2210.09929).
        trainable: What private training may change: ``all`` weights, ``norms``, biases and embeddings, or ``lora``,
            low-rank additions and class embeddings (:mod:`medsyngen.synthesis.trainable`).
        lora_rank: Rank of the additions.
        subspace: Directions that a private step may take, spanned by the gradients of as many phantoms; 0 for all.
        replay: Weight of phantoms' loss in the public bands, beside each private step: above 0 one network serves every
            band, 0 keeps two experts.
        sampler_steps: Steps of a drawn image.
        sampler: ``heun``, two network calls a step, or ``ddim``, one.
        label_dropout: Share of a patient's draws that are learned without their labels, for guidance.
        guidance: Weight of what sets an image's class apart, in sampling; 1 draws what was learned.
    """

    context_noise: NoiseLaw = field(default_factory=lambda: NoiseLaw(0.0, 1.2))
    private: DPSGD = DPSGD()
    public_bands: str = "both"
    start: str = "phantoms"
    trainable: str = "all"
    lora_rank: int = 4
    subspace: int = 0
    replay: float = 0.0
    sampler_steps: int = 18
    sampler: str = "heun"
    label_dropout: float = 0.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in (("public_bands", PUBLIC_BANDS), ("start", STARTS), ("sampler", SAMPLERS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name, least in (("subspace", 0), ("replay", 0), ("label_dropout", 0), ("sampler_steps", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if self.label_dropout >= 1:
            raise ValueError(f"label_dropout must be below 1, got {self.label_dropout}")
        if self.guidance != 1 and not self.label_dropout:
            raise ValueError("guidance other than 1 needs label_dropout above 0: it leads away from the null class")
        if self.replay and not PUBLIC_BANDS[self.public_bands]:
            raise ValueError("replay needs public_bands in which phantoms are replayed")
        check_trainable(self.trainable, self.lora_rank, self.start)

    def context_loss(self, network: torch.nn.Module, size: int, nulls: tuple[int, ...] = ()) -> ContextLoss:
        """Returns the loss of private training: sigma from the bands that phantoms do not serve.

        Args:
            network: Structure of the context expert.
            size: Side of the images.
            nulls: Row of each attribute's null; without them no label is dropped, which costs the same.
        """
        band, private = self.bands.private_band(size**2, self.public_bands), self.private
        kind = LowRankLoss if self.trainable == "lora" else ContextLoss
        draws = private.scans_per_patient, private.draws_per_scan
        dropout = self.label_dropout if nulls else 0.0
        return kind(network, band, self.context_noise, *draws, nulls, dropout, self.prediction)

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
        """
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
            public_gradient=self._replayed(loss, target, device),
            ranks=ranks,
            progress=progress,
        )
        facts = self.generator_facts(target, seeded=result.seeded, private=result.private)
        public = {} if self.replay else public
        return StagedGenerator(facts, public, merged(start, result.weights), device)

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

    def first_weights(
        self, target: Target, *, device: torch.device, progress: Progress = silent
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Returns the weights of the public expert, if it serves any band, and the context expert's first ones."""
        serves, public = bool(PUBLIC_BANDS[self.public_bands]), {}
        if serves or self.start == "phantoms":
            public = self.public_expert(target.size, device=device, progress=progress)
        if self.start == "phantoms":
            return public if serves else {}, with_classes(public, *target.counts)
        seed = Streams(self.seed).torch_seed("first weights of private training")
        return public, untrained_weights(self.network, target.conditioning.rows, seed=seed)

    def trained_from(self, start: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns what private training may change and where it begins; see :func:`first_values`."""
        seed = Streams(self.seed).torch_seed("low-rank additions")
        return first_values(start, self.trainable, rank=self.lora_rank, seed=seed)

    def private_part(
        self, start: Mapping[str, Tensor], target: Target, device: torch.device
    ) -> tuple[ContextLoss, dict[str, Tensor]]:
        """Returns the loss of private training, whose network holds the frozen weights, and the first trained ones.

        Args:
            start: First weights of the whole context expert (:meth:`first_weights`).
            target: What to make.
            device: Where to compute.
        """
        network = build_unet(self.network, image_channels=1, class_rows=target.conditioning.rows, seed=0)
        network.load_state_dict(dict(start))
        network.to(device).eval().requires_grad_(False)
        return self.context_loss(network, target.size, target.conditioning.nulls), self.trained_from(start)

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

    def directions(self, loss: ContextLoss, target: Target, device: torch.device) -> PhantomSubspace | None:
        """Returns what spans the private steps, or None if they may go anywhere."""
        if not self.subspace:
            return None
        return PhantomSubspace(self.subspace, loss, self._drawn(target, device), self.private.micro_batch)

    def _replayed(self, loss: ContextLoss, target: Target, device: torch.device) -> PhantomReplay | None:
        if not self.replay:
            return None
        bands = tuple(band for band, public in self.bands.stages(target.size**2, self.public_bands) if public)
        draws, drawn = loss.scans_per_patient * loss.draws_per_scan, self._drawn(target, device)
        count, most = self.private.micro_batch, self.private.clipping_norm
        return PhantomReplay(self.replay, count, draws, loss, drawn, self.public.noise, bands, most)

    def _drawn(self, target: Target, device: torch.device) -> PhantomDraws:
        shares = tuple((*shares, NULL_SHARE) for shares in target.conditioning.shares)
        return PhantomDraws(self.draw_phantoms(target.size), shares, Streams(self.seed), device)

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
