"""The public rule by which a volume is taken apart into pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from medsyngen.errors import UsageError

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: Final[tuple[Plane, ...]] = ("axial", "coronal", "sagittal")

AXES: Final[Mapping[Plane, int]] = MappingProxyType({"sagittal": 0, "coronal": 1, "axial": 2})
"""The axis of right, front and head along which the slices of each plane follow each other."""


@dataclass(frozen=True)
class Slices:
    """Every n-th slice of a plane: a rule on one volume alone, fixed before any is seen.

    Args:
        plane: ``axial`` (across the body), ``coronal`` (front to back) or ``sagittal`` (side to side).
        every: n, 1 or more: slices n // 2, n // 2 + n, n // 2 + 2n and so on are taken.
    """

    plane: Plane = "axial"
    every: int = 1

    def __post_init__(self) -> None:
        if self.plane not in PLANES or self.every < 1:
            raise UsageError(
                f"the recipe's `slices` is not understood: every {self.every} of {self.plane!s:.20}",
                do=f"give a plane ({', '.join(PLANES)}) and `every`, 1 or more",
            )

    def numbers(self, count: int) -> range:
        """Returns which of ``count`` slices are taken; at least one of any volume."""
        return range(min(self.every // 2, count - 1), count, self.every)
