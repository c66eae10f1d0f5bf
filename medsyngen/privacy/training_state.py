"""Weights, optimiser and moving average of private training: post-processing of noised sums, and their checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from medsyngen.averaging import MovingAverage
from medsyngen.errors import VerificationFailed
from medsyngen.privacy.adam import DAMPING, Adam, NoiseCorrection
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.low_pass import LowPass

if TYPE_CHECKING:
    from medsyngen.privacy.chain import Head


class TrainingState:
    """Flat weights, Adam, moving average.

    Guarantee: whoever knows the first weights, the noised sums and the public numbers can compute every later state:
    it holds nothing else. So all of it, noise correction and filter included, is post-processing.

    Args:
        flat: First weights, float32 (parameters,).
        learning_rate: Adam's.
        betas: Adam's.
        ema_decay: Of the moving average.
        steps: Planned steps, over which the learning rate falls to zero by a cosine; None keeps it.
        correction: What is taken out of Adam's second moment; None for plain Adam.
        filter_gain: kappa of :class:`LowPass`; 1 for no filter.
        damping: Of Adam.
    """

    def __init__(
        self,
        flat: Tensor,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        ema_decay: float,
        steps: int | None = None,
        correction: NoiseCorrection | None = None,
        filter_gain: float = 1.0,
        damping: float = DAMPING,
    ) -> None:
        self._learning_rate, self._steps, self._correction = learning_rate, steps, correction
        self.flat = flat
        self.adam = Adam(flat, betas, None if correction is None else correction.floor, damping)
        self._low_pass = LowPass(flat, filter_gain) if filter_gain < 1 else None
        self.average = MovingAverage({"flat": flat}, ema_decay)
        self.seeded, self.private = False, True

    @classmethod
    def start(
        cls,
        views: Views,
        weights: Mapping[str, Tensor],
        saved: Checkpoint | None,
        device: torch.device,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        ema_decay: float,
        steps: int | None = None,
        correction: NoiseCorrection | None = None,
        filter_gain: float = 1.0,
        damping: float = DAMPING,
    ) -> TrainingState:
        """Returns the state of a checkpoint, or the first one where there is none.

        Raises:
            VerificationFailed: The checkpoint was made with another correction or filter.
        """
        flat = views.flatten(weights) if saved is None else saved.weights
        state = cls(
            flat.to(device),
            learning_rate=learning_rate,
            betas=betas,
            ema_decay=ema_decay,
            steps=steps,
            correction=correction,
            filter_gain=filter_gain,
            damping=damping,
        )
        if saved is not None:
            state._go_on(saved)
        return state

    def update(self, gradient: Tensor, basis: Tensor | None = None, public: Tensor | None = None) -> None:
        """Takes one step along a noised, averaged gradient, which is rounded once to float32.

        Args:
            gradient: float64 (parameters,), or (k,) coordinates in the basis.
            basis: Of this step, float32 (parameters, k); None for the whole space.
            public: Gradient without noise that is added behind the filter, (parameters,).
        """
        variance = None
        if self._correction is not None:
            # Noise on coordinates is not the same on all weights: z ~ N(0, Phi I) makes Var (Q z)_i = Phi |Q_i|^2.
            shares = self.flat.new_ones(()) if basis is None else torch.linalg.vector_norm(basis, dim=1).square()
            variance = self._correction.variance * shares
        along = gradient.to(self.flat.dtype) if basis is None else basis @ gradient.to(basis.dtype)
        if self._low_pass is not None:
            along, variance = self._low_pass(along, variance)
        if public is not None:
            along = along + public.to(along.dtype)
        falling = 1.0 if self._steps is None else 0.5 * (1 + math.cos(math.pi * self.adam.steps / self._steps))
        self.adam.step(self.flat, along, self._learning_rate * falling, variance)
        self.average.update({"flat": self.flat})

    def save(self, path: Path, *, recipe_sha256: str, run: str, head: Head, seeded: bool, private: bool) -> None:
        """Writes the checkpoint atomically, with the head of the ledger as it stands now."""
        Checkpoint(
            weights=self.flat,
            average=self.average.weights["flat"],
            first_moment=self.adam.first,
            second_moment=self.adam.second,
            steps_done=self.adam.steps,
            recipe_sha256=recipe_sha256,
            run=run,
            ledger_line=head.n,
            ledger_hash=head.hash,
            seeded=seeded,
            private=private,
            levers=self._levers(),
        ).save(path)

    def _levers(self) -> dict[str, Tensor]:
        """What correction and filter remember, if they are on."""
        found = {}
        if self._correction is not None:
            found["noise_variance"] = self.adam.noise
        if self._low_pass is not None:
            found |= {"filtered": self._low_pass.value, "filtered_variance": self._low_pass.variance}
        return found

    def _go_on(self, saved: Checkpoint) -> None:
        """Takes everything but the weights from a checkpoint."""
        if saved.levers.keys() != self._levers().keys():
            raise VerificationFailed(
                "the checkpoint was made with another noise_correction or filter_gain",
                do="start again in a new run folder; what was charged stays charged",
            )
        device, done = self.flat.device, saved.steps_done
        self.average = MovingAverage({"flat": saved.average.to(device)}, self.average.decay, done)
        self.adam.steps = done
        self.adam.first, self.adam.second = saved.first_moment.to(device), saved.second_moment.to(device)
        levers = {name: value.to(device) for name, value in saved.levers.items()}
        self.adam.noise = levers.get("noise_variance", self.adam.noise)
        if self._low_pass is not None:
            self._low_pass.steps = done
            self._low_pass.value, self._low_pass.variance = levers["filtered"], levers["filtered_variance"]
        self.seeded, self.private = saved.seeded, saved.private
