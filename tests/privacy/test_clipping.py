"""One gradient a patient: equal to one-by-one autograd, of norm at most C whatever the record holds."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.privacy.clipping import add_clipped, clip_factors
from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.randomness import secure_generator

HOSTILE = st.sampled_from([0.0, 1.0, -3.0, 1e30, -1e38, 3e38, float("inf"), float("-inf"), float("nan"), 1e-40])


@given(st.integers(1, 6), st.integers(0, 1000))
def test_gradients_equal_one_by_one_autograd(patients: int, seed: int):
    loss, weights, cohort = LinearLoss(), toy_weights(), toy_cohort(patients, seed)
    stream = secure_generator()
    drawn = [loss.draw(cohort[p], stream.child(p.to_bytes())) for p in cohort]
    fast = per_patient_gradients(loss, weights, {k: torch.stack([d[k] for d in drawn]) for k in drawn[0]})
    for row, one in zip(fast, drawn, strict=True):
        leaves = {k: v.clone().requires_grad_() for k, v in weights.items()}
        slow = torch.autograd.grad(loss(leaves, one), list(leaves.values()))
        torch.testing.assert_close(row, torch.cat([g.flatten() for g in slow]))


@given(st.lists(st.lists(HOSTILE, min_size=5, max_size=5), min_size=1, max_size=4), st.floats(1e-6, 1e6))
def test_no_record_can_exceed_the_clipping_norm(rows: list[list[float]], clipping_norm: float):
    gradients = torch.tensor(rows, dtype=torch.float32)
    factors = clip_factors(gradients, clipping_norm)
    for row, factor in zip(gradients, factors, strict=True):
        total = torch.zeros(5, dtype=torch.float64)
        add_clipped(total, row[None], factor[None], 1)
        assert bool(total.isfinite().all())
        assert total.norm().item() <= clipping_norm


def test_small_gradients_pass_unchanged_and_a_zero_gradient_stays_zero():
    gradients = torch.tensor([[0.3, 0.4], [0.0, 0.0]])
    assert clip_factors(gradients, 1.0).tolist() == [1.0, 1.0]


def test_masked_slots_add_nothing():
    total = torch.zeros(2, dtype=torch.float64)
    gradients = torch.tensor([[1.0, 0.0], [5.0, 5.0]])
    add_clipped(total, gradients, torch.tensor([1.0, 1.0], dtype=torch.float64), taken=1)
    assert total.tolist() == [1.0, 0.0]


def test_the_norm_is_accumulated_in_float64():
    """Float32 squares of 1e25 overflow: a float32 norm would call this row infinite and drop it."""
    gradients = torch.full((1, 4), 1e25)
    assert clip_factors(gradients, 1.0)[0].item() == np.float64(
        (1 - 2**-10) / np.sqrt(4 * np.float64(np.float32(1e25)) ** 2)
    )


def test_the_sum_is_float64():
    total = torch.zeros(1, dtype=torch.float64)
    ones = torch.ones(3, 1) * 2.0**-30
    add_clipped(total, torch.cat([torch.ones(1, 1), ones]), torch.ones(4, dtype=torch.float64), 4)
    assert total.item() == 1 + 3 * 2.0**-30  # lost in float32
