"""What rounds of votes will cost: public numbers, rounded up, and a verdict that moves the right way."""

import math

import numpy as np
import pytest

from medsyngen.errors import BudgetRefused, UsageError
from medsyngen.planning import plan_votes
from medsyngen.planning.votes import LITTLE, MUCH, enough_votes
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.events import Gaussian, SelfComposed
from medsyngen.privacy.votes import votes_of
from medsyngen.recipe import load_recipe


def planned(*overrides: str, patients: int | None = 300):
    return plan_votes(load_recipe("private-evolution-32", overrides, patients_at_most=patients))


def test_epsilon_after_every_round_and_at_most_the_budget():
    plan = planned("privacy.epsilon=2")
    whole = [epsilon_spent([SelfComposed(Gaussian(plan.noise_multiplier), t)], plan.delta) for t in (1, 2, 3, 4)]
    assert plan.epsilon_after == pytest.approx(tuple(whole))
    assert plan.epsilon == whole[-1] <= 2
    assert all(round(e["epsilon"], 9) >= round(e["epsilon"], 3) for e in plan.to_json()["epsilon_after"])


CLASSES = "classes=[{name: a, label: '0', share: 0.6}, {name: b, label: '1', share: 0.4}]"


def test_bought_proportions_are_in_every_epsilon():
    plan = planned("privacy.epsilon=2", "synthesis.proportions=bought", "synthesis.proportions_noise=2.5", CLASSES)
    sigma = plan.noise_multiplier
    assert plan.shares_noise == 2.5 * sigma
    whole = [epsilon_spent([Gaussian(2.5 * sigma), SelfComposed(Gaussian(sigma), t)], plan.delta) for t in (1, 2, 3, 4)]
    assert plan.epsilon_after == pytest.approx(tuple(whole))
    assert 1.99 < plan.epsilon <= 2
    free = planned("privacy.epsilon=2", CLASSES)
    assert free.shares_noise is None
    assert free.noise_multiplier < sigma


def test_the_noise_is_held_against_the_votes_of_a_member():
    plan = planned()
    assert plan.votes_per_member == 300 / 200
    assert plan.votes_to_noise == pytest.approx(1.5 / plan.noise_multiplier)
    assert plan.members_advised == int(300 / plan.noise_multiplier)
    assert plan.by_chance == pytest.approx(0.0668, abs=1e-4)  # a Gaussian beyond 1.5 sigma
    assert planned("synthesis.threshold=0").by_chance == 0.5


@pytest.mark.parametrize("neighbours", [1, 4])
def test_votes_are_counted_as_they_are_cast(neighbours):
    """Patients of one scan each, as votes have it: what all members get together, over the number of members."""
    plan = planned(f"synthesis.neighbours={neighbours}", "privacy.epsilon=1")
    cast = sum(votes_of(np.arange(neighbours), 200).sum() for _ in range(300))
    assert plan.votes_per_member == pytest.approx(cast / 200)
    assert plan.votes_to_noise == pytest.approx(cast / 200 / plan.noise_multiplier)
    assert plan.members_advised == int(300 * math.sqrt(neighbours) / plan.noise_multiplier)
    assert f"synthesis.members: {plan.members_advised} or less" in plan.verdict
    assert f"gets {cast / 200:.2g} votes" in plan.verdict
    assert plan.enough == enough_votes(plan.votes_to_noise)


def test_neighbours_are_at_most_the_members():
    assert planned("synthesis.neighbours=9", "synthesis.members=4").votes_per_member == pytest.approx(300 * 2 / 4)


def test_a_rank_asks_for_no_threshold():
    assert planned("synthesis.selection=rank").by_chance is None
    assert planned("synthesis.selection=rank").to_json()["by_chance"] is None


def test_fewer_members_more_patients_and_a_larger_epsilon_help():
    usual = planned("privacy.epsilon=1").votes_to_noise
    assert planned("privacy.epsilon=1", "synthesis.members=50").votes_to_noise == pytest.approx(4 * usual)
    assert planned("privacy.epsilon=1", patients=600).votes_to_noise > usual
    assert planned("privacy.epsilon=2").votes_to_noise > usual
    fewer = ("synthesis.iterations=2", "synthesis.degrees=[0.4,0.2]")
    assert planned("privacy.epsilon=1", *fewer).votes_to_noise == pytest.approx(math.sqrt(2) * usual, rel=1e-3)


def test_the_verdict_names_what_helps_where_it_does_not_suffice():
    assert [enough_votes(r) for r in (LITTLE, LITTLE - 1e-6, MUCH, MUCH - 1e-6)] == [
        "yes",
        "borderline",
        "borderline",
        "no",
    ]
    plan = planned("privacy.epsilon=1")
    assert plan.enough == "no"
    assert plan.verdict.startswith("Not enough")
    assert f"synthesis.members: {plan.members_advised} or less" in plan.verdict
    assert planned("privacy.epsilon=1", f"synthesis.members={plan.members_advised}").enough == "yes"


def test_what_can_not_be_planned():
    with pytest.raises(UsageError, match="patients_at_most"):
        planned(patients=None)
    with pytest.raises(BudgetRefused, match="delta"):
        planned("privacy.delta=0.01")
