"""How ``medsyngen plan`` tells what private training will cost and give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import Console, spell_seconds

if TYPE_CHECKING:
    from medsyngen.planning import Cost, Plan
    from medsyngen.recipe import Recipe


def tell_noise(console: Console, recipe: Recipe, plan: Plan) -> None:
    """Tells what private steps are made of."""
    from medsyngen.privacy.budget import shown

    console.table(
        ("", "", ""),
        [
            ("noise multiplier σ_DP", f"{plan.noise_multiplier:g}", "calibrated to the budget"),
            ("sampling rate q", f"{plan.sampling_rate:.4g}", f"{plan.patients_per_step:.4g} patients a step"),
            ("steps T", str(plan.steps), "all charged, finished or not"),
            ("clipping norm C", f"{recipe.synthesis.private.clipping_norm:g}", "of one patient's gradient"),
            ("noise / C", shown(plan.noise_per_coordinate, 2), "per coordinate of the averaged gradient"),
            ("noise / signal", shown(plan.noise_to_signal, 2), "over the whole averaged gradient"),
            ("network evaluations", f"{plan.network_evaluations:,}", "images forward and backward"),
        ],
    )


def tell_epsilon(console: Console, plan: Plan) -> None:
    """Tells ε after each part of the steps, and at other δ."""
    from medsyngen.privacy.budget import shown

    parts = [(str(steps), f"{100 * steps / plan.steps:.0f} %", shown(epsilon)) for steps, epsilon in plan.epsilon_after]
    console.table(("steps", "of all", f"ε at δ = {shown(plan.delta)}"), parts)
    console.table(("δ", "ε"), [(shown(delta), shown(epsilon)) for delta, epsilon in plan.epsilon_at_delta])


def time_in_words(cost: Cost) -> str:
    """Returns how long training will take."""
    if cost.images_per_second is None or cost.private_seconds is None:
        return "time: unknown (--images-per-second X, or without --no-measure)"
    source = "measured on its CPU" if cost.measured else "as given"
    first = "; the public expert is there already"
    if cost.public_seconds:
        first = f", plus about {spell_seconds(cost.public_seconds)} of training on phantoms before"
    speed = f"{cost.images_per_second:.3g} images/s"
    return f"time: about {spell_seconds(cost.private_seconds)} of private training here ({source}: {speed}){first}"


def memory_in_words(cost: Cost, micro_batch: int) -> str:
    """Returns how much memory it will take."""
    return (
        f"memory: about {cost.memory_bytes / 1e9:.1f} GB beyond the program itself, for {micro_batch} patients at once "
        "(lower synthesis.private.micro_batch for less; it changes no result)"
    )
