"""Do synthetic images lie nearer to the patients who were learned from than to others? A test by patient.

*Null*: given the synthetic images, training and hold-out patients are exchangeable, as they are if who is a hold-out
patient was decided by chance and the generator carries nothing of any one of them. Under it every choice of as many
training patients out of all patients is equally likely, so the p-value comes from permuting the patients, each with all
images. A small p can also mean that the hold-out patients differ (another year, another machine). A large p proves
nothing, hence the power: how many planted copies the same test would have found.

Two figures are tested, in each space of features:

* *closer*: the share of synthetic images whose nearest real image is a training patient's. Sees a little of everyone.
* *standing out*: the same among the few images that lie by far nearer to one patient than to any other (distance to the
  nearest patient over that to the second nearest). Sees a few copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.labelled import Index
from medsyngen.evaluation.neighbours import Neighbours

_Floats = NDArray[np.float64]
LEVEL = 0.05
FEWEST_STANDING_OUT = 10
STANDING_OUT_SHARE = 0.01
NULL_HYPOTHESIS = (
    "given the synthetic images, training and hold-out patients are exchangeable; p by permuting whole patients"
)


@dataclass(frozen=True, eq=False)
class PatientLots:
    """Which patients are called training patients: as it is, and in permutations.

    Args:
        training: bool (patients,): the truth.
        permuted: float32 (permutations, patients), 1 for a training patient: as many as there are.
    """

    training: NDArray[np.bool_] = field(repr=False)
    permuted: NDArray[np.float32] = field(repr=False)

    @classmethod
    def draw(cls, training: NDArray[np.bool_], rng: np.random.Generator, permutations: int = 1999) -> PatientLots:
        """Draws permutations.

        Args:
            training: bool (patients,); both kinds are there.
            rng: Public randomness.
            permutations: How many.

        Raises:
            ValueError: All patients are of one kind.
        """
        if training.all() or not training.any():
            raise ValueError("the test needs training and hold-out patients")
        rows = np.tile(training.astype(np.float32), (permutations, 1))
        return cls(training, rng.permuted(rows, axis=1))

    def p_value(self, counts: _Floats) -> float:
        """Returns how likely, under the null, training patients have as much as they do.

        Args:
            counts: (patients,), of each.

        Returns:
            In (0, 1], with the truth itself counted among the permutations (Phipson and Smyth 2010).
        """
        truth = float(counts[self.training].sum())
        others = self.permuted @ counts.astype(np.float32)
        return float((1 + (others >= truth - 1e-4).sum()) / (1 + len(others)))


@dataclass(frozen=True)
class CopyFigures:
    """One space of features.

    Args:
        closer: Share of synthetic images that are nearest to a training patient.
        closer_p: Its p-value.
        standing_out: Images that stand out most towards one patient.
        standing_out_share: Share of them that are nearest to a training patient.
        standing_out_p: Its p-value.
    """

    closer: float
    closer_p: float
    standing_out: int
    standing_out_share: float
    standing_out_p: float


def copy_figures(found: Neighbours, lots: PatientLots) -> CopyFigures:
    """Tests the neighbours of synthetic images.

    Args:
        found: Among the images of all patients, training and hold-out.
        lots: Who is which; patients have the numbers 0, 1 and so on.
    """
    patients = len(lots.training)
    few = standing_out(found)
    every = np.bincount(found.patient, minlength=patients).astype(np.float64)
    out = np.bincount(found.patient[few], minlength=patients).astype(np.float64)
    return CopyFigures(
        closer=float(every[lots.training].sum() / len(found)),
        closer_p=lots.p_value(every),
        standing_out=len(few),
        standing_out_share=float(out[lots.training].sum() / len(few)),
        standing_out_p=lots.p_value(out),
    )


def standing_out(found: Neighbours) -> Index:
    """Returns the synthetic images that stand out most towards one patient: 1 %, but at least 10 if there are."""
    count = min(len(found), max(FEWEST_STANDING_OUT, round(STANDING_OUT_SHARE * len(found))))
    return np.argsort(found.ratio, kind="stable")[:count]


def joint_p_value(figures: Sequence[CopyFigures]) -> float:
    """Returns the p-value of all tests together: the smallest one times their number (Bonferroni)."""
    values = [p for each in figures for p in (each.closer_p, each.standing_out_p)]
    return min(1.0, len(values) * min(values))


def power(
    found: Mapping[str, Neighbours],
    planted: Mapping[str, Neighbours],
    lots: PatientLots,
    rng: np.random.Generator,
    *,
    plantings: int = 20,
    numbers: Sequence[int] = (1, 2, 5, 10, 20, 50, 100),
) -> list[dict[str, Any]]:
    """Returns how often the test finds copies of so many training patients among the synthetic images.

    Args:
        found: Of each space, the neighbours of the synthetic images.
        planted: Of each space, those of copies, one of each of some training patients; alike in all spaces.
        lots: Who is which.
        rng: Public randomness.
        plantings: How often so many of them are chosen anew.
        numbers: Copies among the synthetic images.

    Returns:
        A row for each number that can be planted: ``copies``, ``share_of_images`` and ``found``, the share of plantings
        with a joint p-value of at most 0.05.
    """
    available = len(next(iter(planted.values())))
    rows = []
    for number in numbers:
        if number > available:
            break
        hits = 0
        for _ in range(plantings):
            chosen = rng.choice(available, number, replace=False)
            figures = [copy_figures(each.joined(planted[space].some(chosen)), lots) for space, each in found.items()]
            hits += joint_p_value(figures) <= LEVEL
        images = len(next(iter(found.values())))
        rows.append({"copies": number, "share_of_images": number / (images + number), "found": hits / plantings})
    return rows


def to_json(figures: Mapping[str, CopyFigures]) -> dict[str, Any]:
    """Returns figures by space as JSON values."""
    return {space: asdict(each) for space, each in figures.items()}
