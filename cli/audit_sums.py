"""How ``medsyngen audit`` attacks votes and sums: one canary patient, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import Console

if TYPE_CHECKING:
    from medsyngen.evaluation.attacked_sums import AttackedSum
    from medsyngen.evaluation.auditing_sums import SumAudit
    from medsyngen.privacy.budget import Budget
    from medsyngen.privacy.events import Event
    from medsyngen.recipe import Recipe

MOST_RUNS = 1_000_000


def tell_audit(console: Console, recipe: Recipe, attacked: str, result: Mapping[str, Any], out: Path | None) -> None:
    """Prints what was found for machines, and writes it where that was asked for."""
    from medsyngen.pipeline.audit_file import audit_json, write_audit

    found = audit_json(recipe, attacked, result)
    console.result(found)
    if out is not None:
        write_audit(out, found)


def audit_query(console: Console, recipe: Recipe, repeats: int, out: Path | None = None) -> None:
    """Audits what a recipe asks scans beside training, and tells what came of it.

    Raises:
        VerificationFailed: The claim is refuted.
    """
    from medsyngen.errors import UsageError, VerificationFailed
    from medsyngen.evaluation.auditing_sums import audit_sum
    from medsyngen.privacy.accountant import epsilon_spent
    from medsyngen.privacy.budget import Budget, checked_delta
    from medsyngen.randomness import secure_generator

    if getattr(recipe.synthesis, "buys_proportions", False):
        raise UsageError(
            "the audit attacks votes alone, and this recipe asks for class proportions, too",
            do="audit it with --set synthesis.proportions=recipe; the other sum is one like a portrait's",
        )
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, recipe.n_max))
    recipe.synthesis.check_size(recipe.scans.side)
    attacked = attacked_query(recipe, budget)
    _, asked = query_event(recipe, budget)
    with console.progress() as progress:
        result = audit_sum(
            attacked,
            epsilon=epsilon_spent([asked], budget.delta),
            delta=budget.delta,
            repeats=repeats,
            keys=secure_generator(),
            progress=progress,
        )
    tell_audit(console, recipe, "votes or sum", result.to_json(), out)
    _tell(console, recipe, attacked, result)
    if result.verdict == "VIOLATION":
        raise VerificationFailed(
            f"the audit refutes the claim: one patient is told by more than {result.mu_999:.2f} noises at 99.9 % "
            f"confidence, claimed is {result.mu:.2f}",
            do="don't release anything made with this version and this recipe; repeat the audit, run the tests of the "
            "installed version, and report the result with --json",
        )


def attacked_query(recipe: Recipe, budget: Budget) -> AttackedSum:
    """Returns the attack on what a fit of this recipe would ask the scans, with the same numbers."""
    from medsyngen.evaluation.attacked_sums import attacked_sum, attacked_votes
    from medsyngen.synthesis.cells import Cells

    method = recipe.synthesis
    sigma, _ = query_event(recipe, budget)
    (query,) = method.describe_queries(recipe.target)
    if query["kind"] == "votes":
        sizes = Cells(recipe.target.conditioning).sizes(getattr(method, "evolution", method).members)
        return attacked_votes(sizes, noise_multiplier=sigma, rounds=query["planned"])
    return attacked_sum(
        classes=query["classes"],
        entries=query["entries"],
        clipping_norm=query["clipping_norm"],
        noise_multiplier=sigma,
        patients_at_most=recipe.n_max,
    )


def query_event(recipe: Recipe, budget: Budget) -> tuple[float, Event]:
    """Returns σ_DP of what a fit of this recipe would ask beside training, and the event that it charges for it."""
    method = recipe.synthesis
    multiplier = method.calibrate(budget, recipe.n_max)
    if recipe.method == "evolved-dp-syngen":
        return method.votes_multiplier(multiplier), method.votes_event(multiplier)
    if recipe.method == "central-dp-syngen":
        sigma = method.sum_multiplier(multiplier)
        return sigma, method.central.event(sigma)
    return multiplier, method.plan(patients_at_most=recipe.n_max, noise_multiplier=multiplier)


def _tell(console: Console, recipe: Recipe, attacked: AttackedSum, result: SumAudit) -> None:
    from medsyngen.evaluation.auditing_sums import CONTROL_RUNS, THREAT_MODEL
    from medsyngen.privacy.budget import ADJACENCY, UNIT, shown

    console.say(
        f"{recipe.name}, up to {recipe.n_max} patients: audit on made-up patients; no scan was read, no budget touched"
    )
    console.say(
        f"Claimed: ε = {shown(result.epsilon)} at δ = {shown(result.delta)} per {UNIT} (neighbours: {ADJACENCY}); "
        f"{attacked.rounds} noised {'sum' if attacked.rounds == 1 else 'sums'}, σ_DP = {attacked.noise_multiplier:g}: "
        f"one patient moves all of it by at most μ = {result.mu:.3f} noises"
    )
    if getattr(recipe.synthesis, "trains_on_scans", False):
        console.say("This is the first part alone; --training attacks the second, at its share of the budget.")
    console.say(f"Attacker: {THREAT_MODEL}")
    console.say(f"Runs: {result.repeats} with the canary, {result.repeats} without; thresholds fixed before")
    rows = [
        (name, f"{mu:.2f}", f"{result.at(mu):.2f}")
        for name, mu in (
            ("shown, 95 % confidence: at least", result.mu_95),
            ("shown, 99.9 % confidence: at least", result.mu_999),
            ("so many runs could at most show (95 %)", result.mu_ceiling),
            (f"control: no noise, NOT PRIVATE, {CONTROL_RUNS} runs (95 %)", result.mu_control),
        )
    ]
    console.table(("", "μ", "ε at this δ"), rows)
    console.say(f"Verdict: {result.verdict}. {result.explanation}")
