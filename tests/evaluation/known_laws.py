"""Test sets and images of laws whose AUC and KID are known in closed form: does an interval hold them?"""

from __future__ import annotations

from math import erf, sqrt

import numpy as np

from medsyngen.evaluation.kid import FeatureSet, Interval, kid
from medsyngen.evaluation.labelled import LabelledImages
from medsyngen.evaluation.utility import utility_of

APART = 1.5
"""How far the scores of the classes lie apart, in standard deviations of one image."""
OF_PATIENTS = 0.5
"""Share of a score's variance that all images of a patient have in common."""
SHIFT = 0.35


def true_auc(seeds_differ: float = 0.0) -> float:
    """The AUC that :func:`auc_interval` estimates: with w ~ N(1, s²), E Phi(w d / √2) = Phi(d / √(2 + s² d²))."""
    return 0.5 * (1 + erf(APART / sqrt(2 + (seeds_differ * APART) ** 2) / sqrt(2)))


def auc_interval(
    rng: np.random.Generator,
    patients: int,
    *,
    per_patient: int = 2,
    seeds: int = 1,
    classifiers: int = 1,
    seeds_differ: float = 0.0,
    resamples: int = 400,
    expanded: bool = True,
) -> Interval:
    """The interval of one test set; every training pulls the classes apart by a factor w ~ N(1, seeds_differ²)."""
    owners = np.repeat(np.arange(patients), per_patient)
    classes = owners % 2
    shared = rng.normal(0, sqrt(OF_PATIENTS), patients)[owners]
    noise = shared + rng.normal(0, sqrt(1 - OF_PATIENTS), len(owners))
    scores = {
        f"classifier {i}": np.stack([rng.normal(1, seeds_differ) * APART * classes + noise for _ in range(seeds)])
        for i in range(classifiers)
    }
    test = LabelledImages(np.zeros((len(owners), 1, 1, 1), np.float32), classes.astype(np.int64), owners)
    return utility_of(scores, test, trained_on=0, rng=rng, resamples=resamples, expanded=expanded).overall["auc"]


def _moments(mean: float, variance: float) -> np.ndarray:
    """E x, E x², E x³ of a Gaussian."""
    return np.array([mean, mean**2 + variance, mean**3 + 3 * mean * variance])


def true_kid() -> float:
    """With one feature, (x y + 1)³ = 1 + 3 x y + 3 x² y² + x³ y³: KID is a distance of three moments."""
    return float(np.array([3, 3, 1]) @ (_moments(0, 0.25) - _moments(SHIFT, 0.25)) ** 2)


def kid_interval(
    rng: np.random.Generator, patients: int, *, per_patient: int = 1, resamples: int = 400, expanded: bool = True
) -> Interval:
    """The interval of two sets of one feature, half of whose variance all images of a patient have in common."""

    def side(mean: float) -> FeatureSet:
        owners = np.repeat(np.arange(patients), per_patient)
        of_patients = OF_PATIENTS if per_patient > 1 else 0.0
        features = mean + rng.normal(0, 0.5 * sqrt(of_patients), patients)[owners]
        features = features + rng.normal(0, 0.5 * sqrt(1 - of_patients), len(owners))
        return FeatureSet(features[:, None], np.zeros(len(owners), np.int64), owners)

    return kid(side(0.0), side(SHIFT), (1.0,), rng=rng, resamples=resamples, expanded=expanded)


def holds(found: Interval, truth: float) -> bool:
    """Whether an interval holds the truth."""
    return found.low <= truth <= found.high
