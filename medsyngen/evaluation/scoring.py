"""From what the adversary saw to a score for each canary: is it in the cohort?

A step releases y = sum of the gradients of those who took part + noise. Gradients of different patients are
correlated, so that the plain product of y with a canary's gradient drowns in what the others add. The adversary
therefore treats the others as further, correlated noise and filters it out: with u_j the expected clipped gradient of
patient j and t the prior variance of its taking part, the noise of "is canary i in this step?" has covariance

    S_i = (σ_DP C)² I + t · sum over j ≠ i of u_j u_jᵀ + t · sum over j of e_j e_jᵀ,

where e_j is how far one draw of j's gradient lies from its mean: draws of different patients stray in much the same
directions. The best linear score is u_iᵀ S_i⁻¹ y. All that is needed of a step is small: the products among the u and
e, and those with y (:class:`Observation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.attack import Observation


@dataclass(frozen=True)
class Filter:
    """What an adversary may tune on the canaries whose coins it knows.

    Args:
        noise: The noise that it reckons with, as a share of what is claimed: less finds out implementations with less.
        gain: How far the score of a step saturates, for one who takes part in few steps: 1 is the likelihood ratio of
            "took part with probability q" against "never", 0 the plain sum over steps.
    """

    noise: float
    gain: float


FILTERS = tuple(Filter(noise, gain) for noise in (1.0, 0.3, 0.1, 0.01) for gain in (1.0, 0.5, 0.0))
"""The filters that are tried."""


def scores(
    observations: Sequence[Observation], patients: int, how: Sequence[Filter], *, noise_multiplier: float
) -> list[NDArray[np.float64]]:
    """Returns how much the released steps speak for each patient's being in the cohort.

    Args:
        observations: One a step.
        patients: How many patients there are.
        how: The filters.
        noise_multiplier: σ_DP, as claimed.

    Returns:
        For each filter float64 (patients,): larger means rather in.
    """
    totals = [np.zeros(patients) for _ in how]
    for step in observations:
        if not len(step.patients):
            continue
        filtered = {noise: _filtered(step, noise * noise_multiplier) for noise in {each.noise for each in how}}
        for total, each in zip(totals, how, strict=True):
            total[step.patients] += _evidence(step.took_part, *filtered[each.noise], each.gain)
    return totals


def _evidence(
    q: NDArray[np.float64], z: NDArray[np.float64], d: NDArray[np.float64], gain: float
) -> NDArray[np.float64]:
    if gain == 0:
        return np.asarray(q * d * z)
    ratio = gain * d * z - 0.5 * (gain * d) ** 2
    return np.asarray(np.logaddexp(np.log1p(-np.minimum(q, 1 - 1e-15)), np.log(q) + ratio))


def _filtered(step: Observation, noise_multiplier: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the filtered score z of each patient (variance 1 if absent) and its mean d if the patient took part.

    With K = G + λ I, λ = σ_DP² / t in units of C², all S_i come out of one inverse (the leave-one-out identity):
    s_i = (σ_DP C)² u_iᵀ S_i⁻¹ u_i = 1 / (K⁻¹)_ii - λ, and (σ_DP C)² u_iᵀ S_i⁻¹ y = (K⁻¹ p)_i / (K⁻¹)_ii, p_j = u_jᵀ y.
    """
    n = len(step.patients)
    prior = 0.5 * step.took_part  # a fair coin, then Poisson sampling
    lam = noise_multiplier**2 / float(np.mean(prior * (1 - prior)))
    inverse = np.linalg.inv(step.gram + lam * np.eye(len(step.gram)))
    diagonal = np.diag(inverse)[:n]
    s = np.maximum(1.0 / diagonal - lam, 1e-12)
    # What is expected of the others is taken off, what is expected of oneself is not.
    centred = step.seen - step.gram[:, :n] @ prior
    product = (inverse[:n] @ centred) / diagonal + prior * s
    return product / (noise_multiplier * np.sqrt(s)), np.sqrt(s) / noise_multiplier
