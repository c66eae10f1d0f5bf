"""Images with the value of each declared attribute, and whose they are: what `evaluate` compares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.conditions import first_rows
from medsyngen.evaluation.labelled import Index, LabelledImages
from medsyngen.scan import PatientKey, Pixels
from medsyngen.synthesis.conditioning import Conditioning

NULL = -1
"""The value of an image of which the attribute is not known."""


@dataclass(frozen=True, eq=False)
class DescribedImages:
    """Images, real or synthetic.

    Args:
        pixels: float32 in [-1, 1], (n, 1, height, width).
        values: int64 (n, attributes): the number of each attribute's value, or :data:`NULL`.
        patients: int64 (n,): images of one patient carry one number. Synthetic images are each their own patient.
    """

    pixels: Pixels = field(repr=False)
    values: Index = field(repr=False)
    patients: Index = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.pixels)
        if self.pixels.ndim != 4 or self.values.ndim != 2 or len(self.values) != n or self.patients.shape != (n,):
            raise ValueError("need pixels (n, 1, height, width), a row of values and one patient for each image")

    def __len__(self) -> int:
        return len(self.pixels)

    def where(self, chosen: NDArray[np.bool_]) -> DescribedImages:
        """Returns some of the images."""
        return DescribedImages(self.pixels[chosen], self.values[chosen], self.patients[chosen])

    def having(self, attribute: int, value: int) -> DescribedImages:
        """Returns the images with this value of this attribute."""
        return self.where(self.values[:, attribute] == value)

    def as_one(self) -> LabelledImages:
        """Returns all images as if they were of one class."""
        return LabelledImages(self.pixels, np.zeros(len(self), np.int64), self.patients)

    def by(self, attribute: int) -> LabelledImages:
        """Returns the images of which this attribute is known, its value as their class."""
        known = np.flatnonzero(self.values[:, attribute] != NULL)
        return LabelledImages(self.pixels[known], self.values[known, attribute], self.patients[known])


def of_patients(cohort: Cohort, patients: Sequence[PatientKey], conditioning: Conditioning) -> DescribedImages:
    """Returns the images of some patients, numbered in this order.

    Args:
        cohort: Where they are.
        patients: At least one.
        conditioning: The recipe's attributes.
    """
    starts, counts = np.array(first_rows(conditioning.counts)), np.array(conditioning.counts)
    records = [cohort[patient] for patient in patients]
    values = np.concatenate([record.classes.reshape(len(record.classes), -1) for record in records]) - starts
    owners = np.repeat(np.arange(len(records)), [len(record.classes) for record in records]).astype(np.int64)
    pixels = np.concatenate([record.pixels for record in records])
    return DescribedImages(pixels, np.where(values < counts, values, NULL).astype(np.int64), owners)


def of_columns(pixels: Pixels, columns: Mapping[str, Sequence[str]], conditioning: Conditioning) -> DescribedImages:
    """Returns synthetic images with the values that their columns name; an unknown word or none is the null.

    Args:
        pixels: float32 in [-1, 1], (n, 1, height, width).
        columns: Attribute -> the value's name for each image.
        conditioning: The recipe's attributes.
    """
    values = np.full((len(pixels), len(conditioning.names)), NULL, np.int64)
    for column, (name, known) in enumerate(zip(conditioning.names, conditioning.values, strict=True)):
        numbers = {value: number for number, value in enumerate(known)}
        values[:, column] = [numbers.get(word, NULL) for word in columns.get(name, [""] * len(pixels))]
    return DescribedImages(pixels, values, np.arange(len(pixels), dtype=np.int64))


def public_order(patients: Sequence[PatientKey] | Cohort) -> list[PatientKey]:
    """Returns patients in an order that has nothing to do with their scans: that of a fixed hash of their keys."""
    return sorted(patients, key=lambda patient: hashlib.sha256(b"medsyngen evaluate 1:" + patient.to_bytes()).digest())
