"""What central images and training cost together: both parts at their own noise, one budget."""

import json

import pytest

from medsyngen.planning import plan_central
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.events import Gaussian
from medsyngen.recipe import load_recipe

CLASSES = "classes=[{name: a, label: '0', share: 0.75}, {name: b, label: '1', share: 0.25}]"


def planned(*overrides: str):
    recipe = load_recipe("central-chest-radiograph-32", overrides, patients_at_most=3000)
    return recipe, plan_central(recipe, measure=False)


@pytest.mark.parametrize("ratio", [2.0, 6.0])
def test_both_parts_have_their_own_noise_and_spend_the_budget_together(ratio):
    recipe, plan = planned("privacy.epsilon=3", f"synthesis.central_noise={ratio}")
    z = plan.training.noise_multiplier
    assert plan.noise_multiplier == ratio * z
    assert plan.sum_epsilon == epsilon_spent([Gaussian(ratio * z)], plan.delta)
    method = recipe.synthesis
    training = method.private.event(method.private.steps, patients_at_most=3000, noise_multiplier=z)
    assert plan.training_alone == epsilon_spent([training], plan.delta)
    assert plan.epsilon == pytest.approx(
        epsilon_spent([method.plan(patients_at_most=3000, noise_multiplier=z)], plan.delta), rel=1e-6
    )
    assert max(plan.sum_epsilon, plan.training_alone) < plan.epsilon <= 3.0
    json.dumps(plan.to_json(), allow_nan=False)


def test_the_rarest_class_has_the_noise_that_is_told():
    _, one = planned("synthesis.public_bands=all")
    _, two = planned("synthesis.public_bands=all", CLASSES)
    assert (one.training, one.cost, two.entries) == (None, None, 2 * 25)
    assert one.noise_rarest == pytest.approx(one.noise_multiplier * 2.0 * 24**0.5 / 3000)
    assert two.noise_rarest == pytest.approx(4 * one.noise_rarest)
