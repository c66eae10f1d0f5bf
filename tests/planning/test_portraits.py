"""What a portrait will cost, and which method every plan names."""

import math
import shlex

import numpy as np
import pytest

from medsyngen.planning import plan_portrait, recommend
from medsyngen.planning.portraits import HALF, TYPICAL_DISTANCE, WHOLE, enough_for_portrait
from medsyngen.planning.recommend import VOTES
from medsyngen.planning.rendering import phantoms_rendered
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.events import Gaussian
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.cells import Cells

FOUR = "classes=[" + ", ".join(f"{{name: {n}, label: {n!r}, share: 0.25}}" for n in "abcd") + "]"
TWO = "classes=[{name: a, label: '0', share: 0.75}, {name: b, label: '1', share: 0.25}]"


def recipe(*overrides: str, patients: int = 264, name: str = "portrait-32"):
    return load_recipe(name, overrides, patients_at_most=patients)


def planned(*overrides: str, patients: int = 264):
    return plan_portrait(recipe(*overrides, patients=patients), measure=False)


def test_the_noise_is_that_of_one_gaussian_in_length_over_the_numbers_of_a_mean():
    plan = planned(TWO)
    assert plan.epsilon == epsilon_spent([Gaussian(plan.noise_multiplier)], plan.delta) <= 1
    assert plan.noise_rarest == pytest.approx(4 * plan.noise_multiplier * 1.2 / 264 * math.sqrt(40))
    assert plan.noise_all == pytest.approx(math.sqrt(2) / 4 * plan.noise_rarest)
    assert (plan.entries, plan.classes, plan.distance, plan.seconds) == (82, 2, 0.4, None)
    assert planned().noise_rarest == planned().noise_all


@pytest.mark.parametrize("overrides", [(), (TWO,), (FOUR,)], ids=["one", "two", "four"])
def test_the_noise_is_what_the_means_of_a_noised_sum_have(overrides):
    """A sum of nothing but the shares, noised: what is read off it is noise, on each class's mean and all together."""
    asked = recipe(*overrides)
    shares, plan = Cells(asked.target.conditioning).shares, planned(*overrides)
    noise = plan.noise_multiplier * 1.2 / 264 * np.random.default_rng(0).standard_normal((4000, len(shares), 40))
    means = noise / shares[:, None]
    lengths = np.linalg.norm(means, axis=2)
    assert plan.noise_rarest == pytest.approx(np.sqrt((lengths[:, shares.argmin()] ** 2).mean()), rel=0.02)
    common = (shares[:, None] * means).sum(axis=1)
    assert plan.noise_all == pytest.approx(np.sqrt((common**2).sum(axis=1).mean()), rel=0.02)


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


@pytest.mark.parametrize("name", ["portrait-32", "private-evolution-32", "smoke-16", "evolved-chest-radiograph-32"])
def test_every_recipe_names_the_portrait_for_a_few_hundred_patients(name):
    advice = recommend(recipe("privacy.epsilon=1", name=name))
    assert advice.sentence().startswith("At 264 patients and ε = 1: portrait-32 (")
    assert f"typically {TYPICAL_DISTANCE:g} from" in advice.why


def test_few_patients_get_phantoms_and_many_get_votes_or_what_trains():
    assert recommend(recipe(patients=20)).recipe == "chest-radiograph-32 --set synthesis.public_bands=all"
    many = recommend(recipe("privacy.epsilon=8", patients=5000))
    assert many.recipe == "central-chest-radiograph-32"
    assert many.why.startswith("mean pictures known to 0.0046 of")
    assert recommend(recipe("privacy.epsilon=8", patients=1900)).recipe == "portrait-32"
    assert recommend(recipe(name="smoke-16"), trained="yes").recipe == "smoke-16"
    assert recommend(recipe("name=ours")).recipe == "ours"
    lite0 = recipe("privacy.epsilon=8", "name=ours", "synthesis.embedding=lite0", name=VOTES, patients=5000)
    assert recommend(lite0).recipe == "central-chest-radiograph-32"


BRAIN = {
    "portrait-32": "synthesis.phantom=brain_mr",
    "private-evolution-32": "synthesis.source.phantom=brain_mr",
    "chest-radiograph-32": "synthesis.phantoms={brain_mr: 0.9, dead_leaves: 0.1}",
    "evolved-chest-radiograph-32": "synthesis.evolution.source.phantom=brain_mr",
}


def test_with_too_many_classes_for_means_votes_are_asked():
    classes = [f"{{name: c{i}, label: '{i}', share: {0.01 if i else 0.61}}}" for i in range(40)]
    advice = recommend(recipe(f"classes=[{', '.join(classes)}]", "privacy.epsilon=2", patients=3000))
    assert advice.recipe.startswith("private-evolution-32 --set synthesis.embedding=lite0")


@pytest.mark.parametrize("name", BRAIN)
@pytest.mark.parametrize(
    ("patients", "other"), [(4, "chest-radiograph-32"), (264, "portrait-32"), (5000, "central-chest-radiograph-32")]
)
def test_what_is_recommended_draws_what_the_recipe_draws(name, patients, other):
    """Its command, as a shell takes it apart, gives a recipe of the same phantom."""
    advice = recommend(recipe(BRAIN[name], "privacy.epsilon=8", "name=ours", name=name, patients=patients))
    words = shlex.split(advice.recipe)
    assert words[0] in ("ours", other)
    assert "measured on chest radiographs" in advice.why
    if words[0] == other:
        named = load_recipe(other, words[2::2])
        assert [part["name"] for part in named.synthesis.describe_phantoms()] == ["brain_mr"]
        assert "with the scans, classes and release of this recipe" in advice.why


def test_there_is_no_advice_where_nothing_is_drawn(tmp_path):
    pool = f"synthesis.source={{kind: image-pool, folder: {tmp_path}, attested_by: us}}"
    advice = recommend(recipe(pool, name="private-evolution-32"))
    assert advice.recipe is None
    assert advice.sentence().startswith("At 264 patients and ε = 8: no advice (")
    many = recommend(recipe(pool, "name=ours", name="private-evolution-32", patients=5000))
    assert many.recipe == "ours --set synthesis.embedding=lite0"
    two = "synthesis.phantoms={brain_mr: 0.5, chest_radiograph: 0.5}"
    assert recommend(recipe(two, name="chest-radiograph-32")).recipe is None
