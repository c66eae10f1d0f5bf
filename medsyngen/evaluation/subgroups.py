"""Fidelity of the whole, and of every value of every declared attribute: what an average hides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsyngen.evaluation.described import DescribedImages
from medsyngen.evaluation.features import Features
from medsyngen.evaluation.fidelity_figures import fidelity_figures
from medsyngen.evaluation.labelled import LabelledImages, one_of_each_first
from medsyngen.evaluation.real_images import RealImages, cut
from medsyngen.progress import Progress, silent
from medsyngen.synthesis.conditioning import Conditioning

LEAST_IMAGES = 10
"""Images of a group, on each side, below which no figure of it is given: figures of so few say nothing."""
MOST_IMAGES = 2000
"""So many images a side are enough, and enough for FD."""
_LEAST_PATIENTS = 2


@dataclass(frozen=True)
class Form:
    """How a group is compared.

    Args:
        shares: Of its classes; one class in a subgroup.
        images: At most so many a side.
    """

    shares: tuple[float, ...]
    images: int = MOST_IMAGES


@dataclass(frozen=True, eq=False)
class Sides:
    """What is compared.

    Args:
        synthetic: Synthetic images.
        training: Real images to compare with and to train on; patients numbered in a public order.
        test: Real images of other patients.
    """

    synthetic: DescribedImages
    training: DescribedImages
    test: DescribedImages

    def having(self, attribute: int, value: int) -> Sides:
        """Returns the subgroup with this value of this attribute."""
        return Sides(*(getattr(self, name).having(attribute, value) for name in self.__dataclass_fields__))

    @property
    def images(self) -> dict[str, int]:
        """How many there are."""
        return {name: len(getattr(self, name)) for name in self.__dataclass_fields__}


def fidelity_by_group(
    sides: Sides, conditioning: Conditioning, judge: Features, *, progress: Progress = silent
) -> list[dict[str, Any]]:
    """Returns the figures of fidelity of all images and of every subgroup, or why there are none.

    Over all images the values of the first declared attribute stand at its declared shares on both sides, if every
    value has images on every side; otherwise all images are one class.

    Args:
        sides: What is compared.
        conditioning: The recipe's attributes.
        judge: Gives the features.
        progress: Told after each group.
    """
    groups = list(_groups(sides, conditioning))
    rows = []
    for done, (name, (x, real, form)) in enumerate(groups, start=1):
        few = _too_few(x, real, form)
        figures = None if few else fidelity_figures(x, real, form, judge, expanded=True, progress=progress)
        rows.append({**name, "images": _counts(x, real), "left_out": few, "figures": figures})
        progress("fidelity of groups", done, len(groups))
    return rows


_Group = tuple[LabelledImages, RealImages, Form]


def _groups(sides: Sides, conditioning: Conditioning) -> Iterator[tuple[dict[str, Any], _Group]]:
    by_first = _at_shares(sides, conditioning)
    yield {"attribute": None, "value": None}, by_first or _as_one(sides)
    for column, (attribute, values) in enumerate(zip(conditioning.names, conditioning.values, strict=True)):
        for number, value in enumerate(values):
            yield {"attribute": attribute, "value": value}, _as_one(sides.having(column, number))


def _at_shares(sides: Sides, conditioning: Conditioning) -> _Group | None:
    shares = conditioning.shares[0]
    if not shares:
        return None
    form = Form(shares)
    group = _cut(sides.synthetic.by(0), sides.training.by(0), sides.test.by(0), form)
    return None if _too_few(*group) else group


def _as_one(sides: Sides) -> _Group:
    return _cut(sides.synthetic.as_one(), sides.training.as_one(), sides.test.as_one(), Form((1.0,)))


def _cut(synthetic: LabelledImages, training: LabelledImages, test: LabelledImages, form: Form) -> _Group:
    first = np.sort(one_of_each_first(test.patients)[: form.images])
    # Numbered anew within the group, or the patients of a small one could stand in one half, all of them.
    numbers = np.unique(training.patients, return_inverse=True)[1].astype(np.int64)
    training = LabelledImages(training.pixels, training.classes, numbers)
    return synthetic[np.arange(min(len(synthetic), form.images))], cut(training, test[first], form), form


def _parts(x: LabelledImages, real: RealImages) -> dict[str, LabelledImages]:
    return {"synthetic": x, "real half": real.half, "other real half": real.other_half, "real test": real.test}


def _counts(x: LabelledImages, real: RealImages) -> dict[str, int]:
    return {name: len(images) for name, images in _parts(x, real).items()}


def _too_few(x: LabelledImages, real: RealImages, form: Form) -> str | None:
    for name, images in _parts(x, real).items():
        if len(images) < LEAST_IMAGES:
            return f"{name}: {len(images)} images; figures of fewer than {LEAST_IMAGES} say nothing"
        patients = [len(np.unique(images.patients[images.classes == c])) for c in range(len(form.shares))]
        if min(patients) < _LEAST_PATIENTS:
            return f"{name}: images of fewer than {_LEAST_PATIENTS} patients, or of a class none"
    return None
