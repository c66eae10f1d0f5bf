"""What rounds of votes will cost and give, from public numbers alone: no scan is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medsyngen.planning.verdict import Enough
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import ADJACENCY, UNIT, Budget, checked_delta, round_up, shown
from medsyngen.privacy.events import Gaussian, SelfComposed
from medsyngen.recipe import Recipe

LITTLE = 1.0
"""Votes for a member over the noise on them, if all members had alike; from here on selection follows the patients.
In a trial with 2000 patients, 400 members and σ_DP = 3 it was 1.7; images came clearly nearer to the patients' own."""
MUCH = 0.3
"""Below this the noise chooses about as much as the patients do. In a trial with one vote a member at ε = 1, 0.15, only
a threshold of 1 to 2 σ_DP kept selection from wandering (``threshold``)."""


@dataclass(frozen=True)
class VotesPlan:
    """What a recipe of votes costs and gives.

    Args:
        epsilon: ε of all rounds at ``delta``, as computed; at most the budget's.
        delta: δ.
        noise_multiplier: σ_DP, calibrated: the noise on every member's votes.
        iterations: T.
        epsilon_after: ε after each round, with that of bought proportions.
        members: Of the population, all classes together.
        votes_per_member: N_max · √q / members, if every patient has one scan and it votes for q members; where scans
            of a patient vote for different ones, up to √scans times as many.
        votes_to_noise: The same over σ_DP.
        by_chance: Share of members without any vote whose noisy votes are above the threshold; None where selection
            does not ask for it.
        members_advised: As many members as have a vote for each unit of noise: N_max · √q / σ_DP.
        shares_noise: Noise on each class's number of patients, where class proportions are bought; None where not.
        enough: Whether N_max patients can steer a population of this size at this budget.
        verdict: The same in words, with what to do if not.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    iterations: int
    epsilon_after: tuple[float, ...]
    members: int
    votes_per_member: float
    votes_to_noise: float
    by_chance: float | None
    members_advised: int
    shares_noise: float | None
    enough: Enough
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values; every ε is rounded up to three digits."""
        after = [{"iteration": t, "epsilon": round_up(e)} for t, e in enumerate(self.epsilon_after, 1)]
        return {
            **asdict(self),
            "epsilon": round_up(self.epsilon),
            "epsilon_after": after,
            "unit": UNIT,
            "adjacency": ADJACENCY,
        }


def plan_votes(recipe: Recipe) -> VotesPlan:
    """Returns what can be told about a recipe of votes before any scan is read.

    Args:
        recipe: With its N_max; its method asks scans for votes.

    Raises:
        UsageError: N_max is missing, or images of this size can't be made.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    n_max, method = recipe.n_max, recipe.synthesis
    method.check_size(recipe.scans.side)
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    sigma = method.calibrate(budget, n_max)
    return votes_with(recipe, sigma, budget, bought=method.bought_events(sigma))


def votes_query(recipe: Recipe) -> dict[str, Any]:
    """Returns what the scans are asked in rounds of votes, as plain JSON."""
    (query,) = (each for each in recipe.synthesis.describe_queries(recipe.target) if each["kind"] == "votes")
    return dict(query)


def votes_with(
    recipe: Recipe, sigma: float, budget: Budget, numbers: str = "synthesis", bought: Sequence[Gaussian] = ()
) -> VotesPlan:
    """Returns what can be told about rounds of votes, their noise known.

    Args:
        recipe: With its N_max; its method asks scans for votes.
        sigma: σ_DP of the votes.
        budget: ε and δ.
        numbers: Where in the recipe the votes' numbers stand.
        bought: The sum of class proportions that comes before them, if there is one.
    """
    n_max, query = recipe.n_max, votes_query(recipe)
    rounds, members = query["planned"], query["members"]
    after = tuple(
        epsilon_spent([*bought, SelfComposed(Gaussian(sigma), t)], budget.delta) for t in range(1, rounds + 1)
    )
    each = votes_a_member(recipe)
    return VotesPlan(
        epsilon=after[-1],
        delta=budget.delta,
        noise_multiplier=sigma,
        iterations=rounds,
        epsilon_after=after,
        members=members,
        votes_per_member=each,
        votes_to_noise=each / sigma,
        by_chance=None if query["selection"] == "rank" else 0.5 * math.erfc(query["threshold"] / math.sqrt(2)),
        members_advised=_members_advised(each * members, sigma),
        shares_noise=next((event.noise_multiplier for event in bought), None),
        enough=enough_votes(each / sigma),
        verdict=votes_in_words(n_max, members, sigma, budget, numbers, votes=each),
    )


def votes_a_member(recipe: Recipe) -> float:
    """Returns the votes that a member gets on average, if every patient has one scan and N_max patients are there.

    A patient's votes are a vector of length 1: a scan that votes for q members gives each of them 1/√q, √q together.
    """
    query = votes_query(recipe)
    members = int(query["members"])
    return recipe.n_max * math.sqrt(min(int(query["neighbours"]), members)) / members


def _members_advised(votes: float, sigma: float) -> int:
    return max(1, int(votes / sigma))


def enough_votes(ratio: float) -> Enough:
    """Returns whether patients can outvote the noise.

    Args:
        ratio: A member's votes over σ_DP.
    """
    if ratio >= LITTLE:
        return "yes"
    return "borderline" if ratio >= MUCH else "no"


def votes_in_words(
    patients: int, members: int, sigma: float, budget: Budget, numbers: str = "synthesis", *, votes: float
) -> str:
    """Returns the verdict as a paragraph: whether it suffices, how far off it is, what helps.

    Args:
        patients: N_max.
        members: Of the population.
        sigma: σ_DP.
        budget: ε and δ.
        numbers: Where in the recipe the votes' numbers stand.
        votes: Of a member, on average.
    """
    ratio = votes / sigma
    figure = (
        f"with up to {patients} patients and ε = {shown(budget.epsilon)} at δ = {shown(budget.delta)} per patient, a "
        f"member of the population gets {votes:.2g} votes on average, {ratio:.2g} times the "
        f"noise on them ({sigma:.3g})"
    )
    advised = _members_advised(votes * members, sigma)
    fewer = f"fewer members ({numbers}.members: {advised} or less), fewer iterations"
    helps = f"What helps: {fewer}, a larger ε, more patients."
    match enough_votes(ratio):
        case "yes":
            return f"Enough for votes: {figure}. Votes are not spread evenly, so the best members stand out by more."
        case "borderline":
            return (
                f"Borderline for votes: {figure}. Members that many patients resemble will stand out, small groups of "
                f"patients will not. {helps}"
            )
        case "no":
            return f"Not enough for votes: {figure}. Noise would choose more than the patients do. {helps}"
