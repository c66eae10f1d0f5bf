"""Which method suits so many patients and this budget: one line under every plan.

A method is proposed where it was measured to bring images nearer to the patients'; their order is the order in which
they can show more. No two of them have been measured side by side at many numbers of patients yet, and none on anything
but chest radiographs.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from medsyngen.planning.central import mean_noise
from medsyngen.planning.portraits import TYPICAL_DISTANCE, enough_for_portrait, portrait_noise
from medsyngen.planning.verdict import FEW_PATIENTS, Enough
from medsyngen.planning.votes import LITTLE, votes_a_member
from medsyngen.privacy.budget import Budget, checked_delta, shown
from medsyngen.recipe import Recipe, load_recipe

PORTRAIT, VOTES, STAGED = "portrait-32", "private-evolution-32", "chest-radiograph-32"
CENTRAL = "central-chest-radiograph-32"
DRAWS = {
    PORTRAIT: "synthesis.phantom={}",
    VOTES: "synthesis.source.phantom={}",
    STAGED: "synthesis.phantoms={{{}: 1}}",
    CENTRAL: "synthesis.phantoms={{{}: 1}}",
}
"""How each of them is told what to draw."""
MEASURED = "chest_radiograph"
NOISE_OF_MEANS = 0.25
"""Mean pictures were measured to bring images nearer, and classes apart, than training or votes did: on 2,900 and on
3,000 patients at ε = 3 (docs/decisions/0006-mean-pictures-are-bought.md), where this noise was about 0.06."""
LITE0 = "synthesis.embedding=lite0"
"""Votes were measured to gain with 2000 patients and 400 members at ε about 2.5, and in features of lite0 alone: by
pixels, images came out worse than before (docs/explanation/private-evolution.md)."""
ALONE = "synthesis.public_bands=all"


@dataclass(frozen=True)
class Recommendation:
    """What to take.

    Args:
        patients_at_most: N_max.
        epsilon: Of the budget.
        recipe: The recipe asked about, or one that ships, with options where it needs them, as a shell takes them;
            None if there is no advice.
        why: In a few words.
    """

    patients_at_most: int
    epsilon: float
    recipe: str | None
    why: str

    def sentence(self) -> str:
        """Returns it as a line."""
        what = self.recipe or "no advice"
        return f"At {self.patients_at_most} patients and ε = {shown(self.epsilon)}: {what} ({self.why})"


@dataclass(frozen=True)
class _Candidate:
    """A method for these patients: the recipe itself, or a shipped one that draws the same phantom."""

    recipe: Recipe
    options: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def proposed(self, why: str, *more: str) -> Recommendation:
        command = [self.recipe.name, *(word for option in (*self.options, *more) for word in ("--set", option))]
        told = " ".join(shlex.quote(word) for word in command)
        return Recommendation(self.recipe.n_max, self.recipe.privacy.epsilon, told, "; ".join((why, *self.notes)))


def recommend(recipe: Recipe, *, trained: Enough | None = None) -> Recommendation:
    """Returns a recipe for as many patients, the same budget, classes and phantom as this one's.

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
    if recipe.scans.spatial_dims == 3:
        why = "of volumes no other method is known here; whether this one learns enough stands above"
        return Recommendation(n_max, epsilon, None, why)
    budget = Budget(epsilon, checked_delta(recipe.privacy.delta, n_max))
    if n_max >= FEW_PATIENTS and (found := _for_many(recipe, budget)):
        return found
    portrait, alone = _candidate(recipe, PORTRAIT), _candidate(recipe, STAGED)
    if portrait is None or alone is None:
        why = "other methods draw one phantom, and what this recipe draws is none, or several alike"
        return Recommendation(n_max, epsilon, None, why)
    whole, rarest = _portrait_noise(portrait.recipe, budget)
    if enough_for_portrait(whole, rarest) != "no":
        return portrait.proposed(f"means known to {whole:.2g}, typically {TYPICAL_DISTANCE:g} from the phantoms'")
    return alone.proposed("phantoms alone: no method learns enough", ALONE)


def _for_many(recipe: Recipe, budget: Budget) -> Recommendation | None:
    """Returns what suits two thousand patients and more, if its noise allows."""
    if central := _candidate(recipe, CENTRAL):
        noise = mean_noise(central.recipe, _sum_noise(central.recipe, budget))
        if noise <= NOISE_OF_MEANS:
            return central.proposed(f"mean pictures known to {noise:.2g} of a phantom's own length, then training")
    if votes := _candidate(recipe, VOTES):
        ratio = _votes_to_noise(votes.recipe, budget)
        if ratio >= LITTLE:
            seen = f"votes of {ratio:.2g} times their noise; by pixels they were not seen to help"
            return votes.proposed(seen, *([] if votes.recipe.synthesis.embedding == "lite0" else [LITE0]))
    return None


def _candidate(recipe: Recipe, name: str) -> _Candidate | None:
    """Returns the recipe itself if it is of the shipped one's method; else the shipped one, for its patients."""
    shipped, drawn = load_recipe(name), _main_phantom(recipe)
    notes = ["measured on chest radiographs only"] if drawn != MEASURED else []
    if shipped.method == recipe.method:
        return _Candidate(recipe, notes=tuple(notes))
    if drawn is None:
        return None
    options: tuple[str, ...] = ()
    if drawn != _main_phantom(shipped):
        options = (DRAWS[name].format(drawn),)
        shipped = load_recipe(name, options)
        notes.append("with the scans, classes and release of this recipe")
    same = replace(recipe, name=shipped.name, method=shipped.method, synthesis=shipped.synthesis)
    return _Candidate(same, options, tuple(notes))


def _main_phantom(recipe: Recipe) -> str | None:
    """Returns the phantom that most images are drawn of; None if there is none, or two are drawn alike."""
    method = getattr(recipe.synthesis, "evolution", recipe.synthesis)  # what evolves, not what the network begins with
    parts = sorted(method.describe_phantoms(), key=lambda part: -float(part["share"]))
    if not parts or (len(parts) > 1 and parts[0]["share"] == parts[1]["share"]):
        return None
    return str(parts[0]["name"])


def _sum_noise(recipe: Recipe, budget: Budget) -> float:
    return float(recipe.synthesis.sum_multiplier(recipe.synthesis.calibrate(budget, recipe.n_max)))


def _votes_to_noise(recipe: Recipe, budget: Budget) -> float:
    return votes_a_member(recipe) / float(recipe.synthesis.calibrate(budget, recipe.n_max))


def _portrait_noise(recipe: Recipe, budget: Budget) -> tuple[float, float]:
    return portrait_noise(recipe.synthesis, recipe, recipe.synthesis.calibrate(budget, recipe.n_max))
