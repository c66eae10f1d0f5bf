"""An empirical audit of votes and of noised sums: whether one canary patient can be told by more than is claimed.

The trained methods are audited in one run with many canaries (:mod:`medsyngen.evaluation.auditing`); a query without
training costs so little that it is repeated instead, with one canary who moves it as far as a patient can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medsyngen.evaluation.attacked_sums import AttackedSum
from medsyngen.evaluation.auditing import ROOM
from medsyngen.evaluation.gaussian_bound import mu_ceiling, mu_lower_bound
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import ADJACENCY, UNIT, round_up
from medsyngen.privacy.events import Gaussian
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream

THREAT_MODEL = (
    "White box. The attacker knows the recipe, every noised vector as it was released, all other patients and the "
    "canary's own vector, and lacks the noise and whether the canary was there. The canary brings far more than a "
    "patient may, in every class, where nobody else has anything."
)
AROUND = (-1.0, 0.0, 1.0)
"""Thresholds, from the middle between the two worlds, in units of the noise; fixed before any run."""
CONTROL_RUNS = 100
"""However many runs the attack itself gets: whether it finds the canary at all is told by the control alone."""


@dataclass(frozen=True)
class SumAudit:
    """What an audit found; all of it is public, because no patient was in it.

    Args:
        epsilon: Claimed: ε of the events that a fit charges.
        delta: δ.
        mu: Claimed: √T / σ_DP.
        repeats: Runs with the canary, and as many without.
        mu_95: What was shown at 95 % confidence.
        mu_999: At 99.9 %.
        mu_ceiling: What so many runs could at most have shown, at 95 %.
        mu_control: What the same attack showed at 95 % where there was no noise, in :data:`CONTROL_RUNS` runs.
    """

    epsilon: float
    delta: float
    mu: float
    repeats: int
    mu_95: float
    mu_999: float
    mu_ceiling: float
    mu_control: float

    @property
    def powerful(self) -> bool:
        """Whether the attack finds the canary where no noise hides it."""
        return self.mu_control > 0

    @property
    def verdict(self) -> str:
        """``VIOLATION``, ``uninformative`` or ``consistent``."""
        if self.mu_999 > self.mu:
            return "VIOLATION"
        return "consistent" if self.powerful and self.mu_ceiling >= ROOM * self.mu else "uninformative"

    @property
    def explanation(self) -> str:
        """The verdict in a sentence or two."""
        if self.verdict == "VIOLATION":
            return (
                "At 99.9 % confidence one patient can be told by more than the noise in the ledger allows: the code is "
                "wrong here."
            )
        if not self.powerful:
            return "The attack does not even find the canary where there is no noise, so that its failure says nothing."
        if self.verdict == "uninformative":
            return f"Not refuted, but {self.repeats} runs could hardly have shown more than is claimed."
        return "Not refuted: an attack that could have shown more did not. That is evidence, not a proof."

    def at(self, mu: float) -> float:
        """Returns ε at δ of a mechanism that is μ-GDP and no better."""
        return epsilon_spent([Gaussian(1 / mu)], self.delta) if mu > 0 else 0.0

    def to_json(self) -> dict[str, Any]:
        """Returns the audit as JSON values."""
        return {
            "verdict": self.verdict,
            "explanation": self.explanation,
            "threat_model": THREAT_MODEL,
            "unit": UNIT,
            "adjacency": ADJACENCY,
            "claimed": {"epsilon": round_up(self.epsilon), "delta": self.delta, "mu": self.mu},
            "repeats": self.repeats,
            "attack": {
                "mu_95": self.mu_95,
                "mu_999": self.mu_999,
                "epsilon_95": self.at(self.mu_95),
                "epsilon_999": self.at(self.mu_999),
                "mu_ceiling_95": self.mu_ceiling,
            },
            "control_without_noise": {"mu_95": self.mu_control},
            "attack_has_power": self.powerful,
        }


def audit_sum(
    attacked: AttackedSum,
    *,
    epsilon: float,
    delta: float,
    repeats: int,
    keys: SecureStream,
    progress: Progress = silent,
) -> SumAudit:
    """Attacks a query, and the same query without its noise.

    Args:
        attacked: The query.
        epsilon: Claimed.
        delta: δ.
        repeats: Runs with the canary, and as many without; fixed before the first.
        keys: Secret stream, new for each audit.
        progress: Told how far it is.
    """
    mu = attacked.claimed
    thresholds = [mu / 2 + step for step in AROUND]
    phase = "audit: with a canary and without"
    found = attacked.statistics(repeats, keys.child(b"attack"), progress=progress, phase=phase)
    bare = attacked.statistics(CONTROL_RUNS, keys.child(b"control"), noise=False)
    return SumAudit(
        epsilon=epsilon,
        delta=delta,
        mu=mu,
        repeats=repeats,
        mu_95=mu_lower_bound(*found, thresholds, confidence=0.95),
        mu_999=mu_lower_bound(*found, thresholds, confidence=0.999),
        mu_ceiling=mu_ceiling(repeats, len(thresholds), confidence=0.95),
        mu_control=mu_lower_bound(*bare, [mu / 2], confidence=0.95),
    )
