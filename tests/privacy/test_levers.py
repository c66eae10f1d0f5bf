"""Noise correction and filter together, in the whole space and in subspaces, up to private training as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from ledgers import begin, new
from torch import Tensor
from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.privacy import training_state
from medsyngen.privacy.adam import Adam, NoiseCorrection
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.low_pass import LowPass
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import secure_generator

BETAS = (0.9, 0.99)
Start = Callable[..., TrainingState]


def start(weights: Tensor, **levers) -> TrainingState:
    return TrainingState(weights, learning_rate=0.01, betas=BETAS, ema_decay=0.9, **levers)


def uneven_basis(parameters: int, k: int, seed: int) -> Tensor:
    """Directions that share themselves out among the weights unevenly, and otherwise in every step."""
    generator = torch.Generator().manual_seed(seed)
    size = 10.0 ** torch.empty(parameters, 1).uniform_(-1.5, 0.5, generator=generator)
    return size * torch.randn(parameters, k, generator=generator)


def law_of_the_noise_taken_out(begun: Start, filter_gain: float) -> None:
    """On pure noise in subspaces the noise taken out of v is, weight by weight, what v expects."""
    parameters, k, steps, runs, phi = 30, 4, 12, 250, 1e-4
    generator, expected, seen = torch.Generator().manual_seed(5), torch.zeros(parameters), torch.zeros(parameters)
    bases = [uneven_basis(parameters, k, step) for step in range(steps)]
    for _ in range(runs):
        state = begun(torch.zeros(parameters), correction=NoiseCorrection(phi, 0.05), filter_gain=filter_gain)
        for basis in bases:
            state.update(phi**0.5 * torch.randn(k, dtype=torch.float64, generator=generator), basis)
        expected, seen = expected + state.adam.noise, seen + state.adam.second
    off = (seen / expected - 1).abs()
    assert float(off.mean()) < 0.06
    assert float(off.max()) < 0.3


class AlikeOnAllWeights(TrainingState):
    """Takes the noise of coordinates for noise of the weights."""

    def update(self, gradient: Tensor, basis: Tensor | None = None, public: Tensor | None = None) -> None:
        super().update(gradient if basis is None else basis @ gradient.to(basis.dtype))


class OfTheLastStepOnly(Adam):
    """Forgets that v remembers earlier steps, with other directions."""

    def _without_noise(self, variance: Tensor) -> Tensor:
        self.noise = torch.zeros_like(variance)
        return super()._without_noise(variance * (1 - 0.99**self.steps) / (1 - 0.99))


class AsIfUnfiltered(LowPass):
    """Filters the gradient, and takes out all of the noise that it had before."""

    def __call__(self, gradient: Tensor, variance: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return super().__call__(gradient, None)[0], variance


@pytest.mark.parametrize("filter_gain", [1.0, 0.4])
def test_the_noise_taken_out_of_v_is_what_v_expects(filter_gain, monkeypatch):
    def alike(weights, **levers):
        return AlikeOnAllWeights(weights, learning_rate=0.01, betas=BETAS, ema_decay=0.9, **levers)

    law_of_the_noise_taken_out(start, filter_gain)
    with pytest.raises(AssertionError):
        law_of_the_noise_taken_out(alike, filter_gain)
    name, mutant = ("Adam", OfTheLastStepOnly) if filter_gain == 1 else ("LowPass", AsIfUnfiltered)
    monkeypatch.setattr(training_state, name, mutant)
    with pytest.raises(AssertionError):
        law_of_the_noise_taken_out(start, filter_gain)


def written_out(
    weights: Tensor, gradients: list[np.ndarray], variances: list[np.ndarray], training: DPSGD
) -> np.ndarray:
    """The definition in float64: every average a weighted sum over all steps, nothing remembered."""

    def averaged(rows: list[np.ndarray], keep: float, power: int = 1) -> np.ndarray:
        w = keep ** np.arange(len(rows))[::-1]
        return np.tensordot((w / w.sum()) ** power, np.stack(rows), 1)

    x, keep, (beta1, beta2) = weights.double().numpy().copy(), 1 - training.filter_gain, training.adam_betas
    filtered, left = [], []
    for t in range(1, len(gradients) + 1):
        filtered.append(averaged(gradients[:t], keep))
        left.append(averaged(variances[:t], keep, 2))
        m, v, phi = averaged(filtered, beta1), averaged([g**2 for g in filtered], beta2), averaged(left, beta2)
        if training.noise_correction:
            v = np.maximum(v - phi, training.correction_floor * phi)
        x -= training.learning_rate * m / (np.sqrt(v) + training.adam_damping)
    return x


PLAIN = DPSGD(
    steps=6, patients_per_step=10, block=2, micro_batch=4, clipping_norm=0.5, learning_rate=0.1, ema_decay=0.0
)
LEVERS = {
    "plain": PLAIN,
    "damped": replace(PLAIN, adam_damping=0.01),
    "corrected": replace(PLAIN, noise_correction=True),
    "filtered": replace(PLAIN, filter_gain=0.3),
    "both": replace(PLAIN, noise_correction=True, correction_floor=0.2, filter_gain=0.6),
}
SIGMA, N_MAX = 2.0, 40


class Kept(GaussianSum):
    def __init__(self) -> None:
        self.released: list[Tensor] = []

    def release(self, total, std, stream):
        self.released.append(super().release(total, std, stream))
        return self.released[-1]


@pytest.mark.parametrize("directions", [None, lambda step, weights: uneven_basis(15, 3, step)])
@pytest.mark.parametrize("lever", LEVERS)
def test_private_training_does_what_the_papers_say_with_its_noised_sums(lever, directions, tmp_path):
    """The result is a function of the noised sums and of the recipe; Phi = (sigma C / (q N_max))^2, per coordinate."""
    training, mechanism = LEVERS[lever], Kept()
    with new(tmp_path, Budget(1e6, 1e-5)) as ledger:
        plan = training.event(training.steps, patients_at_most=N_MAX, noise_multiplier=SIGMA)
        keys = secure_generator()
        result = train_privately(
            LinearLoss(),
            toy_weights(),
            toy_cohort(12),
            training,
            patients_at_most=N_MAX,
            noise_multiplier=SIGMA,
            account=begin(ledger, plan, seeded=keys.seeded),
            keys=keys,
            checkpoint=tmp_path / "checkpoint.safetensors",
            device=torch.device("cpu"),
            mechanism=mechanism,
            subspace=directions,
        )
    phi, gradients, variances = (2.0 * 0.5 / 10) ** 2, [], []
    for step, released in enumerate(mechanism.released):
        basis = torch.eye(15) if directions is None else directions(step, {})
        gradients.append(basis.double().numpy() @ (released.numpy() / 10))
        variances.append(phi * np.square(basis.double().numpy()).sum(1))
    views = Views({name: value.shape for name, value in toy_weights().items()})
    expected = written_out(views.flatten(toy_weights()), gradients, variances, training)
    # With ema_decay 0 the average is the weights.
    np.testing.assert_allclose(views.flatten(result.weights).numpy(), expected, rtol=2e-4, atol=2e-5)


def test_no_two_levers_do_the_same():
    rng = np.random.Generator(np.random.PCG64(0))
    gradients, variances = [0.3 + 0.1 * rng.standard_normal(15) for _ in range(6)], [np.full(15, 0.01)] * 6
    found = [written_out(torch.zeros(15), gradients, variances, training) for training in LEVERS.values()]
    for i, one in enumerate(found):
        assert all(np.abs(one - other).max() > 1e-3 for other in found[:i])


@pytest.mark.parametrize(
    "wrong", [{"correction_floor": 0.0}, {"filter_gain": 0.0}, {"filter_gain": 1.01}, {"filter_gain": float("nan")}]
)
def test_numbers_outside_their_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DPSGD(**wrong)


def test_what_is_taken_out_comes_from_public_numbers():
    training = DPSGD(clipping_norm=0.3, patients_per_step=100, noise_correction=True, correction_floor=0.1)
    found = training.correction(patients_at_most=1000, noise_multiplier=2.0)
    assert found == NoiseCorrection(pytest.approx((2.0 * 0.3 / 100) ** 2), 0.1)
    few = training.correction(patients_at_most=50, noise_multiplier=2.0)  # q = 1: divided by N_max
    assert few == NoiseCorrection(pytest.approx((2.0 * 0.3 / 50) ** 2), 0.1)
    assert DPSGD().correction(patients_at_most=50, noise_multiplier=2.0) is None
