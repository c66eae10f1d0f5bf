"""Printed numbers are never smaller than the real ones; bounds agree with a worst pair of distributions."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.report.numbers import delta_text, epsilon_text, group_privacy, guess_bound, percent_text

EPSILON = st.floats(0, 60, allow_subnormal=False)
DELTA = st.floats(1e-12, 0.5)
PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text: str) -> Decimal:
    mantissa, _, power = text.partition(" × 10")
    return Decimal(mantissa.replace(",", "")).scaleb(int(power.translate(PLAIN) or 0))


@given(EPSILON)
def test_epsilon_is_rounded_up_and_by_a_hundredth_at_most(epsilon: float) -> None:
    assert 0 <= read(epsilon_text(epsilon)) - Decimal(repr(epsilon)) <= Decimal("0.01")


@given(DELTA)
def test_delta_is_rounded_up_and_by_at_most_a_tenth(delta: float) -> None:
    exact = Decimal(repr(delta))
    assert exact <= read(delta_text(delta)) <= exact * Decimal("1.1")


@pytest.mark.parametrize(
    ("delta", "text"), [(0, "0"), (1e-5, "1.0 × 10⁻⁵"), (9.96e-6, "1.0 × 10⁻⁵"), (0.0596, "0.060")]
)
def test_delta_in_print(delta: float, text: str) -> None:
    assert delta_text(delta) == text


def test_only_zero_prints_as_zero() -> None:
    assert epsilon_text(1e-9) == "0.01"
    assert epsilon_text(7.9931) == "8.00"
    assert percent_text(0.99961) == "99.97 %"
    assert percent_text(1.0) == "100.00 %"


@given(EPSILON, DELTA)
def test_the_guess_bound_is_reached_by_the_worst_pair_and_never_passed(epsilon: float, delta: float) -> None:
    """The dominating pair of (ε, δ): δ of the mass gives the answer away, the rest is randomised response."""
    yes = (1 - delta) / (1 + math.exp(-epsilon))
    one = np.array([delta, yes, 1 - delta - yes, 0.0])
    best = np.maximum(one, one[::-1]).sum() / 2
    assert guess_bound(epsilon, delta) == pytest.approx(best, abs=1e-12)
    assert guess_bound(epsilon, delta, delta_at_zero=2 * best - 1) == pytest.approx(best, abs=1e-12)


@given(st.floats(0.01, 20), st.floats(1e-12, 1e-4), st.integers(1, 4))
def test_group_privacy_is_the_closed_form(epsilon: float, delta: float, keys: int) -> None:
    group_epsilon, group_delta = group_privacy(epsilon, delta, keys)
    assert group_epsilon == keys * epsilon
    assert group_delta == pytest.approx(min(1, delta * math.expm1(keys * epsilon) / math.expm1(epsilon)), rel=1e-9)
