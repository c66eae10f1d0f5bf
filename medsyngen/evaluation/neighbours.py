"""Which real image, and which patient, each synthetic image lies nearest to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.labelled import Index

_Floats = NDArray[np.float64]
_CHUNK = 64  # synthetic images at a time: bounds the table of distances


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each synthetic image, where the nearest real ones are.

    Args:
        patient: int64 (n,): the patient of the nearest real image.
        distance: (n,): to that image.
        second: (n,): to the nearest image of any other patient.
        image: int64 (n, parts): the nearest image of each part of the real images.
        apart: (n, parts): the distance to it.
    """

    patient: Index = field(repr=False)
    distance: _Floats = field(repr=False)
    second: _Floats = field(repr=False)
    image: Index = field(repr=False)
    apart: _Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.patient)

    @property
    def ratio(self) -> _Floats:
        """How much an image stands out towards one patient, (n,) in [0, 1]: 0 for a copy, near 1 if it is no one's."""
        return np.asarray(self.distance / np.maximum(self.second, 1e-300))

    def joined(self, more: Neighbours) -> Neighbours:
        """Returns these and more synthetic images."""
        pairs = ((getattr(self, name), getattr(more, name)) for name in self.__dataclass_fields__)
        return Neighbours(*(np.concatenate(pair) for pair in pairs))

    def some(self, rows: Index) -> Neighbours:
        """Returns some of the synthetic images."""
        return Neighbours(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def nearest(synthetic: _Floats, real: _Floats, owners: Index, parts: Index) -> Neighbours:
    """Returns the Euclidean neighbours of synthetic images among real ones.

    Args:
        synthetic: (n, d).
        real: (m, d).
        owners: int64 (m,): the patient of each real image; at least two patients.
        parts: int64 (m,): which part of the real images each belongs to: 0, 1 and so on.

    Raises:
        ValueError: There is one patient only, or a part is empty.
    """
    count = int(parts.max()) + 1
    if len(np.unique(owners)) < 2 or (np.bincount(parts, minlength=count) == 0).any():
        raise ValueError("neighbours need images of at least two patients, and an image in every part")
    order = np.argsort(owners, kind="stable")
    patients, starts = np.unique(owners[order], return_index=True)
    centre = real.mean(axis=0)
    real = real - centre
    squares = (real**2).sum(1)
    found = []
    for start in range(0, len(synthetic), _CHUNK):
        block = synthetic[start : start + _CHUNK] - centre
        table = (block**2).sum(1)[:, None] + squares[None, :] - 2 * (block @ real.T)
        table = np.maximum(table, 0.0)
        by_patient = np.minimum.reduceat(table[:, order], starts, axis=1)
        two = np.argpartition(by_patient, 1, axis=1)[:, :2]
        first, second = np.take_along_axis(by_patient, two, axis=1).T
        images = [_nearest_of(table, np.flatnonzero(parts == part)) for part in range(count)]
        apart = np.stack([np.take_along_axis(table, each[:, None], axis=1)[:, 0] for each in images], axis=1)
        found.append((patients[two[:, 0]], first, second, np.stack(images, axis=1), apart))
    patient, first, second, image, apart = (np.concatenate(part) for part in zip(*found, strict=True))
    return Neighbours(patient, np.sqrt(first), np.sqrt(second), image, np.sqrt(apart))


def _nearest_of(table: _Floats, columns: Index) -> Index:
    return np.asarray(columns[table[:, columns].argmin(axis=1)])
