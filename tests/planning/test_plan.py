"""Planning: from public numbers to cost and verdict."""

from __future__ import annotations

import json
import math

import pytest

from medsyngen.errors import BudgetRefused, UsageError
from medsyngen.planning import plan
from medsyngen.planning.verdict import enough_patients
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.events import Gaussian, SelfComposed


def planned(**changes):
    numbers = {
        "patients_at_most": 3000,
        "budget": Budget(3.0, 3e-6),
        "sampling_rate": 0.2,
        "steps": 100,
        "parameters": 250_000,
        "draws_per_patient": 8,
        "clipping_norm": 0.5,
    }
    return plan(**{**numbers, **changes})


@pytest.fixture(scope="module")
def usual():
    return planned()


def test_the_figures_follow_from_the_noise_multiplier(usual):
    sigma = usual.noise_multiplier
    assert usual.patients_per_step == 600
    assert usual.noise_per_coordinate == pytest.approx(sigma / 600)
    assert usual.noise_in_gradient == pytest.approx(0.5 * sigma / 600)
    assert usual.noise_to_signal == pytest.approx(sigma * 500 / 600)
    assert usual.network_evaluations == 100 * 600 * 8
    assert usual.figure_of_merit == pytest.approx(math.sqrt(100) * 600 / sigma)


def test_epsilon_after_each_part_ends_within_the_budget(usual):
    assert [steps for steps, _ in usual.epsilon_after] == [25, 50, 75, 100]
    epsilons = [epsilon for _, epsilon in usual.epsilon_after]
    assert epsilons == sorted(epsilons)
    assert epsilons[-1] == usual.epsilon <= 3.0
    assert usual.epsilon == epsilon_spent([sampled_gaussian(0.2, usual.noise_multiplier, 100)], 3e-6)
    for steps, epsilon in usual.epsilon_after:  # what lies between is an upper bound, close to the accountant's
        exact = epsilon_spent([sampled_gaussian(0.2, usual.noise_multiplier, steps)], 3e-6)
        assert exact <= epsilon <= 1.002 * exact


def test_smaller_delta_larger_epsilon_and_none_above_the_bound(usual):
    deltas, epsilons = zip(*usual.epsilon_at_delta, strict=True)
    assert usual.delta in deltas
    assert list(epsilons) == sorted(epsilons)
    assert max(deltas) <= 0.1 / 3000


def test_what_is_charged_beside_it_counts(usual):
    beside = planned(other_events=[SelfComposed(Gaussian(10.0), 2)])
    assert beside.noise_multiplier > usual.noise_multiplier
    assert beside.epsilon <= 3.0


def test_json_is_plain_rounded_up_and_complete(usual):
    text = usual.to_json()
    assert json.loads(json.dumps(text, allow_nan=False)) == text
    assert text["epsilon"] >= usual.epsilon
    assert text["epsilon_after"][0]["steps"] == 25
    assert text["delta"] == 3e-6
    assert text["unit"] == "patient"
    assert text["adjacency"] == "add or remove one patient's record"


@pytest.mark.parametrize(
    ("patients", "batch", "steps", "epsilon", "sigma", "noise"),
    [  # computed with dp-accounting by others, δ = 1/(10·N_max)
        (500, 250, 500, 10.0, 4.98, 0.020),
        (2000, 512, 500, 3.0, 7.4, 0.014),
        (10_000, 1024, 500, 1.0, 8.6, 0.0084),
        (10_000, 1024, 2000, 10.0, 2.41, 0.0024),
        (50_000, 4096, 500, 10.0, 1.22, 0.0003),
    ],
)
def test_the_noise_is_that_of_the_published_table(patients, batch, steps, epsilon, sigma, noise):
    budget = Budget(epsilon, 0.1 / patients)
    result = planned(patients_at_most=patients, budget=budget, sampling_rate=batch / patients, steps=steps)
    assert result.noise_multiplier == pytest.approx(sigma, rel=0.01)
    assert result.noise_per_coordinate == pytest.approx(noise, rel=0.05)


def test_the_verdict_follows_the_noise_of_500_and_of_50_000_patients():
    few = enough_patients(2000, 0.0201), enough_patients(1999, 1e-4)
    assert few == ("no", "no")
    assert (enough_patients(2000, 0.0199), enough_patients(2000, 0.00101)) == ("borderline", "borderline")
    assert enough_patients(2000, 0.001) == "yes"


@pytest.mark.parametrize(
    ("changes", "enough", "says"),
    [
        ({"patients_at_most": 264, "budget": Budget(8.0, 1e-5)}, "no", "does not train on the patients"),
        ({"patients_at_most": 264, "budget": Budget(8.0, 1e-5)}, "no", "larger ε, more patients in each step (q·N) or"),
        ({"patients_at_most": 3103, "budget": Budget(8.0, 1e-6)}, "borderline", "fewer trained weights"),
        ({"patients_at_most": 1999, "budget": Budget(100.0, 1e-6), "sampling_rate": 1.0}, "no", "too few patients"),
        ({"patients_at_most": 2100, "budget": Budget(0.3, 1e-6)}, "no", "too much noise"),
        ({"patients_at_most": 3103, "budget": Budget(8.0, 1e-6)}, "borderline", "larger ε"),
        ({"patients_at_most": 50_000, "budget": Budget(8.0, 1e-6)}, "yes", "Enough"),
    ],
)
def test_the_verdict_says_whether_the_patients_suffice_and_what_to_do(changes, enough, says):
    result = planned(**changes)
    assert result.enough == enough
    assert says in result.verdict
    assert "δ = " in result.verdict
    assert "per patient" in result.verdict


@pytest.mark.parametrize(
    "changes",
    [
        {"patients_at_most": 0},
        {"sampling_rate": 0.0},
        {"sampling_rate": 1.5},
        {"sampling_rate": math.nan},
        {"steps": 0},
        {"parameters": 0},
        {"draws_per_patient": 0},
        {"clipping_norm": 0.0},
        {"clipping_norm": math.inf},
    ],
)
def test_numbers_out_of_range_are_usage_errors_all_at_once(changes):
    with pytest.raises(UsageError) as refusal:
        planned(**changes)
    assert refusal.value.exit_code == 2
    assert len(refusal.value.details) == 1
    with pytest.raises(UsageError) as both:
        planned(**{**changes, "steps": 0, "draws_per_patient": 0})
    assert len(both.value.details) >= 2


def test_a_delta_too_large_for_the_patients_is_refused():
    with pytest.raises(BudgetRefused):
        planned(budget=Budget(3.0, 1e-3))


def test_few_steps_have_no_repeated_parts():
    assert [steps for steps, _ in planned(steps=2, budget=Budget(0.3, 3e-6)).epsilon_after] == [1, 2]
