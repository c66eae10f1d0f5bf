"""An empirical privacy audit: whether an attack that knows almost everything refutes the ε that is claimed.

The training runs as in a fit, on phantoms and canary patients, each canary in or out by a coin. A white-box adversary
(:mod:`medsyngen.evaluation.attack`) guesses the coins; the one-run bound turns right guesses into a lower bound on ε.
An audit finds errors of the code; it can't prove that there are none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from medsyngen.evaluation.attacked_training import Audited, Implementation, NoNoise, train_under_attack
from medsyngen.evaluation.canaries import Canaries
from medsyngen.evaluation.guessing import AttackFigures, choose_guessing, judge
from medsyngen.evaluation.scoring import FILTERS, Filter, scores
from medsyngen.privacy.budget import ADJACENCY, UNIT, round_up
from medsyngen.progress import Progress, silent

THREAT_MODEL = (
    "White box. The attacker knows the recipe, the first weights, every noised sum that a step released (hence all "
    "weights), the records of all canaries and of all other patients, and the coins of half of the canaries. The "
    "attacker lacks the keys: who took part in a step, which scans and noise levels were drawn, and the noise."
)
ROOM = 1.5
"""An attack that could not have shown 1.5 times the claimed ε, had every guess been right, is no evidence."""


@dataclass(frozen=True)
class AuditResult:
    """What an audit found; all of it is public, because no patient was in it.

    Args:
        epsilon: Claimed: ε of the events that were charged, by privacy loss distributions.
        delta: δ.
        canaries_in: Canaries whose coin said in.
        canaries_out: Canaries whose coin said out.
        choosing: Canaries that the attack was chosen on.
        judging: Canaries that it was judged on; all figures are of these.
        steps: T.
        filter: The attack's filter that was chosen.
        attack: Against the mechanism as it is.
        control: The same attack against the same training without noise.
    """

    epsilon: float
    delta: float
    canaries_in: int
    canaries_out: int
    choosing: int
    judging: int
    steps: int
    filter: Filter
    attack: AttackFigures
    control: AttackFigures

    @property
    def powerful(self) -> bool:
        """Whether the attack finds canaries where no noise hides them: better than chance at 95 % confidence."""
        return self.control.auc_p_value <= 0.05

    @property
    def verdict(self) -> str:
        """``VIOLATION``, ``uninformative`` or ``consistent``."""
        if Finding(self.epsilon, self.filter, self.attack).refutes:
            return "VIOLATION"
        if not self.powerful or self.attack.ceiling_95 < ROOM * self.epsilon:
            return "uninformative"
        return "consistent"

    @property
    def explanation(self) -> str:
        """The verdict in a sentence or two."""
        if self.verdict == "VIOLATION":
            return (
                "At 99.9 % confidence more privacy was lost than claimed: the code, or the accounting, is wrong here."
            )
        if not self.powerful:
            return (
                "The attack does not even find the canaries where there is no noise, so that its failure says nothing."
            )
        if self.verdict == "uninformative":
            return (
                f"Not refuted, but {self.attack.guesses} guesses could at most have shown ε = "
                f"{self.attack.ceiling_95:.2f}, less than {ROOM} times the claimed one: little evidence either way."
            )
        return "Not refuted: an attack that could have shown a larger ε did not. That is evidence, not a proof."

    def to_json(self) -> dict[str, Any]:
        """Returns the audit as JSON values."""
        return {
            "verdict": self.verdict,
            "explanation": self.explanation,
            "threat_model": THREAT_MODEL,
            "unit": UNIT,
            "adjacency": ADJACENCY,
            "claimed": {
                "epsilon": round_up(self.epsilon) if math.isfinite(self.epsilon) else None,
                "delta": self.delta,
            },
            "canaries": {
                "in": self.canaries_in,
                "out": self.canaries_out,
                "used_for_choosing": self.choosing,
                "used_for_judging": self.judging,
            },
            "steps": self.steps,
            "filter": {"noise": self.filter.noise, "gain": self.filter.gain},
            "attack": self.attack.to_json(),
            "control_without_noise": self.control.to_json(),
            "attack_has_power": self.powerful,
        }


def audit(
    audited: Audited,
    canaries: Canaries,
    *,
    device: torch.device,
    implementation: Implementation | None = None,
    progress: Progress = silent,
) -> AuditResult:
    """Attacks a private training, and the same training without its noise.

    Args:
        audited: What is claimed.
        canaries: Who is in, who is out.
        device: Where to compute.
        implementation: Left out but in tests: the product's.
        progress: Told how far it is.
    """
    real = implementation or Implementation()
    bare = replace(real, mechanism=NoNoise(real.mechanism))
    found = attack(audited, canaries, real, device=device, progress=_named("audit: attacked training", progress))
    control = attack(audited, canaries, bare, device=device, progress=_named("audit: the same, no noise", progress))
    included = canaries.included
    return AuditResult(
        epsilon=found.epsilon,
        delta=audited.budget.delta,
        canaries_in=int(included.sum()),
        canaries_out=int((~included).sum()),
        choosing=int(canaries.choosing.sum()),
        judging=int((~canaries.choosing).sum()),
        steps=audited.training.steps,
        filter=found.filter,
        attack=found.figures,
        control=control.figures,
    )


@dataclass(frozen=True)
class Finding:
    """What one attack found.

    Args:
        epsilon: Claimed.
        filter: The filter that was chosen.
        figures: What came of it.
    """

    epsilon: float
    filter: Filter
    figures: AttackFigures

    @property
    def refutes(self) -> bool:
        """Whether the claim is refuted at 99.9 % confidence."""
        return self.figures.epsilon_999 > self.epsilon


def attack(
    audited: Audited,
    canaries: Canaries,
    implementation: Implementation,
    *,
    device: torch.device,
    progress: Progress = silent,
) -> Finding:
    """Trains under attack, chooses filter and guesses on one half of the canaries and judges them on the other."""
    seen = train_under_attack(audited, canaries, implementation, device=device, progress=progress)
    count, delta, included = len(canaries.included), audited.budget.delta, canaries.included
    every = scores(seen.observations, count + len(canaries.others), FILTERS, noise_multiplier=audited.noise_multiplier)
    one, other = np.flatnonzero(canaries.choosing), np.flatnonzero(~canaries.choosing)
    guessing = choose_guessing(
        [each[one] for each in every], included[one], delta=delta, worth_showing=ROOM * seen.epsilon
    )
    figures = judge(guessing, every[guessing.filter][other], included[other], delta=delta)
    return Finding(seen.epsilon, FILTERS[guessing.filter], figures)


def _named(phase: str, progress: Progress) -> Progress:
    # Before its first step the attacker studies the canaries: a phase of its own, or the time left would mislead.
    progress(f"{phase}, the attacker gets ready", 0, 1)
    return lambda _, done, total: progress(phase, done, total)
