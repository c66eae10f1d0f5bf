"""Weights, optimiser and moving average of private training: post-processing of noised sums, and their checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from medsyngen.averaging import MovingAverage
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.gradient_sum import Views

if TYPE_CHECKING:
    from medsyngen.privacy.chain import Head


class TrainingState:
    """Flat weights, Adam, moving average.

    Whoever knows the first weights and the noised sums can compute every later state: it holds nothing else.

    Args:
        flat: First weights, float32 (parameters,).
        learning_rate: Adam's.
        betas: Adam's.
        ema_decay: Of the moving average.
        steps: Planned steps, over which the learning rate falls to zero by a cosine; None keeps it.
    """

    def __init__(
        self,
        flat: Tensor,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        ema_decay: float,
        steps: int | None = None,
    ) -> None:
        self._learning_rate, self._steps, self._done = learning_rate, steps, 0
        self.flat = flat.requires_grad_()
        self.optimizer = torch.optim.Adam([self.flat], lr=learning_rate, betas=betas)
        self.average = MovingAverage({"flat": flat}, ema_decay)
        self.seeded = False

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
    ) -> TrainingState:
        """Returns the state of a checkpoint, or the first one where there is none."""
        flat = views.flatten(weights) if saved is None else saved.weights
        state = cls(flat.to(device), learning_rate=learning_rate, betas=betas, ema_decay=ema_decay, steps=steps)
        if saved is not None:
            state._done = saved.steps_done
            state.average = MovingAverage({"flat": saved.average.to(device)}, ema_decay, saved.steps_done)
            moments = {"exp_avg": saved.first_moment.to(device), "exp_avg_sq": saved.second_moment.to(device)}
            state.optimizer.state[state.flat] = {"step": torch.tensor(float(saved.steps_done)), **moments}
            state.seeded = saved.seeded
        return state

    def update(self, gradient: Tensor) -> None:
        """Takes one step along a noised, averaged gradient: float64 (parameters,), rounded once to float32."""
        self.flat.grad = gradient.to(self.flat.dtype)
        if self._steps is not None:
            falling = 0.5 * (1 + math.cos(math.pi * self._done / self._steps))
            self.optimizer.param_groups[0]["lr"] = self._learning_rate * falling
        self.optimizer.step()
        self._done += 1
        self.average.update({"flat": self.flat})

    def save(self, path: Path, *, recipe_sha256: str, run: str, head: Head, seeded: bool) -> None:
        """Writes the checkpoint atomically, with the head of the ledger as it stands now."""
        moments = self.optimizer.state[self.flat]
        Checkpoint(
            weights=self.flat.detach(),
            average=self.average.weights["flat"],
            first_moment=moments["exp_avg"],
            second_moment=moments["exp_avg_sq"],
            steps_done=int(moments["step"].item()),
            recipe_sha256=recipe_sha256,
            run=run,
            ledger_line=head.n,
            ledger_hash=head.hash,
            seeded=seeded,
        ).save(path)
