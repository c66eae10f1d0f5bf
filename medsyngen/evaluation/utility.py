"""What synthetic images are good for: TSTR, train on synthetic, test on real; beside it TRTR, train on real.

Esteban, Hyland, Rätsch 2017 (arXiv 1706.02633). Three classifiers and several seeds each, all reported: nothing is
chosen by its result on real test images, and what is given is their mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.auc import weighted_auc
from medsyngen.evaluation.classifiers import (
    CLASSIFIERS,
    ClassifierInputs,
    ClassifierSettings,
    classes_present,
    train_classifier,
)
from medsyngen.evaluation.intervals import tail
from medsyngen.evaluation.kid import Interval, patient_weights
from medsyngen.evaluation.labelled import LabelledImages
from medsyngen.progress import Progress, silent

_Floats = NDArray[np.float64]
FIGURES = ("auc", "accuracy", "balanced_accuracy")
_MOST_WEIGHTS = 1 << 21


@dataclass(frozen=True)
class Utility:
    """How well classifiers do on real test images.

    Args:
        trained_on: Images in the training set.
        seeds: How often each classifier was trained.
        overall: Each of :data:`FIGURES`, the mean over classifiers and seeds. Intervals draw the test patients and the
            seeds with replacement.
        each: The same for every classifier alone.
        groups: The same as ``overall``, on some of the test images.
    """

    trained_on: int
    seeds: int
    overall: dict[str, Interval]
    each: dict[str, dict[str, Interval]]
    groups: dict[str, dict[str, Interval]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as JSON values."""
        told = {"trained_on": self.trained_on, "seeds": self.seeds, **_spelled(self.overall)}
        told["classifiers"] = {name: _spelled(figures) for name, figures in self.each.items()}
        return told | ({"groups": {k: _spelled(v) for k, v in self.groups.items()}} if self.groups else {})


def _spelled(figures: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: value.to_json() for name, value in figures.items()}


def train_and_test(
    train: ClassifierInputs,
    test: ClassifierInputs,
    *,
    rng: np.random.Generator,
    seeds: int = 3,
    classifiers: Sequence[ClassifierSettings] = CLASSIFIERS,
    resamples: int = 1000,
    groups: Mapping[str, NDArray[np.bool_]] | None = None,
    expanded: bool = False,
    progress: Progress = silent,
    phase: str = "classifiers",
) -> Utility:
    """Trains the classifiers on one set and tests them on the other; two classes, the second is the positive one.

    Args:
        train: Synthetic images (TSTR) or real ones (TRTR).
        test: Real images of patients who are not in ``train``.
        rng: Public randomness, for the intervals.
        seeds: How often to train each classifier: with the seeds 0, 1 ...
        classifiers: The protocol's.
        resamples: Bootstrap resamples.
        groups: Parts of the test images, each bool (n,), that figures are also wanted of; both classes are in each.
        expanded: Whether the intervals are widened where there are few patients.
        progress: Told after each training.
        phase: What to call the work.

    Raises:
        ValueError: A class is missing on one side, or a class beyond the second is there.
    """
    for side in (train, test):
        if not classes_present(side.images.classes, 2) or side.images.classes.max() > 1:
            raise ValueError("training and test need images of both classes, and of no others")
    scores: dict[str, _Floats] = {}
    for i, settings in enumerate(classifiers):
        runs = []
        for seed in range(seeds):
            predict = train_classifier(settings, train, classes=2, seed=seed)
            runs.append(predict(test)[:, 1])
            progress(phase, i * seeds + seed + 1, len(classifiers) * seeds)
        scores[settings.name] = np.stack(runs)
    return utility_of(
        scores,
        test.images,
        trained_on=len(train.images),
        rng=rng,
        resamples=resamples,
        groups=groups,
        expanded=expanded,
    )


def utility_of(
    scores: Mapping[str, _Floats],
    test: LabelledImages,
    *,
    trained_on: int,
    rng: np.random.Generator,
    resamples: int = 1000,
    groups: Mapping[str, NDArray[np.bool_]] | None = None,
    expanded: bool = False,
) -> Utility:
    """Returns the figures of classifiers that are trained already.

    Args:
        scores: Of each classifier, (seeds, n): how likely each test image is positive.
        test: The test images, of both classes.
        trained_on: Images in the training set.
        rng: Public randomness, for the intervals.
        resamples: Bootstrap resamples.
        groups: Parts of the test images, each bool (n,).
        expanded: Whether the intervals are widened where there are few patients.
    """
    weights = np.vstack([np.ones(len(test)), patient_weights(test.patients, resamples, rng)])
    wanted = {"": np.ones(len(test), bool), **(groups or {})}
    found: dict[str, _Floats] = {}  # for each classifier, (parts, figures, 1 + resamples)
    for name, seeds in scores.items():
        runs = [[_figures(each, test.classes == 1, weights, part) for part in wanted.values()] for each in seeds]
        found[name] = _over_seeds(np.array(runs), rng)
    cut = {name: tail(0.95, _fewest(test, part) if expanded else None) for name, part in wanted.items()}
    alone = {name: _intervals(values[0], cut[""]) for name, values in found.items()}
    means = np.mean(list(found.values()), axis=0)
    told = {name: _intervals(values, cut[name]) for name, values in zip(wanted, means, strict=True)}
    return Utility(trained_on, len(seeds), told.pop(""), alone, told)


def _fewest(test: LabelledImages, part: NDArray[np.bool_]) -> int:
    """Returns the number of patients with test images of the rarer class."""
    return min(len(np.unique(test.patients[part & (test.classes == c)])) for c in (0, 1))


def _figures(scores: _Floats, positive: NDArray[np.bool_], weights: _Floats, part: NDArray[np.bool_]) -> _Floats:
    """Returns (figures, 1 + resamples), some resamples at a time: many test images need little memory then."""
    rows = max(1, _MOST_WEIGHTS // len(scores))
    blocks = [
        _figures_of(scores, positive, weights[start : start + rows] * part) for start in range(0, len(weights), rows)
    ]
    return np.concatenate(blocks, axis=1)


def _figures_of(scores: _Floats, positive: NDArray[np.bool_], weights: _Floats) -> _Floats:
    right = (scores > 0.5) == positive
    with np.errstate(invalid="ignore"):
        per_class = [(weights * (right & c)).sum(1) / (weights * c).sum(1) for c in (positive, ~positive)]
        accuracy = (weights * right).sum(1) / weights.sum(1)
    return np.stack([weighted_auc(scores, positive, weights), accuracy, (per_class[0] + per_class[1]) / 2])


def _over_seeds(runs: _Floats, rng: np.random.Generator) -> Any:
    """Returns the mean over runs, (..., 1 + resamples): of all runs first, then of runs drawn with replacement."""
    seeds, count = len(runs), runs.shape[-1]
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=count) / seeds
    drawn[0] = 1 / seeds
    return np.einsum("s...r,rs->...r", runs, drawn)


def _intervals(values: _Floats, cut: float) -> dict[str, Interval]:
    low, high = np.nanquantile(values[:, 1:], [cut, 1 - cut], axis=1)
    return {name: Interval(float(values[i, 0]), float(low[i]), float(high[i])) for i, name in enumerate(FIGURES)}
