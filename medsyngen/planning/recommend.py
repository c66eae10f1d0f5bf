"""Which method suits so many patients and this budget: one line under every plan.

A method is proposed where it was measured to bring images nearer to the patients'; their order is the order in which
they can show more. No two of them have been measured side by side at many numbers of patients yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from medsyngen.planning.portraits import enough_for_portrait, portrait_noise
from medsyngen.planning.verdict import FEW_PATIENTS, Enough
from medsyngen.planning.votes import LITTLE, votes_query
from medsyngen.privacy.budget import Budget, checked_delta, shown
from medsyngen.recipe import Recipe, load_recipe

PORTRAIT, VOTES, STAGED = "portrait-32", "private-evolution-32", "chest-radiograph-32"
FEW_VOTERS = FEW_PATIENTS
"""Votes were measured to gain with 2000 patients and 400 members at ε about 2.5, and in features of lite0 alone: by
pixels, images came out worse than before (docs/explanation/private-evolution.md)."""
LITE0 = "--set synthesis.embedding=lite0"
ALONE = "--set synthesis.public_bands=all"


@dataclass(frozen=True)
class Recommendation:
    """What to take.

    Args:
        patients_at_most: N_max.
        epsilon: Of the budget.
        recipe: The recipe asked about, or one that ships, with an option where it needs one.
        why: In a few words.
    """

    patients_at_most: int
    epsilon: float
    recipe: str
    why: str

    def sentence(self) -> str:
        """Returns it as a line."""
        return f"At {self.patients_at_most} patients and ε = {shown(self.epsilon)}: {self.recipe} ({self.why})"


def recommend(recipe: Recipe, *, trained: Enough | None = None) -> Recommendation:
    """Returns a recipe for as many patients, the same budget and classes as this one's.

    Args:
        recipe: With its N_max; its own numbers stand for its method, those of a shipped recipe for any other.
        trained: The verdict on DP-SGD, if the recipe trains.

    Raises:
        UsageError: N_max is missing.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    n_max, epsilon = recipe.n_max, recipe.privacy.epsilon
    if trained == "yes":
        return Recommendation(n_max, epsilon, recipe.name, "so many patients suffice for training with DP-SGD")
    budget = Budget(epsilon, checked_delta(recipe.privacy.delta, n_max))
    if n_max >= FEW_VOTERS and (ratio := _votes_to_noise(recipe, budget)) >= LITTLE:
        votes = f"votes of {ratio:.2g} times their noise; by pixels they were not seen to help"
        return Recommendation(n_max, epsilon, f"{_name(recipe, VOTES)} {LITE0}", votes)
    whole, rarest = _portrait_noise(recipe, budget)
    if enough_for_portrait(whole, rarest) != "no":
        return Recommendation(
            n_max, epsilon, _name(recipe, PORTRAIT), f"means known to {whole:.2g}, typically 0.4 from the phantoms'"
        )
    return Recommendation(n_max, epsilon, f"{_name(recipe, STAGED)} {ALONE}", "phantoms alone: no method learns enough")


def _as(recipe: Recipe, name: str) -> Recipe:
    """Returns the recipe itself if it is of the shipped one's method; else the shipped one, for its patients."""
    shipped = load_recipe(name)
    if shipped.method == recipe.method:
        return recipe
    return replace(recipe, name=shipped.name, method=shipped.method, synthesis=shipped.synthesis)


def _name(recipe: Recipe, name: str) -> str:
    return _as(recipe, name).name


def _votes_to_noise(recipe: Recipe, budget: Budget) -> float:
    candidate = _as(recipe, VOTES)
    sigma = float(candidate.synthesis.calibrate(budget, recipe.n_max))
    return recipe.n_max / int(votes_query(candidate)["members"]) / sigma


def _portrait_noise(recipe: Recipe, budget: Budget) -> tuple[float, float]:
    candidate = _as(recipe, PORTRAIT)
    sigma = candidate.synthesis.calibrate(budget, recipe.n_max)
    return portrait_noise(candidate.synthesis, candidate, sigma)
