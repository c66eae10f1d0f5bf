"""What central images and private training will cost and give together, from public numbers alone: no scan is read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from medsyngen.planning.cost import Cost
from medsyngen.planning.plan import Plan
from medsyngen.planning.second_part import plan_second_part
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import ADJACENCY, UNIT, Budget, checked_delta, round_up
from medsyngen.recipe import Recipe
from medsyngen.synthesis.cells import Cells

ALONE = "central images alone (synthesis.public_bands: all): they then have the whole budget"
"""What does better than training on too few patients, beside a sum."""


@dataclass(frozen=True)
class CentralPlan:
    """What a recipe of both costs and gives.

    Args:
        epsilon: ε of everything at ``delta``, as computed; at most the budget's.
        delta: δ.
        sum_epsilon: ε of the first part, the one sum, had there been no training.
        noise_multiplier: σ_DP of the sum.
        entries: Numbers that a patient adds to it, over all classes.
        clipping_norm: C of the sum.
        noise_rarest: Length of the noise on the rarest class's mean picture, as if N_max patients came; phantoms'
            pictures have length 1 there.
        training: The second part, told after the sum: every ε in it is of both. None where nothing is trained on scans.
        training_alone: ε of the second part, had there been no sum; None where there is none.
        cost: Of the second part.
    """

    epsilon: float
    delta: float
    sum_epsilon: float
    noise_multiplier: float
    entries: int
    clipping_norm: float
    noise_rarest: float
    training: Plan | None
    training_alone: float | None
    cost: Cost | None

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values; every ε is rounded up to three digits."""
        return {
            **asdict(self),
            "epsilon": round_up(self.epsilon),
            "sum_epsilon": round_up(self.sum_epsilon),
            "training": None if self.training is None else self.training.to_json(),
            "training_alone": None if self.training_alone is None else round_up(self.training_alone),
            "unit": UNIT,
            "adjacency": ADJACENCY,
        }


def plan_central(recipe: Recipe, *, speed: float | None = None, measure: bool = True) -> CentralPlan:
    """Returns what can be told about central images and private training before any scan is read.

    Args:
        recipe: With its N_max, of method ``central-dp-syngen``.
        speed: Images a second, if it is known.
        measure: Whether to measure the speed otherwise.

    Raises:
        UsageError: N_max is missing, or images of this size can't be made.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    n_max, method = recipe.n_max, recipe.synthesis
    method.check_size(recipe.scans.image_size)
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    z = method.calibrate(budget, n_max)
    (query,) = method.describe_queries(recipe.target)
    sigma = method.sum_multiplier(z)
    first = method.central.event(sigma)
    planned = CentralPlan(
        epsilon=epsilon_spent([first], budget.delta),
        delta=budget.delta,
        sum_epsilon=epsilon_spent([first], budget.delta),
        noise_multiplier=sigma,
        entries=query["entries"],
        clipping_norm=query["clipping_norm"],
        noise_rarest=mean_noise(recipe, sigma),
        training=None,
        training_alone=None,
        cost=None,
    )
    if not method.trains_on_scans:
        return planned
    second, alone, cost = plan_second_part(recipe, first, z, budget, better=ALONE, speed=speed, measure=measure)
    return replace(planned, epsilon=second.epsilon, training=second, training_alone=alone, cost=cost)


def mean_noise(recipe: Recipe, sigma: float) -> float:
    """Returns the length of the noise on the rarest class's mean picture, as if N_max patients came.

    Args:
        recipe: With its N_max, of method ``central-dp-syngen``.
        sigma: σ_DP of the sum.
    """
    (query,) = recipe.synthesis.describe_queries(recipe.target)
    each = query["entries"] / query["classes"] - 1
    rarest = float(Cells(recipe.target.conditioning).shares.min())
    noise: float = sigma * query["clipping_norm"] * math.sqrt(each) / (recipe.n_max * rarest)
    return noise
