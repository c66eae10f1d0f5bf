"""What every synthesis method promises: a fitted generator, and images drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels


@dataclass(frozen=True)
class Target:
    """What is to be made: public facts that the recipe gives.

    Args:
        size: Side of the images.
        classes: Class names.
        shares: Public proportion of each class.
    """

    size: int
    classes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Draws:
    """Synthetic images: post-processing of what differential privacy already protects.

    Args:
        pixels: float32 in [-1, 1], shape (count, channel, *space).
        classes: Class name of each image, or "" for the null class.
    """

    pixels: Pixels = field(repr=False)
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.pixels) != len(self.classes):
            raise ValueError(f"{len(self.pixels)} images but {len(self.classes)} classes")

    def __len__(self) -> int:
        return len(self.classes)


class Fitted(Protocol):
    """A generator that has finished learning; drawing from it costs no privacy."""

    def draw(self, count: int, *, progress: Progress = silent) -> Draws:
        """Returns ``count`` synthetic images; image ``i`` is the same whatever ``count`` is."""
        ...
