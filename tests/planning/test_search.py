"""The search for q and T: as good as brute force with the accountant, within the computing that is given."""

from __future__ import annotations

import math

import pytest

from medsyngen.errors import UsageError
from medsyngen.planning.search import TIE, best_setting
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.events import Gaussian
from medsyngen.recipe import load_recipe


def searched(patients=100, budget=None, draws=2, evaluations=1000, **more):
    return best_setting(
        patients_at_most=patients,
        budget=budget or Budget(1.0, 1e-4),
        draws_per_patient=draws,
        network_evaluations=evaluations,
        **more,
    )


def merit(patients, budget, steps, per_step):
    sigma = calibrate_noise(budget, sampling_rate=per_step / patients, steps=steps)
    return math.sqrt(steps) * per_step / sigma


@pytest.mark.parametrize(
    ("patients", "epsilon", "visits"),
    [
        pytest.param(100, 1.0, 500, id="five passes"),
        pytest.param(60, 0.3, 1200, id="small ε"),
        pytest.param(300, 8.0, 200, id="less than one pass", marks=pytest.mark.slow),
        pytest.param(40, 8.0, 130, id="large ε", marks=pytest.mark.slow),
    ],
)
def test_the_best_is_within_two_percent_of_brute_force(patients, epsilon, visits):
    budget = Budget(epsilon, 1e-4)
    grid = sorted({1, 2, 4, 5, 7, 10, 14, 20, 40, visits // patients or 1})
    brute = {steps: merit(patients, budget, steps, min(patients, visits // steps)) for steps in grid}
    found = searched(patients, budget, 2, 2 * visits)
    assert found.best.figure_of_merit >= 0.98 * max(brute.values())
    again = merit(patients, budget, found.best.steps, found.best.patients_per_step)
    assert found.best.figure_of_merit == pytest.approx(again)  # the accountant's own noise
    for setting in found.settings[1::2]:
        exact = merit(patients, budget, setting.steps, setting.patients_per_step)
        assert setting.figure_of_merit == pytest.approx(exact, rel=0.01)


def test_no_setting_takes_more_computing_than_is_given_or_more_patients_than_there_are():
    for evaluations in (2, 37, 401):
        found = searched(evaluations=evaluations)
        for setting in found.settings:
            assert setting.steps * setting.patients_per_step * 2 <= evaluations
            assert setting.sampling_rate == setting.patients_per_step / 100 <= 1.0
        assert found.best in found.settings
        assert found.network_evaluations == evaluations


def test_with_computing_to_spare_everybody_is_in_every_step_or_nearly_as_good_in_more_steps():
    """At q = 1 the figure is the same for every T, and no sampled setting exceeds it."""
    found = searched(evaluations=2 * 100 * 8)
    full = merit(100, Budget(1.0, 1e-4), 8, 100)
    assert any(setting.sampling_rate == 1.0 for setting in found.settings)
    assert (1 - 1.5 * TIE) * full <= found.best.figure_of_merit <= 1.001 * full
    assert found.best.steps >= 8


def test_fewer_steps_than_asked_for_are_not_proposed():
    found = searched(evaluations=150, least_steps=10)
    assert min(setting.steps for setting in found.settings) >= 10
    assert found.best.figure_of_merit < searched(evaluations=150).best.figure_of_merit


def test_what_is_charged_beside_it_leaves_less():
    beside = searched(other_events=[Gaussian(8.0)])
    assert beside.best.figure_of_merit < searched().best.figure_of_merit


@pytest.mark.parametrize("changes", [{"evaluations": 1}, {"least_steps": 501}, {"least_steps": 0}])
def test_too_little_computing_is_a_usage_error_that_says_what_suffices(changes):
    with pytest.raises(UsageError) as refusal:
        searched(**changes)
    assert "--network-evaluations" in refusal.value.do


def test_the_options_set_exactly_the_best():
    best = searched(evaluations=2 * 100 * 8).best
    texts = [option.removeprefix("--set ") for option in best.options()]
    training = load_recipe("smoke-16", texts, patients_at_most=100).synthesis.private
    assert (training.steps, training.sampling_rate(100)) == (best.steps, best.sampling_rate)
