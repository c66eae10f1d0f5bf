"""``medsyngen plan``: what a recipe will cost and give, before any scan is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import Console, spell_seconds
from .options import JsonOption, PatientsAtMostOption, RecipeArgument, SetOption

if TYPE_CHECKING:
    from medsyngen.planning import Plan
    from medsyngen.recipe import Recipe


def plan(
    recipe: RecipeArgument,
    patients_at_most: PatientsAtMostOption = None,
    images_per_second: Annotated[
        float | None,
        typer.Option(
            "--images-per-second", metavar="X", help="How fast this machine trains; then the time is estimated, too."
        ),
    ] = None,
    overrides: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Tells what a recipe will cost and give, before any scan is read.

    Noise, the privacy spent after each part, and whether that many patients are enough. Reads no scan.
    """
    from medsyngen.recipe import load_recipe

    console = Console(machine=json)
    loaded = load_recipe(recipe, overrides or (), patients_at_most=patients_at_most)
    planned = _plan(loaded, images_per_second)
    console.result({"recipe": loaded.name, "patients_at_most": loaded.n_max, **planned.to_json()})
    _tell(console, loaded, planned)


def _plan(recipe: Recipe, images_per_second: float | None) -> Plan:
    from medsyngen.diffusion.unet import build_unet, check_image_size
    from medsyngen.planning import plan as planned
    from medsyngen.privacy.budget import Budget, checked_delta

    n_max, method = recipe.n_max, recipe.synthesis
    training = method.private
    delta = checked_delta(recipe.privacy.delta, n_max)
    check_image_size(method.network, recipe.scans.size)
    network = build_unet(method.network, image_channels=1, class_rows=len(recipe.classes) + 1, seed=0)
    return planned(
        patients_at_most=n_max,
        budget=Budget(recipe.privacy.epsilon, delta),
        sampling_rate=training.sampling_rate(n_max),
        steps=training.steps,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        draws_per_patient=training.scans_per_patient * training.draws_per_scan,
        clipping_norm=training.clipping_norm,
        images_per_second=images_per_second,
    )


def _tell(console: Console, recipe: Recipe, planned: Plan) -> None:
    from medsyngen.privacy.budget import ADJACENCY, shown

    console.say(f"{recipe.name}, up to {recipe.n_max} patients")
    console.table(
        ("", "", ""),
        [
            ("noise multiplier σ_DP", f"{planned.noise_multiplier:g}", "calibrated to the budget"),
            ("sampling rate q", f"{planned.sampling_rate:.4g}", f"{planned.patients_per_step:.4g} patients a step"),
            ("steps T", str(planned.steps), "all charged, whether or not they finish"),
            ("clipping norm C", f"{recipe.synthesis.private.clipping_norm:g}", "of one patient's gradient"),
            ("noise / C", shown(planned.noise_per_coordinate, 2), "per coordinate of the averaged gradient"),
            ("noise / signal", shown(planned.noise_to_signal, 2), "over the whole averaged gradient"),
            ("network evaluations", f"{planned.network_evaluations:,}", _time(planned)),
        ],
    )
    total = max(1, planned.steps)
    rows = [(str(steps), f"{100 * steps / total:.0f} %", shown(epsilon)) for steps, epsilon in planned.epsilon_after]
    console.table(("steps", "of all", f"ε at δ = {shown(planned.delta)}"), rows)
    console.table(("δ", "ε"), [(shown(delta), shown(epsilon)) for delta, epsilon in planned.epsilon_at_delta])
    console.say(f"ε and δ hold per patient (neighbours: {ADJACENCY}).")
    console.say(planned.verdict)


def _time(planned: Plan) -> str:
    if planned.seconds is None:
        return "time unknown: give --images-per-second"
    return f"about {spell_seconds(planned.seconds)} of private training"
