"""The learning rate follows a public plan; a resumed state goes on where it was."""

from __future__ import annotations

import json
import math

import pytest
import torch
from safetensors import safe_open
from toys import toy_weights

from medsyngen.averaging import MovingAverage
from medsyngen.errors import VerificationFailed
from medsyngen.privacy.adam import NoiseCorrection
from medsyngen.privacy.chain import Head
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.training_state import TrainingState

VIEWS = Views({name: value.shape for name, value in toy_weights().items()})
GRADIENT = torch.ones(15, dtype=torch.float64)
CORRECTED = {"correction": NoiseCorrection(0.5, 0.1)}
FILTERED = {"filter_gain": 0.3}


def state(steps: int | None, saved: Checkpoint | None = None, **levers) -> TrainingState:
    return TrainingState.start(
        VIEWS,
        toy_weights(),
        saved,
        torch.device("cpu"),
        learning_rate=0.1,
        betas=(0.9, 0.99),
        ema_decay=0.9,
        steps=steps,
        **levers,
    )


def moves(training: TrainingState, count: int) -> list[float]:
    """How far each update goes: under a constant gradient Adam's step is its learning rate."""
    found = []
    for _ in range(count):
        before = training.flat.detach().clone()
        training.update(GRADIENT)
        found.append(float((before - training.flat.detach())[0]))
    return found


def test_the_learning_rate_falls_by_a_cosine_over_the_planned_steps():
    wanted = [0.1 * 0.5 * (1 + math.cos(math.pi * t / 8)) for t in range(8)]
    assert moves(state(8), 8) == pytest.approx(wanted, rel=1e-3)
    assert moves(state(None), 4) == pytest.approx([0.1] * 4, rel=1e-3)


def test_a_resumed_state_goes_on_where_it_was(tmp_path):
    whole, first = state(6), state(6)
    expected = moves(whole, 6)
    moves(first, 2)
    first.save(tmp_path / "c", recipe_sha256="ab" * 32, run="run", head=Head(1, "cd" * 32), seeded=False, private=True)
    resumed = state(6, Checkpoint.load(tmp_path / "c"))
    assert moves(resumed, 4) == pytest.approx(expected[2:], rel=1e-4)
    assert torch.allclose(resumed.average.weights["flat"], whole.average.weights["flat"], atol=1e-6)


def noised(step: int, basis: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A gradient, or coordinates and their basis: others in every step."""
    generator = torch.Generator().manual_seed(step)
    if not basis:
        return torch.randn(15, dtype=torch.float64, generator=generator), None
    return torch.randn(4, dtype=torch.float64, generator=generator), torch.randn(15, 4, generator=generator)


def saved(training: TrainingState, folder) -> Checkpoint:
    training.save(folder / "c", recipe_sha256="ab" * 32, run="run", head=Head(1, "cd" * 32), seeded=False, private=True)
    return Checkpoint.load(folder / "c")


@pytest.mark.parametrize("basis", [False, True])
@pytest.mark.parametrize("levers", [{}, CORRECTED, FILTERED, CORRECTED | FILTERED])
def test_a_resumed_state_makes_of_the_same_sums_the_same_weights_to_the_last_bit(levers, basis, tmp_path):
    whole, parts = state(6, **levers), state(6, **levers)
    for step in range(6):
        whole.update(*noised(step, basis))
        parts.update(*noised(step, basis))
        parts = state(6, saved(parts, tmp_path), **levers)
    assert torch.equal(parts.flat, whole.flat)
    assert torch.equal(parts.average.weights["flat"], whole.average.weights["flat"])
    assert not torch.equal(whole.flat, VIEWS.flatten(toy_weights()))


@pytest.mark.parametrize("basis", [False, True])
def test_without_levers_it_is_pytorchs_adam_to_the_last_bit(basis, tmp_path):
    training = state(8)
    flat = VIEWS.flatten(toy_weights()).requires_grad_()
    optimizer, average = torch.optim.Adam([flat], lr=0.1, betas=(0.9, 0.99)), MovingAverage({"flat": flat}, 0.9)
    for step in range(8):
        gradient, directions = noised(step, basis)
        training.update(gradient, directions)
        along = gradient if directions is None else directions @ gradient.to(directions.dtype)
        flat.grad = along.to(flat.dtype)
        optimizer.param_groups[0]["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * step / 8))
        optimizer.step()
        average.update({"flat": flat})
    moments, kept = optimizer.state[flat], saved(training, tmp_path)
    assert torch.equal(kept.weights, flat.detach())
    assert torch.equal(kept.average, average.weights["flat"])
    assert torch.equal(kept.first_moment, moments["exp_avg"])
    assert torch.equal(kept.second_moment, moments["exp_avg_sq"])
    assert kept.steps_done == moments["step"] == 8


def test_a_checkpoint_without_levers_is_one_of_before(tmp_path):
    """Four vectors and the facts of old, so that an older checkpoint is read, and goes on."""
    training = state(6)
    moves(training, 2)
    old = saved(training, tmp_path)
    with safe_open(tmp_path / "c", framework="pt") as file:
        assert sorted(file.keys()) == ["average", "first_moment", "second_moment", "weights"]
        assert "levers" not in json.loads(file.metadata()["medsyngen"])
    assert old.levers == {}
    moves(state(6, old), 1)


@pytest.mark.parametrize(("made", "read"), [({}, CORRECTED), (CORRECTED, FILTERED), (FILTERED, {})])
def test_a_checkpoint_of_other_levers_is_refused(made, read, tmp_path):
    training = state(6, **made)
    moves(training, 1)
    with pytest.raises(VerificationFailed, match="noise_correction or filter_gain"):
        state(6, saved(training, tmp_path), **read)
