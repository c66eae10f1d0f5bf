"""All that can be told about a recipe before any scan is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medsyngen.cohort.conditions import short_form
from medsyngen.planning.cost import Cost, check_speed, images_per_second, memory_estimate, slots_per_step
from medsyngen.planning.plan import Plan, plan
from medsyngen.planning.search import Search, best_setting
from medsyngen.privacy.budget import Budget, checked_delta
from medsyngen.privacy.events import Event
from medsyngen.recipe import Recipe


@dataclass(frozen=True)
class RecipePlan:
    """What a recipe costs and gives, what else the same computing could buy, and what the machine needs."""

    plan: Plan
    search: Search
    cost: Cost

    @property
    def gain(self) -> float:
        """How much larger the best figure of merit is than the recipe's own: 0.1 is 10 %; never below 0."""
        return max(0.0, self.search.best.figure_of_merit / self.plan.figure_of_merit - 1.0)

    def to_json(self) -> dict[str, Any]:
        """Returns everything as JSON values."""
        best = {**asdict(self.search.best), "gain": self.gain, "options": list(self.search.best.options())}
        return {
            **self.plan.to_json(),
            "search": {**asdict(self.search), "best": best},
            "cost": asdict(self.cost),
        }


def plan_recipe(
    recipe: Recipe,
    *,
    network_evaluations: int | None = None,
    least_steps: int = 1,
    speed: float | None = None,
    measure: bool = True,
    other_events: Sequence[Event] = (),
) -> RecipePlan:
    """Returns what can be told about a recipe before any scan is read.

    Args:
        recipe: With its N_max.
        network_evaluations: E for the search of better settings; None for the recipe's own.
        least_steps: Smallest T in that search.
        speed: Images a second, if it is known.
        measure: Whether to measure the speed otherwise.
        other_events: What is charged already or planned beside it.

    Raises:
        UsageError: If a number is missing or out of range.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    from medsyngen.diffusion.unet import check_image_size, unet_for

    n_max, method = recipe.n_max, recipe.synthesis
    training = method.private
    check_image_size(method.network, recipe.scans.image_size)
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    draws = training.scans_per_patient * training.draws_per_scan
    rows = sum(len(attribute.values) + 1 for attribute in recipe.conditions or short_form(recipe.classes))
    network = unet_for(method.network, recipe.scans.image_size, class_rows=rows, seed=0).eval()
    planned = plan(
        patients_at_most=n_max,
        budget=budget,
        sampling_rate=training.sampling_rate(n_max),
        steps=training.steps,
        parameters=trained_numbers(recipe, network),
        draws_per_patient=draws,
        clipping_norm=training.clipping_norm,
        other_events=other_events,
    )
    search = best_setting(
        patients_at_most=n_max,
        budget=budget,
        draws_per_patient=draws,
        network_evaluations=planned.network_evaluations if network_evaluations is None else network_evaluations,
        least_steps=least_steps,
        other_events=other_events,
    )
    return RecipePlan(planned, search, cost_of(recipe, network, planned, speed, measure))


def trained_numbers(recipe: Recipe, network: Any) -> int:
    """Returns P: how many numbers private training may change."""
    return sum(value.numel() for value in recipe.synthesis.trained_from(dict(network.named_parameters())).values())


def cost_of(recipe: Recipe, network: Any, planned: Plan, speed: float | None, measure: bool) -> Cost:
    """Returns what the machine needs for private training, and for training on phantoms before it.

    Args:
        recipe: With its N_max.
        network: The context expert.
        planned: Its private training.
        speed: Images a second, if it is known.
        measure: Whether to measure the speed otherwise.

    Raises:
        UsageError: If the speed is no positive number.
    """
    from medsyngen.synthesis.experts import find_expert

    check_speed(speed)
    method, size = recipe.synthesis, recipe.scans.image_size
    training, public = method.private, method.public
    images = training.scans_per_patient * training.draws_per_scan
    loss = method.context_loss(network, size)
    trained = trained_numbers(recipe, network)
    memory = memory_estimate(
        loss,
        size=size,
        micro_batch=training.micro_batch,
        images=images,
        trained=trained,
        subspace=method.subspace + method.class_directions,
    )
    measured = speed is None and measure
    if measured:
        speed = images_per_second(loss, size=size, images=images)
    expert = find_expert(method.expert_identity(size)) is not None
    slots = slots_per_step(planned.patients_per_step, recipe.n_max, training.micro_batch)
    return Cost(
        parameters=trained,
        memory_bytes=memory,
        images_per_second=speed,
        measured=measured,
        private_seconds=None
        if speed is None
        else planned.steps * (slots * images + method.subspace * training.draws_per_scan) / speed,
        public_seconds=0.0 if expert else None if speed is None else public.steps * public.batch_size / speed,
        public_expert_exists=expert,
    )
