"""How ``medsyngen plan`` tells what a portrait will cost and give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import Console, fill, spell_seconds

if TYPE_CHECKING:
    from medsyngen.planning import PortraitPlan
    from medsyngen.recipe import Recipe


def tell_portrait(console: Console, recipe: Recipe, plan: PortraitPlan) -> None:
    """Tells noise beside what is looked for, ε, time, and whether so many patients suffice."""
    from medsyngen.privacy.budget import ADJACENCY, shown

    console.say(fill(f"{recipe.name}, up to {recipe.n_max} patients: what a portrait will cost and give."))
    rarest = [] if plan.classes == 1 else [("noise, rarest class", f"{plan.noise_rarest:.2g}", "on its mean")]
    console.table(
        ("", "", ""),
        [
            ("noise multiplier σ_DP", f"{plan.noise_multiplier:g}", "of the one sum, calibrated to the budget"),
            ("numbers a patient", f"{plan.entries:,}", "all classes together; noise is on every one"),
            ("clipping norm C", f"{plan.clipping_norm:g}", "of a patient's numbers"),
            ("noise", f"{plan.noise_all:.2g}", "length on the mean of all patients, if all that may be are there"),
            *rarest,
            ("looked for", f"{plan.distance:g}", "how far patients' mean typically lies from the phantoms'"),
            ("kept of it", f"{100 * plan.kept:.0f} %", "on average, after what noise adds is shrunk away"),
            ("ε", shown(plan.epsilon), f"at δ = {shown(plan.delta)}"),
        ],
    )
    console.say(fill(f"ε and δ hold per patient (neighbours: {ADJACENCY})."))
    console.say()
    console.say(fill(plan.verdict))
    console.say()
    if plan.seconds is None:
        console.say("time: unknown (not measured, or an encoder learns first)")
    else:
        console.say(f"time: about {spell_seconds(plan.seconds)} for phantoms here (measured), and reading the scans")
