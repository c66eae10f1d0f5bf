"""Images with a class each, and whose they are: what fidelity and utility are computed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images, real or synthetic.

    Args:
        pixels: float32 in [-1, 1], (n, 1, height, width).
        classes: int64 (n,): index into the task's classes.
        patients: int64 (n,): images of one patient carry one number. Synthetic images are each their own patient.
    """

    pixels: Pixels = field(repr=False)
    classes: Index = field(repr=False)
    patients: Index = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.pixels)
        if self.pixels.ndim != 4 or self.classes.shape != (n,) or self.patients.shape != (n,):
            raise ValueError("need pixels (n, 1, height, width), one class and one patient for each image")

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: Index) -> LabelledImages:
        return LabelledImages(self.pixels[index], self.classes[index], self.patients[index])

    def per_class(self, count: int) -> list[int]:
        """Returns how many images each of ``count`` classes has."""
        return [int(n) for n in np.bincount(self.classes, minlength=count)]


def at_shares(classes: Index, shares: Sequence[float], most: int) -> Index:
    """Returns indices of the first images that make up the declared shares, as many as there are but at most ``most``.

    Args:
        classes: Of the images, in the order in which they may be taken.
        shares: Of each class, adding up to 1.
        most: Upper bound on the number taken.

    Returns:
        int64, rising; class c has a share of ``shares[c]``, rounded so that the numbers add up.
    """
    counts = np.bincount(classes, minlength=len(shares))
    n = most
    while n and (counts < _parts(shares, n)).any():
        n -= 1
    taken = [np.flatnonzero(classes == c)[:part] for c, part in enumerate(_parts(shares, n))]
    return np.sort(np.concatenate(taken)).astype(np.int64)


def _parts(shares: Sequence[float], n: int) -> Index:
    """Returns whole numbers that add up to n and lie next to n times the shares (largest remainders)."""
    exact = n * np.asarray(shares)
    parts = np.floor(exact + 1e-9).astype(np.int64)
    parts[np.argsort(parts - exact, kind="stable")[: n - int(parts.sum())]] += 1
    return parts


def one_of_each_first(patients: Index) -> Index:
    """Returns the order that takes the first image of every patient, then the second of those who have one, and so on.

    Args:
        patients: Of the images, in the order in which each patient's are taken.

    Returns:
        int64 (n,): indices; within a round in the order given.
    """
    seen: dict[int, int] = {}
    rounds = np.empty(len(patients), np.int64)
    for i, patient in enumerate(patients.tolist()):
        rounds[i] = seen[patient] = seen.get(patient, -1) + 1
    return np.argsort(rounds, kind="stable")
