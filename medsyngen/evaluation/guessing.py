"""From scores to guesses: chosen on one half of the canaries, judged on the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.one_run_bound import ceiling, epsilon_lower_bound, p_value

Scores = NDArray[np.float64]
Coins = NDArray[np.bool_]


@dataclass(frozen=True)
class Guessing:
    """How many guesses to make on each side, as counts among the canaries of one half.

    Args:
        filter: Which of the attack's filters gives the scores.
        first: So many highest scores are guessed "in".
        last: So many lowest scores are guessed "out"; the others are left alone.
    """

    filter: int
    first: int
    last: int

    @property
    def guesses(self) -> int:
        """How many guesses in all: r."""
        return self.first + self.last

    def right(self, scores: Scores, included: Coins) -> int:
        """Returns v: how many of the guesses are right.

        Args:
            scores: Of the canaries of one half.
            included: Their coins.
        """
        order = np.argsort(-scores, kind="stable")
        said_out = order[len(order) - self.last :]
        return int(included[order[: self.first]].sum() + (~included[said_out]).sum())


def choose_guessing(scores: Sequence[Scores], included: Coins, *, delta: float, worth_showing: float) -> Guessing:
    """Returns the filter and the counts that refute the most on the canaries whose coins are known.

    Too few guesses could refute nothing however good they were: where possible, as many are made as could show
    ``worth_showing``. Too many can't all be right: on the other half the coins fall otherwise, so that a side gets
    fewer guesses than half of the canaries, by one and a half standard deviations of the coins. Where nothing is
    refuted, what comes nearest to it is chosen.

    Args:
        scores: For each filter, those of the half to choose on.
        included: The coins of that half.
        delta: δ.
        worth_showing: ε that the guesses should be able to show.
    """
    m = len(included)
    most = max(1, int(m / 2 - 0.75 * m**0.5))
    counts = sorted({round(most * part / 8) for part in range(9)})
    pairs = [(a, b) for a in counts for b in counts if 0 < a + b <= m]
    able = [p for p in pairs if ceiling(m, sum(p), delta=delta, confidence=0.95) >= worth_showing] or pairs

    def merit(guessing: Guessing) -> tuple[float, float, float]:
        r, v = guessing.guesses, guessing.right(scores[guessing.filter], included)
        strict, usual = (
            epsilon_lower_bound(m, r, v, delta=delta, confidence=confidence) for confidence in (0.999, 0.95)
        )
        return strict, usual, -p_value(m, r, v, epsilon=0.0, delta=0.0)

    return max((Guessing(f, a, b) for f in range(len(scores)) for a, b in able), key=merit)


@dataclass(frozen=True)
class AttackFigures:
    """What the attack achieved on the canaries that it was judged on.

    Args:
        guesses: r.
        right: v.
        said_in: How many of the guesses were "in".
        epsilon_95: Lower bound on ε at 95 % confidence.
        epsilon_999: The same at 99.9 %.
        ceiling_95: What this many guesses would have shown at 95 %, all of them right.
        auc: Chance that a canary that is in scores above one that is out; 0.5 is chance.
        auc_p_value: Chance of an AUC this large if the scores knew nothing (Mann and Whitney 1947, normal law).
        tpr: Share of the canaries in that score above all but 1 % of those out.
        tpr_interval: Clopper and Pearson's 95 % interval of it.
    """

    guesses: int
    right: int
    said_in: int
    epsilon_95: float
    epsilon_999: float
    ceiling_95: float
    auc: float
    auc_p_value: float
    tpr: float
    tpr_interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as JSON values."""
        return {
            "guesses": self.guesses,
            "right": self.right,
            "guessed_in": self.said_in,
            "guessed_out": self.guesses - self.said_in,
            "epsilon_lower_bound": {"95 %": self.epsilon_95, "99.9 %": self.epsilon_999},
            "epsilon_ceiling_95": self.ceiling_95,
            "auc": self.auc,
            "auc_p_value": self.auc_p_value,
            "tpr_at_1_percent_fpr": {"value": self.tpr, "interval_95": list(self.tpr_interval)},
        }


def judge(guessing: Guessing, scores: Scores, included: Coins, *, delta: float) -> AttackFigures:
    """Returns what the chosen guesses prove on canaries that had no part in choosing them."""
    m, r, v = len(included), guessing.guesses, guessing.right(scores, included)
    hits, tpr = true_positives_at_one_percent(scores, included)
    return AttackFigures(
        guesses=r,
        right=v,
        said_in=guessing.first,
        epsilon_95=epsilon_lower_bound(m, r, v, delta=delta, confidence=0.95),
        epsilon_999=epsilon_lower_bound(m, r, v, delta=delta, confidence=0.999),
        ceiling_95=ceiling(m, r, delta=delta, confidence=0.95),
        auc=area_under_curve(scores, included),
        auc_p_value=chance_of_auc(area_under_curve(scores, included), int(included.sum()), int((~included).sum())),
        tpr=tpr,
        tpr_interval=clopper_pearson(hits, int(included.sum())),
    )


def area_under_curve(scores: Scores, included: Coins) -> float:
    """Returns P[score of one in > score of one out], ties count half; 0.5 where one side is empty."""
    those_in, those_out = scores[included][:, None], scores[~included][None, :]
    if those_in.size == 0 or those_out.size == 0:
        return 0.5
    return float(np.mean((those_in > those_out) + 0.5 * (those_in == those_out)))


def chance_of_auc(auc: float, there: int, away: int) -> float:
    """Returns the one-sided p-value of an AUC of so many canaries in and out; 1 where one side is empty."""
    if there == 0 or away == 0:
        return 1.0
    spread = math.sqrt((there + away + 1) / (12 * there * away))
    return 0.5 * math.erfc((auc - 0.5) / spread / math.sqrt(2))


def true_positives_at_one_percent(scores: Scores, included: Coins) -> tuple[int, float]:
    """Returns how many (and which share) of those in score above all but 1 % of those out."""
    those_in, those_out = scores[included], np.sort(scores[~included])[::-1]
    if len(those_in) == 0 or len(those_out) == 0:
        return 0, 0.0
    hits = int((those_in > those_out[int(0.01 * len(those_out))]).sum())
    return hits, hits / len(those_in)


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the exact interval of a share (Clopper and Pearson 1934); (0, 1) for no trials."""
    from scipy.special import betaincinv

    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1.0 - tail)) if hits < trials else 1.0
    return low, high
