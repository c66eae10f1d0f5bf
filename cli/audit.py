"""``medsyngen audit``: tries to refute the claimed ε by attacking what a fit runs, on made-up patients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .audit_sums import MOST_RUNS, audit_query, tell_audit
from .console import Console
from .options import DeviceOption, JsonOption, PatientsAtMostOption, RecipeArgument, SetOption, refuse_options

if TYPE_CHECKING:
    import torch

    from medsyngen.evaluation.attacked_training import Audited
    from medsyngen.evaluation.auditing import AuditResult
    from medsyngen.evaluation.guessing import AttackFigures
    from medsyngen.progress import Progress
    from medsyngen.recipe import Recipe
    from medsyngen.synthesis.staged_diffusion import StagedDiffusion

DEFAULT_CANARIES = 128
DEFAULT_REPEATS = 1000


def audit(
    recipe: RecipeArgument,
    patients_at_most: PatientsAtMostOption = None,
    canaries: Annotated[
        int | None,
        typer.Option(
            "--canaries",
            metavar="R",
            min=1,
            show_default=str(DEFAULT_CANARIES),
            help="Of training: canary patients, at most; together with a few phantoms never more than N_max. More can "
            "show more.",
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats",
            metavar="R",
            min=1,
            max=MOST_RUNS,
            show_default=str(DEFAULT_REPEATS),
            help="Of votes and sums: runs with one canary patient, and as many without. More can show more.",
        ),
    ] = None,
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="Where votes or a sum come before training: attacks the training. Left out: what comes before.",
        ),
    ] = False,
    overrides: SetOption = None,
    device: DeviceOption = "auto",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Writes what was found; as RUN/audit.json it stands in the report."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tries to refute the claimed ε: attacks this very training, on phantoms. Reads no scan.

    Canary patients are in or out by coins; an attacker who sees every step guesses the coins. Too many right guesses
    prove that more privacy is lost than claimed (exit code 7). Few right guesses prove nothing, but are evidence.
    What is no training (votes, sums) is run again and again, with one canary and without.
    """
    from medsyngen.errors import UsageError
    from medsyngen.pipeline.audit_file import check_place
    from medsyngen.recipe import load_recipe

    console = Console(machine=json)
    loaded = load_recipe(recipe, overrides or (), patients_at_most=patients_at_most)
    if not loaded.reads_scans:
        raise UsageError(
            "there is nothing private to audit: phantoms serve every band of this recipe (synthesis.public_bands: "
            "all), so it reads no scan, and ε = 0 and δ = 0 per patient",
            do="audit a recipe that learns from scans",
        )
    if out is not None:
        check_place(out)
    if _attacks_training(loaded, training):
        refuse_options("training is attacked in one run, so there is no use for {}", {"repeats": repeats is not None})
        _audit_training(console, loaded, canaries or DEFAULT_CANARIES, device, out)
        return
    refuse_options(
        "what is attacked here is no training, so there is no use for {}",
        {"canaries": canaries is not None, "device": device != "auto"},
        do="; or attack the training (--training)" if _trains(loaded) else "",
    )
    audit_query(console, loaded, repeats or DEFAULT_REPEATS, out)


def _trains(recipe: Recipe) -> bool:
    return recipe.method == "staged-diffusion" or getattr(recipe.synthesis, "trains_on_scans", False)


def _attacks_training(recipe: Recipe, asked_for: bool) -> bool:
    """Returns whether training is to be attacked: where there is nothing else, or if it is asked for."""
    if not _trains(recipe):
        refuse_options("this recipe trains nothing on scans, so there is no use for {}", {"training": asked_for})
    return asked_for or recipe.method == "staged-diffusion"


def _audit_training(console: Console, loaded: Recipe, canaries: int, device: str, out: Path | None) -> None:
    from medsyngen.errors import VerificationFailed
    from medsyngen.evaluation.auditing import audit as audited
    from medsyngen.evaluation.canaries import canaries_that_fit, draw_canaries
    from medsyngen.pipeline.device import choose_device
    from medsyngen.randomness import Streams

    count, others = canaries_that_fit(loaded.n_max, canaries)
    method, where = loaded.synthesis, choose_device(device)
    made_up = draw_canaries(
        method.draw_phantoms(loaded.scans.image_size),
        Streams(method.seed),
        count=count,
        others=others,
        classes=[len(each.values) for each in loaded.conditions] or len(loaded.classes),
        scans=_scans(method.private.scans_per_patient),
    )
    with console.progress() as progress:
        claim = _claim(loaded, where, progress)
        result = audited(claim, made_up, device=where, progress=progress)
    tell_audit(console, loaded, "training", result.to_json(), out)
    _tell(console, loaded, claim, result)
    if result.verdict == "VIOLATION":
        raise VerificationFailed(
            f"the audit refutes the claim: ε is at least {result.attack.epsilon_999:.2f} at 99.9 % confidence, claimed "
            f"is {result.epsilon:.3g}",
            do="don't release anything made with this version and this recipe; repeat the audit with other canaries "
            "(--canaries), run the tests of the installed version, and report the result with --json",
        )


def _scans(at_most: int) -> tuple[int, ...]:
    """Returns how many scans the canaries have, in turn: several, and often more than a step takes."""
    return 2, at_most + 1, 2 * at_most + 1


def _claim(recipe: Recipe, device: torch.device, progress: Progress) -> Audited:
    """Returns what a fit of this recipe would run, made in the same way; of several parts the training alone.

    Where evolved phantoms would teach the first weights, it begins with those that phantoms taught: first weights are
    public either way, and no attack needs others.
    """
    from dataclasses import replace

    from medsyngen.diffusion.unet import check_image_size
    from medsyngen.evaluation.attacked_training import Audited
    from medsyngen.pipeline.generator_file import target_of
    from medsyngen.privacy.budget import Budget, checked_delta

    n_max, method, size = recipe.n_max, _stages(recipe), recipe.scans.image_size
    check_image_size(method.network, size)
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    training = method.private
    sigma = recipe.synthesis.calibrate(budget, n_max)
    target = target_of(recipe)
    _, start = method.first_weights(target, device=device, progress=progress)
    loss, trained = method.private_part(start, target, device)
    return Audited(
        loss=loss,
        weights=trained,
        training=training,
        patients_at_most=n_max,
        noise_multiplier=sigma,
        budget=budget,
        recipe_sha256=recipe.sha256,
        # All scans of a canary are alike, and the adversary averages over steps: two draws at a time will do.
        probe=replace(loss, scans_per_patient=1, draws_per_scan=2),
        subspace=method.directions(loss, target, device),
    )


def _stages(recipe: Recipe) -> StagedDiffusion:
    """Returns the training of a recipe: of votes or a sum before it, nothing but the noise is left."""
    from dataclasses import fields

    from medsyngen.synthesis.staged_diffusion import StagedDiffusion

    return StagedDiffusion(**{each.name: getattr(recipe.synthesis, each.name) for each in fields(StagedDiffusion)})


def _tell(console: Console, recipe: Recipe, claim: Audited, result: AuditResult) -> None:
    from medsyngen.evaluation.auditing import THREAT_MODEL
    from medsyngen.privacy.budget import ADJACENCY, UNIT, shown

    rate = claim.training.sampling_rate(claim.patients_at_most)
    console.say(f"{recipe.name}, up to {recipe.n_max} patients: audit on phantoms; no scan was read, no budget touched")
    console.say(
        f"Claimed: ε = {shown(result.epsilon)} at δ = {shown(result.delta)} per {UNIT} (neighbours: {ADJACENCY}); "
        f"T = {result.steps} steps, q = {rate:.4g}, σ_DP = {claim.noise_multiplier:g}"
    )
    if recipe.method != "staged-diffusion":
        console.say("This is the training alone; without --training what comes before it is attacked.")
    console.say(f"Attacker: {THREAT_MODEL}")
    console.say(
        f"Canaries: {result.canaries_in} patients in, {result.canaries_out} out, by coin; attack chosen on "
        f"{result.choosing} of them, judged on the other {result.judging}"
    )
    columns = ("", "as it is", "control: no noise, NOT PRIVATE")
    console.table(columns, [(name, one, other) for name, one, other in _rows(result.attack, result.control)])
    console.say(f"Verdict: {result.verdict}. {result.explanation}")


def _rows(attack: AttackFigures, control: AttackFigures) -> list[tuple[str, str, str]]:
    def row(name: str, spell: str, *values: str) -> tuple[str, str, str]:
        one, other = (
            spell.format(**{value: getattr(figures, value) for value in values}) for figures in (attack, control)
        )
        return name, one, other

    return [
        row("right guesses (the rest abstains)", "{right} of {guesses}", "right", "guesses"),
        row("ε at least, 95 % confidence", "{epsilon_95:.2f}", "epsilon_95"),
        row("ε at least, 99.9 % confidence", "{epsilon_999:.2f}", "epsilon_999"),
        row("so many guesses could at most show (95 %)", "{ceiling_95:.2f}", "ceiling_95"),
        row("AUC (0.5 is chance)", "{auc:.2f}", "auc"),
        row(
            "found at 1 % false alarms (95 % interval)",
            "{tpr:.2f} ({tpr_interval[0]:.2f} to {tpr_interval[1]:.2f})",
            "tpr",
            "tpr_interval",
        ),
    ]
