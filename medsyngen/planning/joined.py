"""What votes and private training will cost and give together, from public numbers alone: no scan is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from medsyngen.planning.cost import Cost
from medsyngen.planning.plan import Plan
from medsyngen.planning.second_part import plan_second_part
from medsyngen.planning.verdict import VOTES
from medsyngen.planning.votes import VotesPlan, votes_with
from medsyngen.privacy.budget import ADJACENCY, UNIT, Budget, checked_delta, round_up
from medsyngen.recipe import Recipe


@dataclass(frozen=True)
class JoinedPlan:
    """What a recipe of both costs and gives.

    Args:
        epsilon: ε of everything at ``delta``, as computed; at most the budget's.
        delta: δ.
        votes: The first part. Its ε is that of the votes alone.
        training: The second part, told after the votes: every ε in it is of both. None where nothing is trained on
            scans.
        training_alone: ε of the second part, had there been no votes; None where there is none.
        cost: Of the second part.
        evolved_images: Images forward and backward in training on evolved phantoms.
    """

    epsilon: float
    delta: float
    votes: VotesPlan
    training: Plan | None
    training_alone: float | None
    cost: Cost | None
    evolved_images: int

    @property
    def evolved_seconds(self) -> float | None:
        """Time of training on evolved phantoms, if the machine's speed is known."""
        speed = None if self.cost is None else self.cost.images_per_second
        return None if speed is None else self.evolved_images / speed

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values; every ε is rounded up to three digits."""
        return {
            "epsilon": round_up(self.epsilon),
            "delta": self.delta,
            "votes": self.votes.to_json(),
            "training": None if self.training is None else self.training.to_json(),
            "training_alone": None if self.training_alone is None else round_up(self.training_alone),
            "cost": None if self.cost is None else asdict(self.cost),
            "evolved_seconds": self.evolved_seconds,
            "unit": UNIT,
            "adjacency": ADJACENCY,
        }


def plan_joined(recipe: Recipe, *, speed: float | None = None, measure: bool = True) -> JoinedPlan:
    """Returns what can be told about votes and private training before any scan is read.

    Args:
        recipe: With its N_max, of method ``evolved-dp-syngen``.
        speed: Images a second, if it is known; used where DP-SGD follows the votes.
        measure: Whether to measure the speed otherwise.

    Raises:
        UsageError: N_max is missing, images of this size can't be made, or the speed is no positive number.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    n_max, method = recipe.n_max, recipe.synthesis
    method.check_size(recipe.scans.image_size)
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    z = method.calibrate(budget, n_max)
    votes = votes_with(recipe, method.votes_multiplier(z), budget, "synthesis.evolution")
    images = method.evolved.steps * method.evolved.batch_size
    if not method.trains_on_scans:
        return JoinedPlan(votes.epsilon, budget.delta, votes, None, None, None, images)
    planned, alone, cost = plan_second_part(
        recipe, method.votes_event(z), z, budget, better=VOTES, speed=speed, measure=measure
    )
    return JoinedPlan(planned.epsilon, budget.delta, votes, planned, alone, cost, images)
