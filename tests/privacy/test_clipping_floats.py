"""The float rules of clipping: what is added to the sum is never longer than C, in exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from medsyngen.privacy.clipping import CLIP_MARGIN, add_clipped, clip_factors

FLOAT32 = st.floats(width=32, allow_subnormal=True)  # with NaN and infinities
ROWS = st.lists(FLOAT32, min_size=1, max_size=8)
NORMS = st.floats(1e-6, 1e6)
GIANT = float(np.finfo(np.float32).max)
TINY = float(np.finfo(np.float32).smallest_subnormal)


def added(row: list[float], clipping_norm: float, before: list[float], factors=clip_factors) -> list[Fraction]:
    """Returns by how much the sum moved, exactly."""
    gradients = torch.tensor([row], dtype=torch.float32)
    total = torch.tensor(before, dtype=torch.float64)
    add_clipped(total, gradients, factors(gradients, clipping_norm), 1)
    return [Fraction(after) - Fraction(b) for after, b in zip(total.tolist(), before, strict=True)]


@given(ROWS, NORMS)
@example([GIANT] * 8, 1.0)
@example([GIANT, 1.0, -1.0], 0.3)
@example([TINY] * 8, 1e-6)
@example([GIANT, TINY], 1e-6)
@example([float("nan"), 1.0], 1.0)
@example([float("inf"), float("-inf")], 1.0)
@example([0.6, 0.8], 1.0)
def test_what_is_added_is_never_longer_than_c(row: list[float], clipping_norm: float):
    moved = added(row, clipping_norm, [0.0] * len(row))
    assert sum(x * x for x in moved) <= Fraction(clipping_norm) ** 2
    if not all(math.isfinite(x) for x in row):
        assert not any(moved)  # a gradient that is not finite becomes zero


@given(ROWS, NORMS, st.lists(st.floats(-1e4, 1e4), min_size=8, max_size=8))
def test_nor_is_it_on_top_of_ten_thousand_other_patients(row: list[float], clipping_norm: float, others: list[float]):
    """The sum rounds as it grows: the margin has room for it."""
    before = [clipping_norm * x for x in others[: len(row)]]
    assert sum(x * x for x in added(row, clipping_norm, before)) <= Fraction(clipping_norm) ** 2


def test_without_the_margin_rounding_goes_beyond_c():
    """The mutant that clips to C itself: what it adds is longer than C by the last bits, and more upon a large sum."""

    def to_c(gradients: Tensor, clipping_norm: float) -> Tensor:
        return clip_factors(gradients, clipping_norm / CLIP_MARGIN)

    rng = np.random.Generator(np.random.PCG64(0))
    rows = rng.normal(size=(200, 8)).astype(np.float32) * 100
    longer = [sum(x * x for x in added(row.tolist(), 0.3, [3e3] * 8, to_c)) > Fraction(0.3) ** 2 for row in rows]
    kept = [sum(x * x for x in added(row.tolist(), 0.3, [3e3] * 8)) > Fraction(0.3) ** 2 for row in rows]
    assert sum(longer) > 20
    assert not any(kept)


def exact_norm(row: Tensor) -> float:
    """The norm of a long row, its squares summed without rounding."""
    return math.sqrt(math.fsum((row.double() ** 2).tolist()))


LONG = {
    "even": torch.full((1, 1 << 20), 0.37),
    "one giant coordinate": torch.cat([torch.full((1, 1), GIANT), torch.ones(1, (1 << 20) - 1)], dim=1),
    "one large, the rest lost beside it in float32": torch.full((1, 1 << 20), 2.0**-12).index_fill(
        1, torch.tensor([0]), 1.0
    ),
    "all tiny": torch.full((1, 1 << 20), 1e-40),
    "all giant": torch.full((1, 1 << 20), GIANT),
}


@pytest.mark.parametrize("name", LONG)
def test_long_gradients_are_clipped_by_their_true_norm(name: str):
    row = LONG[name]
    factor = clip_factors(row, 0.3)
    norm = exact_norm(row[0])
    assert factor.item() == pytest.approx(min(1.0, 0.3 * CLIP_MARGIN / norm), rel=1e-12)
    total = torch.zeros(row.shape[1], dtype=torch.float64)
    add_clipped(total, row, factor, 1)
    assert exact_norm(total) <= 0.3


def mutant_adds_squares_in_float32(gradients: Tensor, clipping_norm: float) -> Tensor:
    """One accumulator of 32 bits: squares under 2^-24 of the sum so far are lost."""
    squares = np.cumsum(gradients.numpy() ** 2, axis=1, dtype=np.float32)[:, -1]
    norms = torch.from_numpy(squares).sqrt().double()
    return (clipping_norm * CLIP_MARGIN / norms).clamp_max(1.0)


def test_squares_added_in_float32_let_a_patient_bring_more_than_c():
    row = LONG["one large, the rest lost beside it in float32"]
    for factors, too_long in ((clip_factors, False), (mutant_adds_squares_in_float32, True)):
        total = torch.zeros(row.shape[1], dtype=torch.float64)
        add_clipped(total, row, factors(row, 0.3), 1)
        assert (exact_norm(total) > 0.3) == too_long


@given(st.lists(st.lists(FLOAT32, min_size=3, max_size=3), min_size=1, max_size=6), NORMS, st.randoms())
def test_a_factor_depends_on_its_own_row_only(rows: list[list[float]], clipping_norm: float, random):
    alone = [clip_factors(torch.tensor([row]), clipping_norm).item() for row in rows]
    order = random.sample(range(len(rows)), len(rows))
    together = clip_factors(torch.tensor([rows[i] for i in order]), clipping_norm).tolist()
    assert together == [alone[i] for i in order]


def mutant_adds_in_float32(total: Tensor, gradients: Tensor, factors: Tensor, taken: int) -> None:
    rounded = total.float()
    for row, factor in zip(gradients[:taken], factors[:taken].float().tolist(), strict=True):
        rounded += row * factor
    total.copy_(rounded)


def off(add) -> float:
    """Returns how far the sum of 3000 clipped rows is from the exact one, in units of C."""
    rng = np.random.Generator(np.random.PCG64(2))
    gradients = torch.from_numpy(rng.uniform(0.5, 1, (3000, 4)).astype(np.float32))
    factors = clip_factors(gradients, 0.3)
    total = torch.zeros(4, dtype=torch.float64)
    add(total, gradients, factors, 3000)
    exact = [
        sum(Fraction(g) * Fraction(f) for g, f in zip(column, factors.tolist(), strict=True))
        for column in gradients.T.tolist()
    ]
    return max(abs(float(Fraction(t) - e)) for t, e in zip(total.tolist(), exact, strict=True)) / 0.3


def test_the_sum_is_added_in_float64():
    assert off(add_clipped) < 1e-11
    assert off(mutant_adds_in_float32) > 1e-5
