"""What every synthesis method promises: a fitted generator, and images drawn from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from medsyngen.cohort.conditions import CLASS, Attribute
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels, Size, square_side
from medsyngen.synthesis.conditioning import Conditioning

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Target:
    """What is to be made: public facts that the recipe gives.

    Args:
        size: Side of the pictures, or (channel, *space) of other images.
        classes: Class names.
        shares: Public proportion of each class.
        conditions: Attributes and their values in place of classes, which are the short form of one attribute.
    """

    size: Size
    classes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    conditions: tuple[Attribute, ...] = ()

    @property
    def side(self) -> int:
        """Side of the pictures, for methods that make nothing else.

        Raises:
            UsageError: Other images are to be made.
        """
        return square_side(self.size)

    @property
    def conditioning(self) -> Conditioning:
        """The attributes, whichever form they were given in."""
        return Conditioning.of(self.classes, self.shares, self.conditions)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of values of each attribute."""
        return self.conditioning.counts


@dataclass(frozen=True, eq=False)
class Draws:
    """Synthetic images: post-processing of what differential privacy already protects.

    Args:
        pixels: float32 in [-1, 1], shape (count, channel, *space).
        classes: Class name of each image, or "" for the null class; left out where there are conditions.
        conditions: For each declared attribute, the value's name for each image, or "" for its null.
    """

    pixels: Pixels = field(repr=False)
    classes: tuple[str, ...] = ()
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.classes and self.conditions:
            raise ValueError("draws have classes or conditions, not both")
        for name, values in self.columns.items():
            if len(self.pixels) != len(values):
                raise ValueError(f"{len(self.pixels)} images but {len(values)} values of {name}")

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Attribute -> value of each image; classes are the attribute ``class``."""
        return self.conditions or {CLASS: self.classes}

    @classmethod
    def of(cls, pixels: Pixels, columns: Mapping[str, tuple[str, ...]], *, declared: bool) -> Draws:
        """Returns draws with these columns: as conditions if those were declared, else the classes."""
        return cls(pixels, conditions=columns) if declared else cls(pixels, columns[CLASS])


class Generator(Protocol):
    """A generator that has finished learning; drawing from it costs no privacy.

    Image ``i`` is the same whatever number is drawn, in whatever batches and by whichever process (up to rounding).
    """

    @property
    def kind(self) -> str:
        """What its file holds: a method restores its own kind only."""
        ...

    @property
    def facts(self) -> Any:
        """Public numbers and marks: at least size, conditions, seeded and private."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Returns all that was learned, by name, for a file or another process."""
        ...

    def dealt(self, count: int) -> dict[str, tuple[str, ...]]:
        """Returns, for each attribute, the value of each of ``count`` images, known before any is drawn; "": null."""
        ...

    def named(self, images: Pixels, columns: Mapping[str, tuple[str, ...]]) -> Draws:
        """Returns images with their values."""
        ...

    @property
    def images_at_once(self) -> int:
        """The batch that the memory of this machine bears."""
        ...

    def image_drawer(self, count: int) -> Callable[[range], Pixels]:
        """Returns a function that draws some of ``count`` images, by their numbers: float32 (rows, channel, *space)."""
        ...

    def batches(self, count: int, *, progress: Progress = silent) -> Iterator[Draws]:
        """Draws images batch by batch, so that memory does not grow with ``count``."""
        ...

    def draw(self, count: int, *, progress: Progress = silent) -> Draws:
        """Returns ``count`` synthetic images."""
        ...
