"""The area under the ROC curve, plain or with weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


def weighted_auc(scores: _Floats, positive: NDArray[np.bool_], weights: _Floats) -> _Floats:
    """Returns P[score of a positive > score of a negative], ties counting half (Mann and Whitney 1947).

    Args:
        scores: (n,), higher means rather positive.
        positive: (n,).
        weights: (resamples, n), how often each one counts; a row of ones gives the plain AUC.

    Returns:
        float64 (resamples,), each in [0, 1]; NaN where no positive or no negative counts.
    """
    order = np.argsort(scores)
    sorted_scores, up, w = scores[order], positive[order], weights[:, order]
    negatives = np.concatenate([np.zeros((len(w), 1)), np.cumsum(w * ~up, axis=1)], axis=1)
    # Of the negatives, those below count whole and the ties half: the mean of "below" and "not above".
    below = negatives[:, np.searchsorted(sorted_scores, sorted_scores, "left")]
    not_above = negatives[:, np.searchsorted(sorted_scores, sorted_scores, "right")]
    won = (w * up * (below + not_above)).sum(axis=1) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray(won / ((w * up).sum(axis=1) * negatives[:, -1]))


def auc(scores: _Floats, positive: NDArray[np.bool_]) -> float:
    """Returns the AUC; NaN where there is no positive or no negative."""
    return float(weighted_auc(scores, positive, np.ones((1, len(scores))))[0])
