"""The learning rate follows a public plan; a resumed state goes on where it was."""

from __future__ import annotations

import math

import pytest
import torch
from toys import toy_weights

from medsyngen.privacy.chain import Head
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.training_state import TrainingState

VIEWS = Views({name: value.shape for name, value in toy_weights().items()})
GRADIENT = torch.ones(15, dtype=torch.float64)


def state(steps: int | None, saved: Checkpoint | None = None) -> TrainingState:
    return TrainingState.start(
        VIEWS,
        toy_weights(),
        saved,
        torch.device("cpu"),
        learning_rate=0.1,
        betas=(0.9, 0.99),
        ema_decay=0.9,
        steps=steps,
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
    first.save(tmp_path / "c", recipe_sha256="ab" * 32, run="run", head=Head(1, "cd" * 32), seeded=False)
    resumed = state(6, Checkpoint.load(tmp_path / "c"))
    assert moves(resumed, 4) == pytest.approx(expected[2:], rel=1e-4)
    assert torch.allclose(resumed.average.weights["flat"], whole.average.weights["flat"], atol=1e-6)
