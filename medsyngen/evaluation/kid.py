"""KID with an interval, between two sets of images with classes and patients.

Two things set it apart from :func:`medsyngen.evaluation.fidelity.kernel_distance`, which it equals where there is one
class and one image a patient:

* *Classes stand at declared shares*, whatever their shares in the files: with P = sum_c s_c P_c on either side,
  MMD²(P, Q) = sum_{c, c'} s_c s_c' (K^xx_cc' + K^yy_cc' - 2 K^xy_cc'), each K_cc' the mean of the kernel over pairs of
  these classes. A set is so not far away only because more of its images are of the other class.
* *Pairs of one patient are left out* of the means within a set, as pairs of an image with itself always are (the
  estimate is unbiased for patients who are independent of each other), and the interval resamples whole patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.fidelity import polynomial_kernel
from medsyngen.evaluation.intervals import tail
from medsyngen.evaluation.labelled import Index

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with the range that resampling gives it.

    Args:
        value: The estimate.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Returns the figure as JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """One side of the comparison.

    Args:
        features: (n, d).
        classes: (n,), index of the class.
        patients: (n,), images of one patient carry one number.
    """

    features: _Floats
    classes: Index
    patients: Index


def kid(
    x: FeatureSet,
    y: FeatureSet,
    shares: Sequence[float],
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
    expanded: bool = False,
) -> Interval:
    """Returns KID and its bootstrap interval (percentiles; patients are drawn with replacement on each side).

    A patient drawn k times counts k times, and pairs of the patient with itself stay left out: left in, they would add
    the kernel's diagonal and move the interval away from the estimate. For equal laws the interval is wide rather than
    narrow.

    Args:
        x: One side.
        y: The other.
        shares: Declared share of each class, adding up to 1.
        rng: Public randomness.
        resamples: Bootstrap resamples.
        confidence: Of the interval.
        expanded: Wider where there are few patients, see :mod:`medsyngen.evaluation.intervals`. Left out by the open
            benchmark, whose protocol has plain percentiles.

    Raises:
        ValueError: A class with a share has images of fewer than 2 patients on one side.
    """
    fewest = min(
        len(np.unique(side.patients[side.classes == c])) for side in (x, y) for c in range(len(shares)) if shares[c] > 0
    )
    if fewest < 2:
        raise ValueError("KID needs images of at least 2 patients of every class on each side")
    weights = [np.vstack([np.ones(len(s.classes)), patient_weights(s.patients, resamples, rng)]) for s in (x, y)]
    values = _mixture_kid(x, y, np.asarray(shares), *weights)
    cut = tail(confidence, fewest if expanded else None)
    low, high = np.nanquantile(values[1:], [cut, 1 - cut])
    return Interval(float(values[0]), float(low), float(high))


def patient_weights(patients: Index, resamples: int, rng: np.random.Generator) -> _Floats:
    """Returns how often each image counts when patients are drawn with replacement.

    Args:
        patients: (n,).
        resamples: How many times all patients are drawn.
        rng: Public randomness.

    Returns:
        (resamples, n), whole numbers.
    """
    _, position = np.unique(patients, return_inverse=True)
    count = int(position.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=resamples)
    return np.asarray(drawn[:, position], dtype=np.float64)


def _mixture_kid(x: FeatureSet, y: FeatureSet, shares: _Floats, w_x: _Floats, w_y: _Floats) -> _Floats:
    """Returns MMD² for each row of the weights."""
    within = sum(_within(side, shares, w) for side, w in ((x, w_x), (y, w_y)))
    between = polynomial_kernel(x.features, y.features)
    return np.asarray(within - 2 * _mean_over_pairs(between, None, (x, w_x), (y, w_y), shares))


def _within(side: FeatureSet, shares: _Floats, w: _Floats) -> _Floats:
    others = (side.patients[:, None] != side.patients[None, :]).astype(np.float64)
    kernel = polynomial_kernel(side.features, side.features) * others
    return _mean_over_pairs(kernel, others, (side, w), (side, w), shares)


def _mean_over_pairs(
    kernel: _Floats,
    counted: _Floats | None,
    a: tuple[FeatureSet, _Floats],
    b: tuple[FeatureSet, _Floats],
    shares: _Floats,
) -> _Floats:
    """Returns sum_{c, c'} s_c s_c' times the weighted mean of the kernel over the counted pairs of these classes."""
    total = np.zeros(len(a[1]))
    for c in np.flatnonzero(shares):
        rows = a[0].classes == c
        w_a = a[1][:, rows]
        summed = w_a @ kernel[rows]
        pairs = np.broadcast_to(w_a.sum(1, keepdims=True), summed.shape) if counted is None else w_a @ counted[rows]
        for other in np.flatnonzero(shares):
            columns = b[0].classes == other
            w_b = b[1][:, columns]
            with np.errstate(invalid="ignore", divide="ignore"):  # a resample without a class is left out
                mean = (summed[:, columns] * w_b).sum(1) / (pairs[:, columns] * w_b).sum(1)
            total += shares[c] * shares[other] * mean
    return total
