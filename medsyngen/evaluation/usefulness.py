"""TSTR beside TRTR for every declared attribute, each value against the rest, also within the groups of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.classifiers import CLASSIFIERS, ClassifierInputs, ClassifierSettings
from medsyngen.evaluation.described import NULL, DescribedImages
from medsyngen.evaluation.features import Features
from medsyngen.evaluation.labelled import LabelledImages, at_shares, one_of_each_first
from medsyngen.evaluation.subgroups import LEAST_IMAGES, MOST_IMAGES, Sides
from medsyngen.evaluation.utility import Utility, train_and_test
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.synthesis.conditioning import Conditioning

_STREAMS = Streams(0)


def utility_by_attribute(
    sides: Sides,
    conditioning: Conditioning,
    probe: Features,
    *,
    seeds: int = 3,
    classifiers: Sequence[ClassifierSettings] = CLASSIFIERS,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Returns how well classifiers do that were trained on synthetic and on as many real images, or why it isn't known.

    Nothing is chosen by its result on real test images: three fixed classifiers, all seeds, and their mean.

    Args:
        sides: Synthetic images, real ones to train on, and real ones of other patients to test on.
        conditioning: The recipe's attributes. Of two values the second is the positive one; of more each against the
            rest.
        probe: Features of the linear probe.
        seeds: Trainings of each classifier.
        classifiers: The three.
        progress: Told after each training.
    """
    rows = []
    for column, value, name in _questions(conditioning):
        few = _too_few(sides, column, value)
        found = None if few else _both(sides, column, value, conditioning, probe, seeds, classifiers, progress)
        rows.append({**name, "left_out": few, **({kind: each.to_json() for kind, each in (found or {}).items()})})
    return rows


def _questions(conditioning: Conditioning) -> Iterator[tuple[int, int, dict[str, str]]]:
    for column, (attribute, values) in enumerate(zip(conditioning.names, conditioning.values, strict=True)):
        if len(values) < 2:
            continue
        for value in [1] if len(values) == 2 else range(len(values)):
            yield column, value, {"attribute": attribute, "positive": values[value]}


def _too_few(sides: Sides, column: int, value: int) -> str | None:
    for name in ("synthetic", "training", "test"):
        classes = _against_the_rest(getattr(sides, name), column, value).classes
        least = min(int((classes == c).sum()) for c in (0, 1))
        if least < LEAST_IMAGES:
            return f"{name}: {least} images of a class; a classifier needs at least {LEAST_IMAGES}"
    return None


def _against_the_rest(images: DescribedImages, column: int, value: int) -> LabelledImages:
    found = images.by(column)
    return LabelledImages(found.pixels, (found.classes == value).astype(np.int64), found.patients)


def _both(
    sides: Sides,
    column: int,
    value: int,
    conditioning: Conditioning,
    probe: Features,
    seeds: int,
    classifiers: Sequence[ClassifierSettings],
    progress: Progress,
) -> dict[str, Utility]:
    share = conditioning.shares[column][value]
    synthetic, trained, test = (
        _against_the_rest(getattr(sides, name), column, value) for name in ("synthetic", "training", "test")
    )
    # As many real images as synthetic ones, at the same shares and in an order of one rule: neither shall lose or win
    # by number or order, so that real images in place of synthetic ones give equal figures.
    shares = (1 - share, share)
    ordered = {kind: each[one_of_each_first(each.patients)] for kind, each in (("tstr", synthetic), ("trtr", trained))}
    count = min(len(at_shares(each.classes, shares, MOST_IMAGES)) for each in ordered.values())
    pair = {kind: each[at_shares(each.classes, shares, count)] for kind, each in ordered.items()}
    tested = ClassifierInputs(test, probe(test.pixels))
    groups = _test_groups(sides.test, column, conditioning, test.classes)
    return {
        kind: train_and_test(
            ClassifierInputs(images, probe(images.pixels)),
            tested,
            rng=_STREAMS.numpy("evaluate: intervals of utility"),
            seeds=seeds,
            classifiers=classifiers,
            groups=groups,
            expanded=True,
            progress=progress,
            phase=f"classifiers of {conditioning.names[column]}, trained on {what} images",
        )
        for (kind, images), what in zip(pair.items(), ("synthetic", "real"), strict=True)
    }


def _test_groups(
    test: DescribedImages, column: int, conditioning: Conditioning, classes: NDArray[np.int64]
) -> dict[str, NDArray[np.bool_]]:
    """Returns the groups of the other attributes among the test images, those with enough images of both classes."""
    values = test.values[test.values[:, column] != NULL]
    groups = {
        f"{attribute}: {value}": values[:, other] == number
        for other, (attribute, known) in enumerate(zip(conditioning.names, conditioning.values, strict=True))
        for number, value in enumerate(known)
        if other != column
    }
    return {
        name: part
        for name, part in groups.items()
        if min(int((part & (classes == c)).sum()) for c in (0, 1)) >= LEAST_IMAGES
    }
