"""How ``medsyngen plan`` tells what central images and private training will cost and give together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import Console, fill
from .plan_training import memory_in_words, tell_epsilon, tell_noise, time_in_words

if TYPE_CHECKING:
    from medsyngen.planning import CentralPlan
    from medsyngen.recipe import Recipe


def tell_central(console: Console, recipe: Recipe, plan: CentralPlan) -> None:
    """Tells the sum, then private training, then what both spend."""
    from medsyngen.privacy.budget import ADJACENCY, shown

    console.say(fill(f"{recipe.name}, up to {recipe.n_max} patients: one noised sum, then private training."))
    console.table(
        ("", "", ""),
        [
            ("noise multiplier σ_DP", f"{plan.noise_multiplier:g}", "of the one sum"),
            ("numbers a patient", f"{plan.entries:,}", "all classes together; noise is on every one"),
            ("clipping norm C", f"{plan.clipping_norm:g}", "of a patient's numbers"),
            ("noise", f"{plan.noise_rarest:.2g}", "length on the rarest class's mean; a phantom's picture has 1"),
            ("ε of the sum alone", shown(plan.sum_epsilon), f"at δ = {shown(plan.delta)}"),
        ],
    )
    if plan.training is None or plan.cost is None or plan.training_alone is None:
        console.say(fill("Second part: none (synthesis.public_bands: all). The sum has the whole budget."))
        console.say(fill(f"ε and δ hold per patient (neighbours: {ADJACENCY})."))
        return
    console.say()
    console.say(fill("Second part: private training. ε here is that of both."))
    tell_noise(console, recipe, plan.training)
    tell_epsilon(console, plan.training)
    console.say(fill(f"ε and δ hold per patient (neighbours: {ADJACENCY})."))
    console.say()
    console.say(fill(plan.training.verdict))
    console.say()
    parts = [
        ("central images alone", shown(plan.sum_epsilon)),
        ("private training alone", shown(plan.training_alone)),
        ("both", shown(plan.epsilon)),
    ]
    console.table(("part", f"ε at δ = {shown(plan.delta)}"), parts)
    console.say(fill("synthesis.central_noise shares the budget: larger, and training gets more of it."))
    console.say(fill(time_in_words(plan.cost)))
    console.say(fill(memory_in_words(plan.cost, recipe.synthesis.private.micro_batch)))
