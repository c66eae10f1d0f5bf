"""The private half of staged diffusion: what the context expert starts from, what it learns, what phantoms add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medsyngen.diffusion.bands import PUBLIC_BANDS
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import unet_for, untrained_weights, with_classes
from medsyngen.privacy.dpsgd import DPSGD
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Size, positions
from medsyngen.synthesis.context_loss import ContextLoss, ReparametrisedLoss
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.phantom_subspace import PhantomSubspace
from medsyngen.synthesis.replay import PhantomReplay
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.trainable import check_trainable, first_values

STARTS = ("phantoms", "random")
NULL_SHARE = 0.1
"""Of the phantoms that span a step, how many carry the null class, to one that carries any other."""


@dataclass(frozen=True)
class ContextExpert(PhantomExpert):
    """What private training learns, and from which weights; public numbers only. It reads no scan.

    Args:
        context_noise: Law of ln sigma inside the context band, for private training.
        private: DP-SGD on the context expert.
        public_bands: Bands that phantoms serve, ``both``, ``coarse``, ``cleaning`` or ``none``; scans serve the rest.
            With ``all`` nothing is left for scans.
        start: First weights of private training: ``phantoms``, the public expert's, or ``random``, not trained at all.
            With ``public_bands: none`` the first is fine-tuning, the second DPDM (arXiv 2210.09929).
        trainable: What private training may change: ``all`` weights, ``norms``, biases and embeddings, or ``lora``,
            low-rank additions and class embeddings (:mod:`medsyngen.synthesis.trainable`).
        lora_rank: Rank of the additions.
        subspace: Directions that a private step may take, spanned by the gradients of as many phantoms; 0 for all.
        class_directions: Directions of the class embeddings' own, beside the subspace's; at most as many as those.
        replay: Weight of phantoms' loss in the public bands, beside each private step: above 0 one network serves every
            band, 0 keeps two experts.
        class_gain: How many times as fast as other weights class embeddings are learned; their gradients count so many
            times in what a patient may bring. 1 treats all alike.
        label_dropout: Share of a patient's draws that are learned without their labels, for guidance.
    """

    context_noise: NoiseLaw = field(default_factory=lambda: NoiseLaw(0.0, 1.2))
    private: DPSGD = DPSGD()
    public_bands: str = "both"
    start: str = "phantoms"
    trainable: str = "all"
    lora_rank: int = 4
    subspace: int = 0
    class_directions: int = 0
    replay: float = 0.0
    class_gain: float = 1.0
    label_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in (("public_bands", PUBLIC_BANDS), ("start", STARTS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("subspace", "replay", "label_dropout"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} can't be negative, got {getattr(self, name)}")
        self._check_classes()
        if self.replay and self.public_bands in ("none", "all"):
            raise ValueError("replay needs public_bands in which phantoms are replayed, beside a private one")
        check_trainable(self.trainable, self.lora_rank, self.start)

    def _check_classes(self) -> None:
        if not 0 <= self.class_directions <= self.subspace:
            raise ValueError(f"class_directions must lie between 0 and subspace, got {self.class_directions}")
        if self.class_gain <= 0:
            raise ValueError(f"class_gain must be above 0, got {self.class_gain}")
        if self.label_dropout >= 1:
            raise ValueError(f"label_dropout must be below 1, got {self.label_dropout}")

    def context_loss(self, network: torch.nn.Module, size: Size, nulls: tuple[int, ...] = ()) -> ContextLoss:
        """Returns the loss of private training: sigma from the bands that phantoms do not serve.

        Args:
            network: Structure of the context expert.
            size: Of the images.
            nulls: Row of each attribute's null; without them no label is dropped, which costs the same.
        """
        band, private = self.bands.private_band(positions(size), self.public_bands), self.private
        draws = private.scans_per_patient, private.draws_per_scan
        dropout = self.label_dropout if nulls else 0.0
        numbers = (network, band, self.context_noise, *draws, nulls, dropout, self.prediction)
        if self.trainable == "lora" or self.class_gain != 1:
            return ReparametrisedLoss(*numbers, self.class_gain)
        return ContextLoss(*numbers)

    def first_weights(
        self, target: Target, *, device: torch.device, progress: Progress = silent
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Returns the weights of the public expert, if it serves any band, and the context expert's first ones."""
        serves, public = bool(PUBLIC_BANDS[self.public_bands]), {}
        if serves or self.start == "phantoms":
            public = self.public_expert(target.size, device=device, progress=progress)
        if self.start == "phantoms":
            return public if serves else {}, with_classes(public, *target.counts)
        return public, self.untrained(target)

    def untrained(self, target: Target) -> dict[str, Tensor]:
        """Returns first weights that nothing taught."""
        seed = Streams(self.seed).torch_seed("first weights of private training")
        return untrained_weights(self.network, target.conditioning.rows, images=target.size, seed=seed)

    def trained_from(self, start: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns what private training may change and where it begins; see :func:`first_values`."""
        seed = Streams(self.seed).torch_seed("low-rank additions")
        return first_values(start, self.trainable, rank=self.lora_rank, seed=seed, class_gain=self.class_gain)

    def private_part(
        self, start: Mapping[str, Tensor], target: Target, device: torch.device
    ) -> tuple[ContextLoss, dict[str, Tensor]]:
        """Returns the loss of private training, whose network holds the frozen weights, and the first trained ones.

        Args:
            start: First weights of the whole context expert (:meth:`first_weights`).
            target: What to make.
            device: Where to compute.
        """
        network = unet_for(self.network, target.size, class_rows=target.conditioning.rows, seed=0)
        network.load_state_dict(dict(start))
        network.to(device).eval().requires_grad_(False)
        return self.context_loss(network, target.size, target.conditioning.nulls), self.trained_from(start)

    def directions(self, loss: ContextLoss, target: Target, device: torch.device) -> PhantomSubspace | None:
        """Returns what spans the private steps, or None if they may go anywhere."""
        if not self.subspace:
            return None
        drawn, own = self._drawn(target, device), self.class_directions
        return PhantomSubspace(self.subspace, loss, drawn, self.private.micro_batch, own)

    def replayed(self, loss: ContextLoss, target: Target, device: torch.device) -> PhantomReplay | None:
        """Returns what keeps one network from forgetting the public bands, or None if there are two experts."""
        if not self.replay:
            return None
        bands = tuple(band for band, public in self.bands.stages(positions(target.size), self.public_bands) if public)
        draws, drawn = loss.scans_per_patient * loss.draws_per_scan, self._drawn(target, device)
        count, most = self.private.micro_batch, self.private.clipping_norm
        return PhantomReplay(self.replay, count, draws, loss, drawn, self.public.noise, bands, most)

    def _drawn(self, target: Target, device: torch.device) -> PhantomDraws:
        shares = tuple((*shares, NULL_SHARE) for shares in target.conditioning.shares)
        return PhantomDraws(self.draw_phantoms(target.size), shares, Streams(self.seed), device)
