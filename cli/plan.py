"""``medsyngen plan``: what a recipe will cost and give, before any scan is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console, fill, spell_seconds
from .options import JsonOption, PatientsAtMostOption, RecipeArgument, SetOption
from .plan_central import tell_central
from .plan_joined import refuse_a_search_of_one_part, refuse_a_speed_of_no_steps, tell_joined
from .plan_portrait import tell_portrait
from .plan_training import memory_in_words, tell_epsilon, tell_noise, time_in_words
from .plan_votes import refuse_what_is_about_training, tell_votes

if TYPE_CHECKING:
    from medsyngen.planning import (
        CentralPlan,
        JoinedPlan,
        PhantomsPlan,
        PortraitPlan,
        RecipePlan,
        Recommendation,
        Setting,
        VotesPlan,
    )
    from medsyngen.recipe import Recipe


def plan(
    recipe: RecipeArgument,
    patients_at_most: PatientsAtMostOption = None,
    network_evaluations: Annotated[
        int | None,
        typer.Option(
            "--network-evaluations",
            metavar="E",
            min=1,
            help="Computing for which the best steps and patients a step are looked for: forward and backward passes "
            "of one image. Left out: as many as the recipe takes.",
        ),
    ] = None,
    least_steps: Annotated[
        int, typer.Option("--least-steps", metavar="T", min=1, help="The fewest steps that such a search may propose.")
    ] = 1,
    images_per_second: Annotated[
        float | None,
        typer.Option("--images-per-second", metavar="X", help="How fast the machine trains, instead of measuring it."),
    ] = None,
    no_measure: Annotated[
        bool, typer.Option("--no-measure", help="Doesn't measure this machine; then no time is told.")
    ] = False,
    overrides: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Tells what a recipe will cost and give, before any scan is read.

    Noise, the privacy spent after each part, time and memory, better settings for the same computing, and whether that
    many patients are enough. Reads no scan and charges nothing.
    """
    from medsyngen.planning import plan_phantoms, plan_recipe, recommend
    from medsyngen.recipe import load_recipe

    console = Console(machine=json)
    loaded = load_recipe(recipe, overrides or (), patients_at_most=patients_at_most)
    if not loaded.reads_scans:
        _refuse_a_search(network_evaluations, least_steps)
        alone = plan_phantoms(loaded, speed=images_per_second, measure=not no_measure)
        console.result({"recipe": loaded.name, "patients_at_most": loaded.patients_at_most, **alone.to_json()})
        _tell_phantoms(console, loaded, alone)
        return
    if loaded.method in ("central-dp-syngen", "evolved-dp-syngen"):
        refuse_a_search_of_one_part(network_evaluations=network_evaluations is not None, least_steps=least_steps != 1)
        if not loaded.synthesis.trains_on_scans:
            refuse_a_speed_of_no_steps(images_per_second=images_per_second is not None)
        _plan_joined(console, loaded, images_per_second, measure=not no_measure)
        return
    if loaded.method != "staged-diffusion":
        refuse_what_is_about_training(
            network_evaluations=network_evaluations is not None,
            least_steps=least_steps != 1,
            images_per_second=images_per_second is not None,
        )
        _plan_without_training(console, loaded, measure=not no_measure)
        return
    planned = plan_recipe(
        loaded,
        network_evaluations=network_evaluations,
        least_steps=least_steps,
        speed=images_per_second,
        measure=not no_measure,
    )
    advice = recommend(loaded, trained=planned.plan.enough)
    console.result(_result(loaded, planned, advice))
    _tell(console, loaded, planned)
    _tell_advice(console, advice)


def _plan_joined(console: Console, recipe: Recipe, speed: float | None, *, measure: bool) -> None:
    from medsyngen.planning import plan_central, plan_joined, recommend

    if recipe.method == "central-dp-syngen":
        central = plan_central(recipe, speed=speed, measure=measure)
        advice = recommend(recipe, trained=None if central.training is None else central.training.enough)
        console.result(_result(recipe, central, advice))
        tell_central(console, recipe, central)
    else:
        joined = plan_joined(recipe, speed=speed, measure=measure)
        advice = recommend(recipe, trained=None if joined.training is None else joined.training.enough)
        console.result(_result(recipe, joined, advice))
        tell_joined(console, recipe, joined)
    _tell_advice(console, advice)


def _plan_without_training(console: Console, recipe: Recipe, *, measure: bool) -> None:
    from medsyngen.planning import plan_portrait, plan_votes, recommend

    advice = recommend(recipe)
    if recipe.method == "portrait":
        portrait = plan_portrait(recipe, measure=measure)
        console.result(_result(recipe, portrait, advice))
        tell_portrait(console, recipe, portrait)
    else:
        votes = plan_votes(recipe)
        console.result(_result(recipe, votes, advice))
        tell_votes(console, recipe, votes)
    _tell_advice(console, advice)


def _result(
    recipe: Recipe, planned: CentralPlan | JoinedPlan | PortraitPlan | RecipePlan | VotesPlan, advice: Recommendation
) -> dict[str, Any]:
    told = {"recipe": recipe.name, "patients_at_most": recipe.n_max, **planned.to_json()}
    return {**told, "recommendation": {"recipe": advice.recipe, "why": advice.why}}


def _tell_advice(console: Console, advice: Recommendation) -> None:
    console.say()
    _say(console, f"{advice.sentence()}.")


def _tell(console: Console, recipe: Recipe, planned: RecipePlan) -> None:
    from medsyngen.privacy.budget import ADJACENCY

    _say(console, f"{recipe.name}, up to {recipe.n_max} patients: what private training will cost and give.")
    tell_noise(console, recipe, planned.plan)
    tell_epsilon(console, planned.plan)
    _say(console, f"ε and δ hold per patient (neighbours: {ADJACENCY}).")
    console.say()
    _say(console, planned.plan.verdict)
    console.say()
    _say(console, time_in_words(planned.cost))
    _say(console, memory_in_words(planned.cost, recipe.synthesis.private.micro_batch))
    console.say()
    _tell_search(console, planned)


def _refuse_a_search(network_evaluations: int | None, least_steps: int) -> None:
    from medsyngen.errors import UsageError

    if network_evaluations is not None or least_steps != 1:
        raise UsageError(
            "phantoms serve every band of this recipe (synthesis.public_bands: all): it has no private steps",
            do="leave out --network-evaluations and --least-steps",
        )


def _tell_phantoms(console: Console, recipe: Recipe, planned: PhantomsPlan) -> None:
    from medsyngen.privacy.budget import Guarantee

    _say(console, f"{recipe.name}: phantoms serve every band (synthesis.public_bands: all), no scan will be read.")
    _say(console, Guarantee.without_scans().sentence())
    _say(console, "No patients, no patients_at_most, no ledger and no budget are needed; `fit` takes no --scans.")
    _say(console, "Classes will be names only: nothing teaches the generator what a class looks like.")
    console.say()
    if planned.public_expert_exists:
        _say(console, "time: none for training; the public expert is there already")
    elif planned.public_seconds is None:
        _say(console, "time: unknown (--images-per-second X, or without --no-measure)")
    else:
        source = "measured on its CPU" if planned.measured else "as given"
        speed = f"{planned.images_per_second:.3g} images/s"
        _say(console, f"time: about {spell_seconds(planned.public_seconds)} on phantoms here ({source}: {speed})")


def _tell_search(console: Console, planned: RecipePlan) -> None:
    search, own = planned.search, planned.plan
    _say(
        console,
        f"Signal over noise, √T·q·N/σ_DP, of other ways to spend the same budget within {search.network_evaluations:,} "
        "network evaluations:",
    )
    rows = {setting.steps: _row(setting, own.figure_of_merit, setting == search.best) for setting in search.settings}
    figure = f"{own.figure_of_merit:,.0f}"
    recipe = (str(own.steps), f"{own.patients_per_step:,.4g}", f"{own.noise_multiplier:.4g}", figure, "1", "the recipe")
    listed = (
        [*rows.items(), (own.steps, recipe)] if own.steps not in rows else list({**rows, own.steps: recipe}.items())
    )
    columns = ("steps T", "patients a step", "σ_DP", "figure", "times the recipe's", "")
    console.table(columns, [row for _, row in sorted(listed)])
    if planned.gain < 0.01:
        _say(console, "The recipe is within 1 % of the best.")
        return
    _say(
        console,
        f"The best is {1 + planned.gain:.3g} times as good as the recipe. But the figure only weighs signal against "
        "noise, which favours few large steps; it does not know how many steps learning takes (--least-steps bounds "
        "them). Choose steps and learning rate on phantoms or the demo, never on the patients. To set the best:",
    )
    for option in search.best.options():
        console.say(f"  {option}")


def _row(setting: Setting, own: float, best: bool) -> tuple[str, ...]:
    about = "" if setting.calibrated else "~"
    return (
        str(setting.steps),
        f"{setting.patients_per_step:,.4g}",
        f"{about}{setting.noise_multiplier:.4g}",
        f"{about}{setting.figure_of_merit:,.0f}",
        f"{setting.figure_of_merit / own:.2g}",
        "best" if best else "",
    )


def _say(console: Console, text: str) -> None:
    console.say(fill(text))
