"""The figures that may be bought: each a sum over patients of values in [0, 1], with its proof; and why others may not.

*Sensitivity*. A patient's vector v has one entry for each value asked. Every entry is a mean or an indicator over this
patient's images of a function into [0, 1] that is fixed before the scans are read: it depends on the synthetic images,
on classifiers trained on them alone, on public networks and on the recipe. So v lies in [0, 1]^m, whoever else is in
the cohort, and its norm is at most C = √m: clipping to C never bites, and only guards. Adding or removing a patient
adds or removes one v, which moves the sum by at most C. The denominator is the public N_max; means are quotients of
noised sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.errors import UsageError
from medsyngen.scan import Pixels

if TYPE_CHECKING:
    from torch import Tensor

_Floats = NDArray[np.float64]
Correct = Callable[[Pixels, NDArray[np.int64]], _Floats]
"""Images and the classes that they have -> in [0, 1], how right the classifiers are on each."""
Covered = Callable[[Pixels], NDArray[np.bool_]]
"""Images -> whether each lies within the manifold of the synthetic ones."""

OFFERED: Mapping[str, str] = {
    "patients": "1 a patient: how many there are, of N_max",
    "recall": "share of a patient's images that lie within the manifold of the synthetic images (k = 3)",
    "labels": "share of a patient's images that carry each value of the first attribute",
    "accuracy": "how right classifiers trained on synthetic images are on a patient's images, for each value",
}
_PAIRS = "is no sum over patients: every image is held against every other, so one patient moves all of it"
REFUSED: Mapping[str, str] = {
    "kid": f"KID {_PAIRS}; its features have no bound that would make the noise small",
    "fd": "FD is a function of means and covariances of 1280 unbounded features, with a matrix root: no bound on what "
    "one patient changes is known that noise could cover",
    "auc": f"AUC {_PAIRS}: it ranks all images; ask for `accuracy`, a mean over patients",
    "precision": "precision is judged by balls around the patients' images: one patient can make any share of the "
    "synthetic images realistic; ask for `recall`, whose balls are around synthetic images",
    "ms-ssim": f"MS-SSIM {_PAIRS}",
    "spectrum": "the spectrum has no bound in [0, 1], and its distance in decibels divides by private figures",
    "copies": "the search for copies tells exactly who is near: that is what privacy is to hide",
}


def check_asked(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the figures asked for, each once.

    Raises:
        UsageError: One isn't offered, with the reason for each.
    """
    asked = tuple(dict.fromkeys(name.strip().lower() for name in names if name.strip()))
    reasons = [
        REFUSED.get(name, f"{name[:40]!r} is no figure that is known here") for name in asked if name not in OFFERED
    ]
    if reasons or not asked:
        offered = "; ".join(f"{name}: {what}" for name, what in OFFERED.items())
        raise UsageError(
            "only sums over patients of values in [0, 1] can be charged: their sensitivity is proved",
            do=f"name some of these: {offered}",
            details=reasons,
        )
    return asked


@dataclass(frozen=True, eq=False)
class ChargedVector:
    """What each patient brings to the one sum. It draws nothing and can't raise on a record.

    Args:
        asked: Names out of :data:`OFFERED`.
        values: Names of the first attribute's values; may be empty.
        covered: For ``recall``.
        correct: For ``accuracy``.
    """

    asked: tuple[str, ...]
    values: tuple[str, ...]
    covered: Covered | None = field(default=None, repr=False)
    correct: Correct | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        needed = {"recall": self.covered, "accuracy": self.correct}
        if any(name in self.asked and what is None for name, what in needed.items()):
            raise ValueError("recall needs `covered`, accuracy needs `correct`")

    @property
    def entries(self) -> tuple[str, ...]:
        """The name of each entry."""
        names = ["patients"]
        names += ["recall"] if "recall" in self.asked else []
        names += [f"label {value}" for value in self.values] if "labels" in self.asked else []
        if "accuracy" in self.asked:
            names += [f"{what} {value}" for value in self.values for what in ("right", "has")]
        return tuple(names)

    @property
    def clipping_norm(self) -> float:
        """C = √m: the longest vector in [0, 1]^m."""
        return math.sqrt(len(self.entries))

    def __call__(self, record: PatientRecord) -> Tensor:
        """Returns float64 (m,), every entry in [0, 1]."""
        import torch

        return torch.from_numpy(np.clip(np.array(self._entries(record)), 0.0, 1.0))

    def _entries(self, record: PatientRecord) -> list[float]:
        found = [1.0]
        classes = record.classes.reshape(len(record.classes), -1)[:, 0]
        if self.covered is not None and "recall" in self.asked:
            found.append(float(self.covered(record.pixels).mean()))
        if "labels" in self.asked:
            found += [float((classes == value).mean()) for value in range(len(self.values))]
        if "accuracy" in self.asked:
            for value in range(len(self.values)):
                of_value = classes == value
                found += [self._right(record.pixels[of_value], classes[of_value]), float(of_value.any())]
        return found

    def _right(self, pixels: Pixels, classes: NDArray[np.int64]) -> float:
        return float(self.correct(pixels, classes).mean()) if self.correct and len(classes) else 0.0


def figures_of(vector: ChargedVector, noised: _Floats, deviation: float, patients_at_most: int) -> dict[str, Any]:
    """Returns what the noised sum tells: post-processing.

    Args:
        vector: How it was made.
        noised: The noised sum over N_max.
        deviation: Standard deviation of the noise in each of its entries.
        patients_at_most: N_max.

    Returns:
        For each figure ``value`` and ``noise``, about its standard deviation from the noise alone; ``value`` is None
        where the noise swallowed what it would be divided by.
    """
    entry = dict(zip(vector.entries, noised.tolist(), strict=True))
    patients = entry["patients"]
    found = {
        "patients": {"value": patients * patients_at_most, "noise": deviation * patients_at_most, "of": "count"},
    }
    if "recall" in vector.asked:
        found["recall"] = _quotient(entry["recall"], patients, deviation)
    for value in vector.values if "labels" in vector.asked else ():
        found[f"share of {value}"] = _quotient(entry[f"label {value}"], patients, deviation)
    for value in vector.values if "accuracy" in vector.asked else ():
        found[f"accuracy on {value}"] = _quotient(entry[f"right {value}"], entry[f"has {value}"], deviation)
    return found


def _quotient(above: float, below: float, deviation: float) -> dict[str, Any]:
    if below < 2 * deviation:
        return {"value": None, "noise": None, "of": "mean over patients"}
    value = min(1.0, max(0.0, above / below))
    return {"value": value, "noise": deviation * math.sqrt(1 + value**2) / below, "of": "mean over patients"}
