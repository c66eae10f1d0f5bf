"""How ``medsyngen plan`` tells what votes and private training will cost and give together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import Console, fill, spell_seconds
from .options import refuse_options
from .plan_training import memory_in_words, tell_epsilon, tell_noise, time_in_words
from .plan_votes import tell_votes

if TYPE_CHECKING:
    from medsyngen.planning import JoinedPlan
    from medsyngen.recipe import Recipe


def refuse_a_search_of_one_part(**given: bool) -> None:
    """Refuses options of `plan` that look for better steps as if there were no other part.

    Raises:
        UsageError: Naming the options.
    """
    refuse_options(
        "this recipe's budget is shared by two parts, so {} would tell half of it",
        given,
        do="; set synthesis.votes_noise (or central_noise) or synthesis.private.steps and plan again",
    )


def refuse_a_speed_of_no_steps(**given: bool) -> None:
    """Refuses options of `plan` that tell the time of private steps where the first part has the whole budget.

    Raises:
        UsageError: Naming the options.
    """
    refuse_options("only the first part asks scans (synthesis.public_bands: all), so there is no use for {}", given)


def tell_joined(console: Console, recipe: Recipe, plan: JoinedPlan) -> None:
    """Tells the votes, then private training, then what both spend."""
    from medsyngen.privacy.budget import shown

    console.say("First part: votes on phantoms. ε in this part is that of the votes alone.")
    tell_votes(console, recipe, plan.votes)
    console.say()
    if plan.training is None or plan.cost is None or plan.training_alone is None:
        console.say(fill("Second part: none (synthesis.public_bands: all). The votes have the whole budget."))
        return
    console.say(fill("Second part: private training, after training on the evolved phantoms. ε here is that of both."))
    tell_noise(console, recipe, plan.training)
    tell_epsilon(console, plan.training)
    console.say(fill(plan.training.verdict))
    console.say()
    parts = [
        ("votes alone", shown(plan.votes.epsilon)),
        ("private training alone", shown(plan.training_alone)),
        ("both", shown(plan.epsilon)),
    ]
    console.table(("part", f"ε at δ = {shown(plan.delta)}"), parts)
    console.say(fill("synthesis.votes_noise shares the budget: smaller, and the votes get more of it."))
    console.say(fill(time_in_words(plan.cost)))
    if plan.evolved_seconds is not None:
        console.say(fill(f"between them: about {spell_seconds(plan.evolved_seconds)} of training on evolved phantoms"))
    console.say(fill(memory_in_words(plan.cost, recipe.synthesis.private.micro_batch)))
