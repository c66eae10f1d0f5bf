"""What a charged figure holds each scan against: made of synthetic images and public networks alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.charged_figures import Correct, Covered
from medsyngen.evaluation.classifiers import (
    CLASSIFIERS,
    ClassifierInputs,
    ClassifierSettings,
    classes_present,
    train_classifier,
)
from medsyngen.evaluation.features import Features
from medsyngen.evaluation.labelled import Index, LabelledImages
from medsyngen.evaluation.manifold import squared_distances, squared_radii
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels

NEIGHBOURS = 3


def covered_by(synthetic: Pixels, judge: Features) -> Covered:
    """Returns what tells whether a scan lies within the manifold of synthetic images (as improved recall does).

    Args:
        synthetic: More than 3 images.
        judge: Gives the features, each row from its own image alone.
    """
    places = judge(synthetic)
    radii = squared_radii(places, NEIGHBOURS)

    def covered(pixels: Pixels) -> NDArray[np.bool_]:
        return np.asarray((squared_distances(places, judge(pixels)) <= radii[:, None]).any(axis=0))

    return covered


def correct_by(
    synthetic: LabelledImages,
    probe: Features,
    *,
    classes: int,
    seeds: int = 3,
    classifiers: Sequence[ClassifierSettings] = CLASSIFIERS,
    progress: Progress = silent,
) -> Correct:
    """Returns what tells how right classifiers are that were trained on synthetic images.

    Args:
        synthetic: Images of every class.
        probe: Features of the linear probe.
        classes: How many.
        seeds: Trainings of each classifier.
        classifiers: The three.
        progress: Told after each training.

    Raises:
        ValueError: A class has no image.
    """
    if not classes_present(synthetic.classes, classes):
        raise ValueError("every class needs synthetic images")
    inputs = ClassifierInputs(synthetic, probe(synthetic.pixels))
    trained = []
    for i, settings in enumerate(classifiers):
        for seed in range(seeds):
            trained.append(train_classifier(settings, inputs, classes=classes, seed=seed))
            progress("classifiers, trained on synthetic images", i * seeds + seed + 1, len(classifiers) * seeds)

    def correct(pixels: Pixels, truth: Index) -> NDArray[np.float64]:
        images = ClassifierInputs(LabelledImages(pixels, truth, np.zeros(len(truth), np.int64)), probe(pixels))
        return np.asarray(np.mean([predict(images).argmax(axis=1) == truth for predict in trained], axis=0))

    return correct
