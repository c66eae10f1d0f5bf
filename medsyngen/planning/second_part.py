"""Private training as the second part of a recipe: its own noise, and an ε that is told after the first part."""

from __future__ import annotations

from dataclasses import replace

from medsyngen.planning.cost import Cost
from medsyngen.planning.of_recipe import cost_of, trained_numbers
from medsyngen.planning.plan import Plan, plan
from medsyngen.planning.verdict import verdict_in_words
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Event
from medsyngen.recipe import Recipe


def plan_second_part(
    recipe: Recipe, first: Event, z: float, budget: Budget, *, better: str, speed: float | None, measure: bool
) -> tuple[Plan, float, Cost]:
    """Returns the plan of private training, every ε in it of both parts; its ε alone; what the machine needs.

    Args:
        recipe: With its N_max; its method trains on scans.
        first: What the first part does to privacy.
        z: σ_DP of training.
        budget: ε and δ of both.
        better: What to do instead where patients are too few.
        speed: Images a second, if it is known.
        measure: Whether to measure the speed otherwise.
    """
    from medsyngen.diffusion.unet import build_unet

    n_max, method = recipe.n_max, recipe.synthesis
    training = method.private
    network = build_unet(method.network, image_channels=1, class_rows=recipe.target.conditioning.rows, seed=0).eval()
    planned = plan(
        patients_at_most=n_max,
        budget=budget,
        sampling_rate=training.sampling_rate(n_max),
        steps=training.steps,
        parameters=trained_numbers(recipe, network),
        draws_per_patient=training.scans_per_patient * training.draws_per_scan,
        clipping_norm=training.clipping_norm,
        other_events=[first],
        noise_multiplier=z,
    )
    noise = planned.noise_per_coordinate, planned.noise_to_signal
    planned = replace(planned, verdict=verdict_in_words(n_max, *noise, budget, better))
    alone = epsilon_spent([training.event(training.steps, patients_at_most=n_max, noise_multiplier=z)], budget.delta)
    return planned, alone, cost_of(recipe, network, planned, speed, measure)
