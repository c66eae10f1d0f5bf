"""Pitfalls behind the noise: the noised sum is computed and another one used; a run steered by private figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toys import LinearLoss, toy_cohort, toy_weights
from watched import N_MAX, TRAINING, Make, Parts, Watched, judge, watch

from medsyngen.privacy import dpsgd
from medsyngen.privacy.dpsgd import train_privately
from medsyngen.privacy.gradient_sum import Views, clipped_sum
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import SecureStream, seeded_generator_for_tests

COHORT = toy_cohort(12)


def replayed(seen: Watched) -> dict[str, torch.Tensor]:
    """The weights that follow from the first ones and every noised sum, and from nothing else."""
    views = Views({name: value.shape for name, value in toy_weights().items()})
    options = {"learning_rate": TRAINING.learning_rate, "betas": TRAINING.adam_betas, "ema_decay": TRAINING.ema_decay}
    state = TrainingState(views.flatten(toy_weights()), steps=TRAINING.decays_over, **options)
    for noised in seen.noised:
        state.update(noised / (TRAINING.sampling_rate(N_MAX) * N_MAX))
    return views(state.average.weights["flat"])


def law_of_post_processing(make: Make, folder: Path) -> None:
    """What comes out is computed from all the noised sums, to the last planned step, and from nothing else."""
    seen = watch(make(), folder, COHORT, keys=seeded_generator_for_tests(3))
    assert len(seen.noised) == TRAINING.steps
    assert seen.result is not None
    for name, value in replayed(seen).items():
        torch.testing.assert_close(seen.result.weights[name], value, rtol=0, atol=0)


def applies_the_clean_sum() -> Parts:
    """Noise is added and accounted for; the optimiser gets the other tensor."""
    last = []

    def kept(*step, **more):
        last.append(clipped_sum(*step, **more))
        return last[-1]

    class State(TrainingState):
        def update(self, gradient, *more):
            super().update(last[-1] / 5, *more)

    return Parts(sum=kept, state=State)


def private_loss(result) -> float:
    draws = [LinearLoss().draw(COHORT[p], SecureStream(bytes(32)).child(p.to_bytes())) for p in COHORT]
    return sum(LinearLoss()(result.weights, drawn).item() for drawn in draws)


def best_by_private_loss(*arguments, checkpoint, **more):
    """The checkpoint that fits the patients best is kept, and the last one thrown away."""
    found = []

    class State(dpsgd.TrainingState):
        def save(self, path, **facts):
            super().save(path, **facts)
            views = Views({name: value.shape for name, value in toy_weights().items()})
            found.append({k: v.clone() for k, v in views(self.average.weights["flat"]).items()})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dpsgd, "TrainingState", State)
        result = train_privately(*arguments, checkpoint=checkpoint, **more)
    return min((replace(result, weights=weights) for weights in found), key=private_loss)


def stops_early(loss, weights, cohort, training, **more):
    """Ends when the private loss no longer falls: here, after the first block."""
    return train_privately(loss, weights, cohort, replace(training, steps=training.block), **more)


STEERED = {
    "the clean sum is applied": applies_the_clean_sum,
    "best checkpoint by private loss": lambda: Parts(train=best_by_private_loss),
    "early stopping": lambda: Parts(train=stops_early),
}


def test_the_noised_sum_is_computed_and_another_one_used(tmp_path):
    judge(lambda make: law_of_post_processing(make, tmp_path), Parts, STEERED)
