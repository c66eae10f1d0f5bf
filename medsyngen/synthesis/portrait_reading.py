"""What a portrait reads off a picture: a few public numbers, in directions along which phantoms differ most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.scan import Pixels

Floats = NDArray[np.float64]

BLOCK = 1 << 20
"""Pixels that are read at once."""

_FITTED, _LEARNED = ("centre", "directions"), "learned."

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
        learned: Weights of a measure that was trained on phantoms, by name.
    """

    measures: tuple[Measure, ...]
    centre: Floats = field(repr=False)
    directions: Floats = field(repr=False)
    learned: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, measures: Mapping[str, Measure], tensors: Mapping[str, Tensor], phantoms: Pixels) -> Reading:
        """Returns the reading that :attr:`tensors` were kept of.

        Args:
            measures: By name, the same as then.
            tensors: What was kept.
            phantoms: Any pictures of the size, one at least.

        Raises:
            VerificationFailed: They are not those of a reading by these measures.
        """
        kinds = tuple(measures.values())
        centre, directions = (tensors[name].numpy() if name in tensors else np.zeros(0) for name in _FITTED)
        if directions.shape[:1] != _measured(kinds, phantoms[:1]).shape[1:]:
            raise VerificationFailed(
                "the noised sum in this run folder was not taken with the measures that are here now",
                do="fit again in a new run folder; what was charged stays charged",
            )
        return cls(kinds, centre, directions, learned_in(tensors))

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All that was fitted or learned, by name; public."""
        fitted = {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in _FITTED}
        return fitted | {f"{_LEARNED}{name}": value for name, value in self.learned.items()}

    @property
    def entries(self) -> int:
        """Numbers read off a picture."""
        return len(self.directions[0])

    def __call__(self, pixels: Pixels) -> Floats:
        """Returns the numbers, float64 (count, entries); what is no number in a picture counts as 0.

        Pictures are read in blocks: memory is that of one block, whatever a patient's number of scans.
        """
        numbers = np.empty((len(pixels), self.entries))
        block = max(1, BLOCK // max(1, pixels[:1].size))
        for start in range(0, len(pixels), block):
            part = np.clip(np.nan_to_num(pixels[start : start + block], nan=0.0), -1, 1)
            measured = _measured(self.measures, part.astype(np.float32, copy=False))
            numbers[start : start + block] = (measured - self.centre) @ self.directions
        return numbers


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

    Raises:
        UsageError: There are fewer numbers.
    """
    kinds = tuple(measures.values())
    parts = [kind(phantoms) for kind in kinds]
    numbers = sum(part.shape[1] for part in parts)
    if entries > numbers:
        raise UsageError(
            f"{entries} numbers can't be kept of a picture: {', '.join(measures)} read {numbers}",
            do=f"lower synthesis.entries to at most {numbers}, or add a measure; nothing was charged",
        )
    scale = np.concatenate([np.full(part.shape[1], part.var(axis=0).sum() ** -0.5) for part in parts])
    whole = np.concatenate(parts, axis=1)
    centre = whole.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov((whole - centre) * scale, rowvar=False))
    leading = np.argsort(-spread)[:entries]
    axes = axes[:, leading] * np.sign(axes[np.abs(axes[:, leading]).argmax(axis=0), leading])  # either sign would do
    directions = scale[:, None] * axes / np.maximum(spread[leading], 1e-12) ** 0.25
    directions = directions / np.sqrt(np.sqrt(spread[leading].clip(0)).sum())
    return Reading(kinds, centre, np.ascontiguousarray(directions))  # as it comes back from a file, to the last bit


def learned_in(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the weights among the tensors of a reading."""
    return {n.removeprefix(_LEARNED): value for n, value in tensors.items() if n.startswith(_LEARNED)}


def _measured(measures: tuple[Measure, ...], pixels: Pixels) -> Floats:
    return np.concatenate([measure(pixels) for measure in measures], axis=1)
