"""How ``medsyngen plan`` tells what rounds of votes will cost and give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import Console, fill
from .options import refuse_options

if TYPE_CHECKING:
    from medsyngen.planning import VotesPlan
    from medsyngen.recipe import Recipe


def refuse_what_is_about_training(**given: bool) -> None:
    """Refuses options of `plan` that mean nothing where no network is trained.

    Raises:
        UsageError: Naming the options.
    """
    refuse_options("no network is trained by this recipe, so there is no use for {}", given)


def tell_votes(console: Console, recipe: Recipe, plan: VotesPlan) -> None:
    """Tells noise, ε after each round, and whether so many patients suffice."""
    from medsyngen.privacy.budget import ADJACENCY, shown

    console.say(fill(f"{recipe.name}, up to {recipe.n_max} patients: what rounds of votes will cost and give."))
    chance = (
        []
        if plan.by_chance is None
        else [("above threshold", f"{100 * plan.by_chance:.2g} %", "of members without a vote, by the noise alone")]
    )
    bought = []
    if plan.shares_noise is not None:
        bought = [
            ("class proportions", f"± {plan.shares_noise:.3g}", "bought: noise on each class's number of patients")
        ]
    console.table(
        ("", "", ""),
        [
            (
                "noise multiplier σ_DP",
                f"{plan.noise_multiplier:g}",
                "on every member's votes, calibrated to the budget",
            ),
            ("iterations T", str(plan.iterations), "all charged, finished or not"),
            ("members", f"{plan.members:,}", "synthetic images voted on, all classes together"),
            (
                "votes a member",
                f"{plan.votes_per_member:.3g}",
                "on average, if all patients that may be are there, with a scan each",
            ),
            ("votes / noise", f"{plan.votes_to_noise:.2g}", "1 or more: patients choose; less: noise does"),
            *bought,
            *chance,
        ],
    )
    rows = [(str(t), shown(epsilon)) for t, epsilon in enumerate(plan.epsilon_after, 1)]
    console.table(("iteration", f"ε at δ = {shown(plan.delta)}"), rows)
    console.say(fill(f"ε and δ hold per patient (neighbours: {ADJACENCY})."))
    console.say()
    console.say(fill(plan.verdict))
