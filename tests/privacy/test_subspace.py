"""Steps in a subspace: what is clipped and noised are coordinates, and the directions are fixed before the sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import begin, new
from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.privacy import dpsgd, gradient_sum, training_state
from medsyngen.privacy.adam import Adam
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.privacy.gradient_sum import Views, clipped_sum, patient_streams
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.randomness import SecureStream, secure_generator

CPU = torch.device("cpu")
PARAMETERS = 15
TRAINING = DPSGD(steps=4, patients_per_step=10, block=2, micro_batch=4, clipping_norm=0.5, learning_rate=0.1)


def some_basis(k: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.linalg.qr(torch.randn(PARAMETERS, k, generator=generator))[0]


def total(cohort, basis, step, *, c=0.5, micro_batch=4):
    return clipped_sum(
        LinearLoss(),
        toy_weights(),
        cohort,
        list(cohort),
        clipping_norm=c,
        micro_batch=micro_batch,
        streams=patient_streams(step),
        device=CPU,
        basis=basis,
    )


def law_of_one_patient(sum_of, cohort, basis, step, c):
    """A patient moves the coordinates by at most C, whatever the basis is."""
    whole = sum_of(cohort, basis, step, c=c)
    assert whole.shape == (basis.shape[1],)
    for patient in cohort:
        assert (whole - sum_of(cohort.without(patient), basis, step, c=c)).norm().item() <= c


@given(
    st.integers(1, 7), st.integers(1, 9), st.floats(1e-3, 1e3), st.sampled_from([1e-6, 1.0, 50.0]), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_a_patient_moves_the_coordinates_by_at_most_c_whatever_the_basis(k, n, c, scale, seed):
    cohort, step, basis = toy_cohort(n, seed, scale=20.0), secure_generator(), some_basis(k, seed, scale)
    law_of_one_patient(total, cohort, basis, step, c)


def test_the_law_catches_a_gradient_that_is_clipped_before_it_is_projected():
    """With a basis that stretches, coordinates of a clipped gradient are longer than C."""

    def clips_first(cohort, basis, step, *, c):
        return total(cohort, None, step, c=c) @ basis.double()

    cohort, step, basis = toy_cohort(3, scale=20.0), secure_generator(), some_basis(5, scale=3.0)
    law_of_one_patient(total, cohort, basis, step, 0.5)
    with pytest.raises(AssertionError):
        law_of_one_patient(clips_first, cohort, basis, step, 0.5)


def test_all_directions_give_the_sum_of_the_whole_space():
    cohort, step = toy_cohort(6), secure_generator()
    basis = some_basis(PARAMETERS)
    torch.testing.assert_close(
        basis.double() @ total(cohort, basis, step), total(cohort, None, step), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 3e38])
def test_a_record_that_is_not_finite_adds_nothing_to_any_coordinate(bad):
    cohort, step, basis = toy_cohort(4), secure_generator(), some_basis(3)
    first = next(iter(cohort))
    spoiled = dict(cohort.items())
    spoiled[first] = replace(cohort[first], pixels=np.full_like(cohort[first].pixels, bad))
    found = total(type(cohort)(spoiled), basis, step)
    assert bool(found.isfinite().all())
    torch.testing.assert_close(found, total(cohort.without(first), basis, step), rtol=1e-5, atol=1e-6)


class Directions:
    """Finds three directions from the weights, and writes down when it was asked."""

    def __init__(self, seen):
        self.seen, self.asked = seen, []

    def __call__(self, step, weights):
        self.seen.append("directions")
        flat = Views({name: value.shape for name, value in weights.items()}).flatten(weights)
        self.asked.append((step, flat.clone()))
        return some_basis(3, seed=step)


def train(tmp_path, cohort, directions, mechanism=None, keys=None):
    with new(tmp_path, Budget(1e6, 1e-5)) as ledger:
        plan = TRAINING.event(TRAINING.steps, patients_at_most=20, noise_multiplier=2.0)
        keys = keys or secure_generator()
        return train_privately(
            LinearLoss(),
            toy_weights(),
            cohort,
            TRAINING,
            patients_at_most=20,
            noise_multiplier=2.0,
            account=begin(ledger, plan, seeded=keys.seeded),
            keys=keys,
            checkpoint=tmp_path / "checkpoint.safetensors",
            device=CPU,
            mechanism=mechanism,
            subspace=directions,
        )


def test_directions_are_found_before_the_patients_are_drawn_and_noise_goes_to_the_coordinates(tmp_path, monkeypatch):
    seen, applied, released = [], [], []
    real_draw = dpsgd.draw_patients
    monkeypatch.setattr(dpsgd, "draw_patients", lambda *a: (seen.append("patients"), real_draw(*a))[1])

    class Heard(Adam):
        def step(self, weights, gradient, *more):
            applied.append(gradient.clone())
            super().step(weights, gradient, *more)

    class Watched(GaussianSum):
        def release(self, total, std, stream):
            released.append((total.clone(), super().release(total, std, stream)))
            return released[-1][1]

    monkeypatch.setattr(training_state, "Adam", Heard)
    directions = Directions(seen)
    train(tmp_path, toy_cohort(12), directions, Watched())
    assert seen == ["directions", "patients"] * TRAINING.steps
    assert [step for step, _ in directions.asked] == list(range(TRAINING.steps))
    torch.testing.assert_close(directions.asked[0][1], torch.cat([v.flatten() for v in toy_weights().values()]))
    for step, (gradient, (before, after)) in enumerate(zip(applied, released, strict=True)):
        basis = some_basis(3, seed=step)
        assert before.shape == after.shape == (3,)
        assert bool((before != after).all())
        torch.testing.assert_close(gradient, basis @ (after / 10).float())  # q N_max = 10
        torch.testing.assert_close(basis @ (basis.T @ gradient), gradient)  # nothing outside the span


def test_the_same_noised_weights_give_the_same_directions_in_neighbouring_cohorts(tmp_path):
    """All that directions are given is the step and the weights: at the first step they can't differ."""
    asked = []
    for name, patients in (("one", 12), ("other", 3)):
        directions = Directions([])
        (tmp_path / name).mkdir()
        train(tmp_path / name, toy_cohort(patients), directions)
        asked.append(directions.asked)
    assert torch.equal(asked[0][0][1], asked[1][0][1])
    assert not torch.equal(asked[0][-1][1], asked[1][-1][1])


def test_the_basis_does_not_wait_for_the_device_either(monkeypatch):
    meta = torch.device("meta")
    weights = {name: value.to(meta) for name, value in toy_weights().items()}
    monkeypatch.setattr(gradient_sum, "per_patient_gradients", lambda *_: torch.zeros(4, PARAMETERS, device=meta))
    found = clipped_sum(
        LinearLoss(),
        weights,
        cohort := toy_cohort(5),
        list(cohort),
        clipping_norm=0.5,
        micro_batch=4,
        streams=patient_streams(SecureStream(bytes(32))),
        device=meta,
        basis=torch.zeros(PARAMETERS, 3, device=meta),
    )
    assert found.shape == (3,)
