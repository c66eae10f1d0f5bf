"""What a portrait reads off a picture: a few public numbers, in directions along which phantoms differ most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

Floats = NDArray[np.float64]


Measure = Callable[[Pixels], Floats]
"""float32 (count, 1, side, side) -> float64 (count, numbers): a fixed, public function of each picture alone."""


@dataclass(frozen=True, eq=False)
class Reading:
    """Pictures to a few numbers: measures, centred and turned.

    Phantoms of the public bank have mean 0 and root mean square length 1, so clipping norms are of order 1 whatever is
    measured.

    Args:
        measures: Of the picture.
        centre: Mean of all measures over phantoms.
        directions: (measures, entries).
    """

    measures: tuple[Measure, ...]
    centre: Floats = field(repr=False)
    directions: Floats = field(repr=False)

    @property
    def entries(self) -> int:
        """Numbers read off a picture."""
        return len(self.directions[0])

    def __call__(self, pixels: Pixels) -> Floats:
        """Returns the numbers, float64 (count, entries); what is no number in a picture counts as 0."""
        sound = np.clip(np.nan_to_num(pixels, nan=0.0), -1, 1).astype(np.float32, copy=False)
        return (_measured(self.measures, sound) - self.centre) @ self.directions


@dataclass(frozen=True, eq=False)
class PublicBank:
    """Phantoms drawn from the whole space, and what is read off them.

    Args:
        read: A picture's numbers.
        places: Points of the unit cube, (count, parameters).
        numbers: Of the phantoms rendered there, (count, entries).
    """

    read: Reading
    places: Floats = field(repr=False)
    numbers: Floats = field(repr=False)


def public_reading(measures: Mapping[str, Measure], phantoms: Pixels, entries: int) -> Reading:
    """Returns the reading along the ``entries`` leading directions of phantoms; fitted to phantoms alone.

    Each measure is scaled to a total variance of 1, so that none counts for more because it has more numbers, and
    directions of standard deviation s are divided by the root of s: a leading direction counts for more than a small
    one, but not by as much as it is longer. Noise is the same on all of them.

    Args:
        measures: By name, at least one.
        phantoms: float32 in [-1, 1], (count, 1, side, side).
        entries: Directions; at most as many as there are numbers in all.
    """
    kinds = tuple(measures.values())
    parts = [kind(phantoms) for kind in kinds]
    scale = np.concatenate([np.full(part.shape[1], part.var(axis=0).sum() ** -0.5) for part in parts])
    whole = np.concatenate(parts, axis=1)
    centre = whole.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov((whole - centre) * scale, rowvar=False))
    leading = np.argsort(-spread)[:entries]
    axes = axes[:, leading] * np.sign(axes[np.abs(axes[:, leading]).argmax(axis=0), leading])  # either sign would do
    directions = scale[:, None] * axes / np.maximum(spread[leading], 1e-12) ** 0.25
    return Reading(kinds, centre, directions / np.sqrt(np.sqrt(spread[leading].clip(0)).sum()))


def _measured(measures: tuple[Measure, ...], pixels: Pixels) -> Floats:
    return np.concatenate([measure(pixels) for measure in measures], axis=1)
