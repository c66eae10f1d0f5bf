"""What a portrait will cost, and which method every plan names."""

import math

import pytest

from medsyngen.planning import plan_portrait, recommend
from medsyngen.planning.portraits import HALF, TYPICAL_DISTANCE, WHOLE, enough_for_portrait
from medsyngen.planning.rendering import phantoms_rendered
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.events import Gaussian
from medsyngen.recipe import load_recipe

TWO = "classes=[{name: a, label: '0', share: 0.75}, {name: b, label: '1', share: 0.25}]"


def recipe(*overrides: str, patients: int = 264, name: str = "portrait-32"):
    return load_recipe(name, overrides, patients_at_most=patients)


def planned(*overrides: str, patients: int = 264):
    return plan_portrait(recipe(*overrides, patients=patients), measure=False)


def test_the_noise_is_that_of_one_gaussian_in_length_over_the_numbers_of_a_mean():
    plan = planned(TWO)
    assert plan.epsilon == epsilon_spent([Gaussian(plan.noise_multiplier)], plan.delta) <= 1
    assert plan.noise_all == pytest.approx(plan.noise_multiplier * 1.2 / 264 * math.sqrt(40))
    assert plan.noise_rarest == pytest.approx(4 * plan.noise_all)
    assert (plan.entries, plan.classes, plan.distance, plan.seconds) == (82, 2, 0.4, None)
    assert planned().noise_rarest == planned().noise_all


def test_the_verdict_follows_the_noise():
    whole, half = WHOLE * TYPICAL_DISTANCE, HALF * TYPICAL_DISTANCE
    assert [enough_for_portrait(n, n) for n in (half, half + 1e-9, whole, whole + 1e-9)] == [
        "yes",
        "borderline",
        "borderline",
        "no",
    ]
    assert enough_for_portrait(half, 9.0) == "borderline"
    assert planned().verdict.startswith("Enough for a portrait")
    assert planned(TWO).verdict.startswith("Scarcely enough")
    none = planned(patients=20)
    assert none.enough == "no"
    assert "synthesis.entries" in none.verdict
    assert planned(patients=none.patients_advised).enough == "yes"
    assert planned().kept > planned(TWO).kept > none.kept


def test_phantoms_are_counted_as_they_are_rendered():
    assert phantoms_rendered(recipe().synthesis) == 2 * 4000 + 3 * 4000 + 2000


@pytest.mark.parametrize("name", ["portrait-32", "private-evolution-32", "smoke-16"])
def test_every_recipe_names_the_portrait_for_a_few_hundred_patients(name):
    advice = recommend(recipe("privacy.epsilon=1", name=name))
    assert advice.sentence().startswith("At 264 patients and ε = 1: portrait-32 (")


def test_few_patients_get_phantoms_and_many_get_votes_or_what_trains():
    assert recommend(recipe(patients=20)).recipe == "chest-radiograph-32 --set synthesis.public_bands=all"
    assert recommend(recipe("privacy.epsilon=8", patients=5000)).recipe.startswith("private-evolution-32 --set")
    assert recommend(recipe("privacy.epsilon=8", patients=1900)).recipe == "portrait-32"
    assert recommend(recipe(name="smoke-16"), trained="yes").recipe == "smoke-16"
    assert recommend(recipe("name=ours")).recipe == "ours"
