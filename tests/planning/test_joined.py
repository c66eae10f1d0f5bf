"""What votes and training cost together: both parts at their own noise, one budget."""

import pytest

from medsyngen.errors import BudgetRefused, UsageError
from medsyngen.planning import plan_joined
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Gaussian, SelfComposed
from medsyngen.recipe import load_recipe


def planned_recipe(*overrides: str, patients: int | None = 300):
    return load_recipe("evolved-chest-radiograph-32", overrides, patients_at_most=patients)


def planned(*overrides: str, patients: int | None = 300):
    recipe = planned_recipe(*overrides, patients=patients)
    return recipe, plan_joined(recipe, measure=False)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_both_parts_have_their_own_noise_and_spend_the_budget_together(ratio):
    recipe, plan = planned("privacy.epsilon=3", f"synthesis.votes_noise={ratio}")
    z = plan.training.noise_multiplier
    assert z == recipe.synthesis.calibrate(Budget(3.0, plan.delta), 300)
    assert plan.votes.noise_multiplier == ratio * z
    whole = epsilon_spent([recipe.synthesis.plan(patients_at_most=300, noise_multiplier=z)], plan.delta)
    assert plan.epsilon == plan.training.epsilon == whole
    assert 2.97 < whole <= 3.0
    assert max(plan.votes.epsilon, plan.training_alone) < whole < plan.votes.epsilon + plan.training_alone + 1e-9
    assert plan.votes.epsilon == epsilon_spent([SelfComposed(Gaussian(ratio * z), 4)], plan.delta)
    afters = [epsilon for _, epsilon in plan.training.epsilon_after]
    assert plan.votes.epsilon < afters[0] <= afters[-1] == whole


def test_less_noise_on_the_votes_gives_them_more_of_the_budget():
    (_, few), (_, much) = planned("synthesis.votes_noise=0.5"), planned("synthesis.votes_noise=2")
    assert few.votes.epsilon > much.votes.epsilon
    assert few.training_alone < much.training_alone


def test_without_private_training_the_votes_have_everything_whatever_the_ratio():
    _, plan = planned("synthesis.public_bands=all", "synthesis.votes_noise=3")
    assert (plan.training, plan.cost, plan.training_alone) == (None, None, None)
    assert 7.9 < plan.epsilon == plan.votes.epsilon <= 8.0
    assert plan.to_json()["training"] is None


def test_what_would_help_is_told_by_names_that_this_recipe_has():
    _, plan = planned("privacy.epsilon=1")
    assert "synthesis.evolution.members" in plan.votes.verdict
    assert "votes alone (synthesis.public_bands: all)" in plan.training.verdict
    assert "no privacy cost" not in plan.training.verdict  # here it would not be free


def test_what_can_not_be_planned():
    with pytest.raises(UsageError, match="patients_at_most"):
        planned(patients=None)
    with pytest.raises(BudgetRefused, match="delta"):
        planned("privacy.delta=0.01")
    for speed in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="images per second"):
            plan_joined(planned_recipe(), speed=speed)


def test_a_speed_tells_how_long_both_trainings_take():
    slow, fast = (plan_joined(planned_recipe(), speed=speed) for speed in (10.0, 1000.0))
    assert slow.evolved_seconds == pytest.approx(100 * fast.evolved_seconds) == pytest.approx(600 * 48 / 10)
    assert slow.cost.private_seconds == pytest.approx(100 * fast.cost.private_seconds)
