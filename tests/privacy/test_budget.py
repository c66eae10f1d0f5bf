"""Budget: δ against N_max, rounding up, no ε alone."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.budget import Budget, Guarantee, checked_delta, default_delta, round_up, shown


@given(st.integers(1, 10**7))
def test_the_default_delta_is_always_allowed_and_small(patients):
    delta = checked_delta(None, patients)
    assert delta == default_delta(patients) == min(1e-5, 1 / (100 * patients))
    assert patients * delta <= 0.01 + 1e-12


@given(st.integers(1, 10**6), st.floats(1.0, 1e3))
def test_delta_above_a_tenth_over_the_patients_is_refused(patients, factor):
    largest = 1.0 / (10.0 * patients)
    assert checked_delta(largest, patients) == largest
    too_large = math.nextafter(largest * factor, math.inf)
    with pytest.raises(BudgetRefused) as refusal:
        checked_delta(too_large, patients)
    assert refusal.value.exit_code == 5
    assert str(patients) in refusal.value.what


@pytest.mark.parametrize(
    "mutant",
    [
        lambda delta, patients: delta,  # takes whatever it is given
        lambda delta, patients: delta if delta <= 1 / patients else None,  # 1/N: a whole patient published
        lambda delta, patients: delta if delta < 1e-3 else None,  # a constant that forgets N
    ],
)
def test_pitfall_delta_larger_than_a_tenth_over_the_patients(mutant):
    """Each wrong rule lets through what the right one refuses."""
    delta, patients = 1.9e-4, 5000
    assert mutant(delta, patients) == delta
    with pytest.raises(BudgetRefused):
        checked_delta(delta, patients)


@pytest.mark.parametrize("delta", [0.0, -1e-6, math.nan, 1e-11])
def test_a_delta_that_means_nothing_is_refused(delta):
    with pytest.raises(BudgetRefused):
        checked_delta(delta, 100)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 1e-5), (-1.0, 1e-5), (math.inf, 1e-5), (1.0, 0.0), (1.0, 1.0)])
def test_a_budget_is_positive_and_finite(epsilon, delta):
    with pytest.raises(ValueError, match="must"):
        Budget(epsilon, delta)


@given(st.floats(1e-12, 1e12), st.integers(1, 8))
def test_rounding_up_never_rounds_down_and_stays_close(value, digits):
    up = round_up(value, digits)
    assert up >= value
    assert len(Decimal(repr(up)).normalize().as_tuple().digits) <= digits
    assert up - value <= 10 ** (math.floor(math.log10(value)) - digits + 1) * (1 + 1e-9)
    assert round_up(up, digits) == up
    assert float(shown(value, digits)) == up


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8.0, "8"),
        (7.9960001, "8"),
        (7.98, "7.98"),
        (7.9800001, "7.99"),
        (1e-5, "1e-5"),
        (1.0001e-5, "1.01e-5"),
        (0.1, "0.1"),
        (0.0, "0"),
        (461.37, "462"),
        (12345.0, "1.24e4"),
        (math.inf, "infinite"),
    ],
)
def test_how_figures_are_shown(value, text):
    assert shown(value) == text


def test_nearest_rounding_would_claim_less_than_was_spent():
    """The wrong helper prints 7.98 for 7.984: less than was spent."""
    assert float(f"{7.984:.3g}") < 7.984 <= float(shown(7.984))


def test_no_epsilon_without_delta_unit_and_neighbours():
    sentence = Guarantee(7.984, 1e-5).sentence()
    for part in ("ε = 7.99", "δ = 1e-5", "per patient", "add or remove one patient's record", "privacy loss"):
        assert part in sentence


def test_a_ledger_of_its_own_stands_beside_epsilon_with_its_reason():
    assert "ledger of its own" not in Guarantee(1.0, 1e-5).sentence()
    assert Guarantee(1.0, 1e-5, own_ledger="a trial").sentence().endswith("on a ledger of its own, because: a trial")


def test_without_scans_epsilon_is_zero_with_delta_unit_neighbours_and_the_reason():
    nothing = Guarantee.without_scans()
    assert (nothing.epsilon, nothing.delta, nothing.scans_read) == (0.0, 0.0, False)
    for part in ("ε = 0 and δ = 0", "per patient", "add or remove one patient's record", "no private scan was read"):
        assert part in nothing.sentence()
    assert "no private scan" not in Guarantee(0.0, 1e-5).sentence()  # a run that was stopped before its first charge


@pytest.mark.parametrize("spent", [{"epsilon": 1e-9}, {"delta": 1e-9}, {"own_ledger": "a trial"}])
def test_nobody_can_say_that_no_scan_was_read_beside_something_spent(spent):
    with pytest.raises(ValueError, match="nothing can have been spent"):
        Guarantee(**({"epsilon": 0.0, "delta": 0.0} | spent), scans_read=False)
