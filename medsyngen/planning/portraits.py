"""What a portrait will cost and give, from public numbers alone: no scan is read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from medsyngen.planning.rendering import rendering_seconds
from medsyngen.planning.verdict import Enough
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import ADJACENCY, UNIT, Budget, checked_delta, round_up, shown
from medsyngen.privacy.events import Gaussian
from medsyngen.recipe import Recipe
from medsyngen.synthesis.cells import Cells

TYPICAL_DISTANCE = 0.4
"""How far patients' mean numbers lie from the phantoms', whose own pictures have length 1: measured at 28 pixels with
the shipped measures, on NIH and on the simulated hospital (docs/explanation/portraits.md)."""
HALF = 0.5
"""Noise over that distance up to which a portrait was measured to lose nothing: at 200 and 264 patients and ε = 1 it
was 0.4 to 0.5, and images came no nearer to the patients' own at ε = 3."""
WHOLE = 1.0
"""From here on the noise is as long as what is looked for: shrinkage keeps half of it or less."""


@dataclass(frozen=True)
class PortraitPlan:
    """What a recipe of a portrait costs and gives.

    Args:
        epsilon: ε of the one sum at ``delta``, as computed; at most the budget's.
        delta: δ.
        noise_multiplier: σ_DP, calibrated.
        entries: Numbers that a patient adds, over all classes.
        clipping_norm: C.
        classes: Portraits that are taken.
        noise_all: Length of the noise on the mean of all classes together, over all its numbers.
        noise_rarest: Length of the noise on the mean of the rarest class.
        distance: What it stands beside: how far patients typically lie from phantoms, :data:`TYPICAL_DISTANCE`.
        kept: Share of that distance that is left of the rarest class's after shrinkage, on average.
        patients_advised: N_max at which the rarest class's noise is half of that distance, at this σ_DP.
        seconds: Rendering and reading of phantoms on this machine; None if it was not measured or an encoder learns.
        enough: Whether N_max patients suffice.
        verdict: The same in words, with what to do if not.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    entries: int
    clipping_norm: float
    classes: int
    noise_all: float
    noise_rarest: float
    distance: float
    kept: float
    patients_advised: int
    seconds: float | None
    enough: Enough
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values; ε is rounded up to three digits."""
        return {**asdict(self), "epsilon": round_up(self.epsilon), "unit": UNIT, "adjacency": ADJACENCY}


def plan_portrait(recipe: Recipe, *, measure: bool = True) -> PortraitPlan:
    """Returns what can be told about a portrait before any scan is read.

    Args:
        recipe: With its N_max; its method is a portrait.
        measure: Whether to measure how fast phantoms are rendered here.

    Raises:
        UsageError: N_max is missing, or images of this size can't be made.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    n_max, method = recipe.n_max, recipe.synthesis
    method.check_size(recipe.scans.side)
    (query,) = method.describe_queries(recipe.target)
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    sigma = method.calibrate(budget, n_max)
    whole, rarest = portrait_noise(method, recipe, sigma)
    ratio = rarest / TYPICAL_DISTANCE
    return PortraitPlan(
        epsilon=epsilon_spent([Gaussian(sigma)], budget.delta),
        delta=budget.delta,
        noise_multiplier=sigma,
        entries=query["entries"],
        clipping_norm=query["clipping_norm"],
        classes=query["classes"],
        noise_all=whole,
        noise_rarest=rarest,
        distance=TYPICAL_DISTANCE,
        kept=1 / (1 + ratio**2),
        patients_advised=math.ceil(n_max * ratio / HALF),
        seconds=rendering_seconds(method, recipe.scans.side) if measure else None,
        enough=enough_for_portrait(whole, rarest),
        verdict=portrait_in_words(n_max, whole, rarest, budget),
    )


def portrait_noise(method: Any, recipe: Recipe, noise_multiplier: float) -> tuple[float, float]:
    """Returns lengths of the noise: on the mean of all classes together, and on the rarest class's; as if N_max came.

    Each of K classes has d numbers in the sum, with noise σ_DP · C / N_max on every one. The mean of all is the sum of
    K rows; that of a class of share π is its own row over π.

    Args:
        method: The portrait.
        recipe: Whose N_max and classes.
        noise_multiplier: σ_DP.
    """
    shares = Cells(recipe.target.conditioning).shares
    row = noise_multiplier * method.clipping_norm * math.sqrt(method.entries) / recipe.n_max
    return row * math.sqrt(len(shares)), row / float(shares.min())


def enough_for_portrait(noise_all: float, noise_rarest: float) -> Enough:
    """Returns whether the noise leaves something of what sets patients apart from phantoms.

    Args:
        noise_all: Its length on the mean of all classes together.
        noise_rarest: On the rarest class's.
    """
    if noise_rarest <= HALF * TYPICAL_DISTANCE:
        return "yes"
    return "borderline" if noise_all <= WHOLE * TYPICAL_DISTANCE else "no"


def portrait_in_words(patients: int, noise_all: float, noise_rarest: float, budget: Budget) -> str:
    """Returns the verdict as a paragraph: whether it suffices, how far off it is, what helps.

    Args:
        patients: N_max.
        noise_all: Length of the noise on the mean of all classes together.
        noise_rarest: On the rarest class's.
        budget: ε and δ.
    """
    one = math.isclose(noise_all, noise_rarest)
    means = "the mean" if one else f"the mean of the rarest class (and {noise_all:.2g} on that of all classes)"
    figure = (
        f"with up to {patients} patients and ε = {shown(budget.epsilon)} at δ = {shown(budget.delta)} per patient, the "
        f"noise has a length of {noise_rarest:.2g} on {means}; patients typically lie {TYPICAL_DISTANCE:g} away "
        "from the phantoms"
    )
    classes = "" if one else "fewer or more even classes, "
    helps = f"What helps: more patients, a larger ε, {classes}fewer numbers (synthesis.entries; its root counts)."
    match enough_for_portrait(noise_all, noise_rarest):
        case "yes":
            return (
                f"Enough for a portrait: {figure}. What is left is what phantoms can't draw; a larger ε hardly helps."
            )
        case "borderline":
            which = "half of the way or more is found" if one else "what all classes share is found, little of the rest"
            return f"Scarcely enough for a portrait: {figure}. On average {which}. {helps}"
        case "no":
            return (
                f"Not enough for a portrait: {figure}. The phantoms would hardly move. {helps} Or phantoms alone "
                "(method staged-diffusion with synthesis.public_bands: all; no privacy cost)."
            )
