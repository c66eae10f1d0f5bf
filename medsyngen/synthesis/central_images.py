"""Central images: the mean picture of each class, noised once, along the directions in which phantoms differ most.

DP-FETA (Gong et al. 2025) trains on such images first; there the noise is scaled to classes of equal size. Here a
patient's pictures of all classes are one vector, clipped as one, and a class is divided by its own noised share.
Nothing is trained on them: a generator's drawings are moved until their means are these
(:mod:`medsyngen.diffusion.shifted`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.diffusion.shifted import Shift
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.patient_sum import sum_event
from medsyngen.scan import Pixels
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.portrait_reading import Reading, public_reading
from medsyngen.synthesis.portrait_vector import SMALLEST_SHARE, PortraitVector

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CentralImages:
    """What is asked of each patient and how drawings follow it; public numbers only.

    Args:
        entries: Numbers of each class's mean picture: its places along so many leading directions of phantoms.
        clipping_norm: C, of one patient's vector over all classes; pictures of phantoms have numbers of length about 1.
        share_weight: What a class's share counts in it.
        phantoms: Phantoms that the directions are fitted to.
        drawn: Pictures of the generator itself that its own means are taken from.
        rounds: How often drawings are moved and measured again.
    """

    entries: int = 24
    clipping_norm: float = 2.0
    share_weight: float = 0.7
    phantoms: int = 2000
    drawn: int = 400
    rounds: int = 2

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be positive, got {getattr(self, name)}"
            for name in ("entries", "clipping_norm", "share_weight", "phantoms", "drawn", "rounds")
            if not getattr(self, name) > 0
        ]
        if self.entries >= self.phantoms:
            faults.append(f"entries must be fewer than phantoms, got {self.entries} and {self.phantoms}")
        if faults:
            raise ValueError("; ".join(faults))

    def event(self, noise_multiplier: float) -> Gaussian:
        """Returns what the one sum does to privacy."""
        return sum_event(noise_multiplier)

    def vector(self, phantoms: Pixels, cells: Cells, kept: Mapping[str, Tensor] | None = None) -> PortraitVector:
        """Returns what each patient brings to the sum; fitted to phantoms alone.

        Args:
            phantoms: float32 in [-1, 1], (count, 1, side, side).
            cells: Classes.
            kept: How pictures were read before (:attr:`Reading.tensors`); None fits it to the phantoms.
        """
        if kept is not None:
            return PortraitVector(Reading.of({"pixels": flat}, kept, phantoms), cells, self.share_weight)
        entries = min(self.entries, phantoms[0].size)
        return PortraitVector(public_reading({"pixels": flat}, phantoms, entries), cells, self.share_weight)

    def wanted(self, noised: Floats, vector: PortraitVector, noise: float) -> Floats:
        """Returns where the mean picture of each class lies along :func:`axes`, float64 (cells, entries).

        Post-processing. Means are those over the patients who are there: a sum is divided by its class's noised share,
        so N_max may lie above their number. Then each number is drawn towards 0, the phantoms' mean, as far as noise
        asks for it: by v_j / (v_j + noise^2), with the phantoms' own variances v_j as the public law of cohorts' means.

        Args:
            noised: Noised mean over N_max of the patients' vectors.
            vector: How it was made.
            noise: Standard deviation of the noise in each of its entries.
        """
        rows = noised.reshape(len(vector.cells.values), -1)
        shares = np.clip(rows[:, 0] / self.share_weight, SMALLEST_SHARE * vector.cells.shares, 1.0)[:, None]
        lengths = axes(vector.read)[1]
        variances = lengths**-2.0 / (lengths**-2.0).sum()  # of phantoms' numbers, which add up to 1
        kept = variances / (variances + (noise / shares) ** 2)
        return np.asarray(kept * rows[:, 1:] / shares / lengths)


def flat(pictures: Pixels) -> Floats:
    """Returns the pixels of each picture in a row: float64 (count, pixels)."""
    return np.asarray(pictures.reshape(len(pictures), -1), np.float64)


def axes(read: Reading) -> tuple[Floats, Floats]:
    """Returns the orthonormal directions that pictures are read along, (pixels, k), and what each counts, (k,)."""
    lengths = np.linalg.norm(read.directions, axis=0)
    return read.directions / np.maximum(lengths, 1e-300), lengths


@dataclass(frozen=True, eq=False)
class OwnMeans:
    """How a generator's own drawings lie along the directions.

    Args:
        means: (cells, k).
        covariance: (k, k), within a cell.
    """

    means: Floats = field(repr=False)
    covariance: Floats = field(repr=False)

    @classmethod
    def of(cls, pictures: Pixels, cells: NDArray[np.int64], read: Reading) -> OwnMeans:
        """Measures drawings; a cell without any has the mean of all.

        Args:
            pictures: float32 (count, 1, side, side).
            cells: Of each.
            read: What the directions are taken from.
        """
        places = (flat(pictures) - read.centre) @ axes(read)[0]
        count = int(cells.max()) + 1
        means = np.stack([places[cells == c].mean(0) if (cells == c).any() else places.mean(0) for c in range(count)])
        return cls(means, np.atleast_2d(np.cov(places - means[cells], rowvar=False, bias=True)))


def shift_between(own: OwnMeans, by: Floats, read: Reading) -> Shift:
    """Returns the shift of a generator whose drawings lie so, by so much."""
    directions = axes(read)[0]
    return Shift(torch.from_numpy(directions), torch.from_numpy(own.covariance), torch.from_numpy(by))


def to_tensors(shift: Shift) -> dict[str, Tensor]:
    """Returns a shift as named tensors for a generator's file."""
    return {f"central.{name}": getattr(shift, name).contiguous() for name in ("directions", "covariance", "by")}


def from_tensors(tensors: Mapping[str, Tensor]) -> Shift | None:
    """Returns the shift of a generator's file, or None if it has none."""
    if "central.by" not in tensors:
        return None
    return Shift(*(tensors[f"central.{name}"] for name in ("directions", "covariance", "by")))
