"""Weights that give a set of images declared means and otherwise stay as even as they can: maximum entropy.

Of all weights w on the images of a public bank with E_w[s] near m, those closest to even ones in Kullback-Leibler
divergence have the form w ~ exp(theta . s). m is known up to Gaussian noise of variance v an entry, so equality is not
asked for: theta minimises ln E[exp(theta . s)] - theta . m + theta . (v theta) / 2, the dual of the entropy plus
sum (E_w[s] - m)^2 / (2 v) (Dudik, Phillips and Schapire 2007, JMLR 8, section 4: l2^2 regularisation).

Public images and a noised mean alone come in: post-processing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_STEPS = 30
_LARGEST = 2.0**200
"""Variance from which on the mean says nothing."""


def tilted(statistics: _Floats, mean: _Floats, variance: float, *, least_effective: float = 0.0) -> _Floats:
    """Returns the weights of the images, adding up to 1.

    Args:
        statistics: s of each image, (images, numbers).
        mean: m.
        variance: v of each entry of m, positive.
        least_effective: Smallest effective share of the images, 1 / (images sum w^2), below 1; v is doubled until it
            is kept, so that a bank which is far from m goes towards it as far as it can and no further.

    Returns:
        float64 (images,).

    Raises:
        ValueError: ``least_effective`` is out of [0, 1), or something is not finite.
    """
    check_share(least_effective)
    if not (np.isfinite(statistics).all() and np.isfinite(mean).all() and np.isfinite(variance)):
        raise ValueError("statistics, their mean and its variance must be finite")
    theta = np.zeros(statistics.shape[1])
    while variance < _LARGEST:
        theta = _theta(statistics, mean, variance, theta)
        weights = _weights(statistics, theta)
        if effective_share(weights) >= least_effective:
            return weights
        variance *= 2
    return np.full(len(statistics), 1 / len(statistics))  # what the weights go to; short of the share by rounding only


def check_share(least_effective: float) -> None:
    """Refuses an effective share that no weights have, or even ones alone.

    Raises:
        ValueError: It is out of [0, 1).
    """
    if not 0 <= least_effective < 1:
        raise ValueError(f"least_effective must be from 0 to below 1, got {least_effective}")


def effective_share(weights: _Floats) -> float:
    """Returns 1 / (images sum w^2): 1 for even weights, 1 / images if one image has it all."""
    return float(1 / (len(weights) * (weights**2).sum()))


def _theta(s: _Floats, mean: _Floats, variance: float, theta: _Floats) -> _Floats:
    """Newton's method with halved steps: the function is convex, and strongly so."""
    value = _dual(s, theta, mean, variance)
    for _ in range(_STEPS):
        weights = _weights(s, theta)
        expected = weights @ s
        gradient = expected - mean + variance * theta
        curvature = (s * weights[:, None]).T @ s - np.outer(expected, expected)
        step = np.linalg.solve(curvature + variance * np.eye(len(theta)), gradient)
        size = 1.0
        while size > 1e-6 and (found := _dual(s, theta - size * step, mean, variance)) > value:
            size /= 2
        if size <= 1e-6 or value - found < 1e-13:
            break
        theta, value = theta - size * step, found
    return theta


def _dual(s: _Floats, theta: _Floats, mean: _Floats, variance: float) -> float:
    logits = s @ theta
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).mean()) - theta @ mean + variance * (theta @ theta) / 2)


def _weights(s: _Floats, theta: _Floats) -> _Floats:
    logits = s @ theta
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())
