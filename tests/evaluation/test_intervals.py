"""Do intervals hold the truth as often as they say? Known laws, and a bound that 95 % passes but once in 1,000."""

from __future__ import annotations

import numpy as np
import pytest
from known_laws import auc_interval, holds, kid_interval, true_auc, true_kid
from scipy.stats import binom, norm, t

from medsyngen.evaluation import utility
from medsyngen.evaluation.intervals import tail
from medsyngen.evaluation.kid import patient_weights

SETS = 200
FEWEST = int(binom.ppf(1e-3, SETS, 0.95))


def held(one, truth: float, sets: int = SETS, **options) -> int:
    rng = np.random.default_rng(11)
    return sum(holds(one(rng, resamples=200, **options), truth) for _ in range(sets))


@pytest.mark.slow
def test_auc_of_few_patients_with_several_images_each():
    assert held(auc_interval, true_auc(), patients=40, per_patient=3) >= FEWEST


@pytest.mark.slow
def test_auc_as_the_mean_of_classifiers_and_seeds_that_differ():
    differ = {"patients": 40, "seeds": 3, "classifiers": 3, "seeds_differ": 0.2}
    assert held(auc_interval, true_auc(0.2), **differ) >= FEWEST


@pytest.mark.slow
def test_kid():
    assert held(kid_interval, true_kid(), patients=50) >= FEWEST


@pytest.mark.slow
def test_images_resampled_as_if_each_were_a_patient_s_own_are_found_out(monkeypatch):
    """The bound can fail: ten images of each patient, taken for independent, give intervals far too narrow."""
    monkeypatch.setattr(
        utility, "patient_weights", lambda owners, *more: patient_weights(np.arange(len(owners)), *more)
    )
    assert held(auc_interval, true_auc(), patients=40, per_patient=10) < FEWEST


def test_the_tail_is_student_s_and_that_of_the_normal_law_for_many():
    assert tail(0.95) == pytest.approx(0.025)
    assert tail(0.95, 10**6) == pytest.approx(0.025, rel=1e-4)
    assert norm.isf(tail(0.95, 10)) == pytest.approx(np.sqrt(10 / 9) * t.ppf(0.975, 9))
    assert tail(0.95, 5) < tail(0.95, 20) < 0.025
    assert tail(0.95, 1) == 0  # one patient: from the smallest to the largest


def test_the_plain_interval_of_the_open_benchmark_is_narrower_and_of_the_same_value():
    wide, plain = (auc_interval(np.random.default_rng(2), 20, expanded=each) for each in (True, False))
    assert wide.value == plain.value
    assert wide.low < plain.low < plain.high < wide.high
    wide, plain = (kid_interval(np.random.default_rng(2), 20, expanded=each) for each in (True, False))
    assert wide.value == plain.value
    assert wide.low < plain.low < plain.high < wide.high
