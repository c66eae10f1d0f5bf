"""Several phantoms as one public training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.phantoms.catalogue import PHANTOMS, VOLUME_PHANTOMS, any_phantom
from medsyngen.phantoms.parameters import Parameters
from medsyngen.phantoms.source import draw_volumes
from medsyngen.scan import Pixels, Size, image_shape, square_side


@dataclass(frozen=True)
class PhantomMix:
    """Phantoms and their shares.

    Args:
        parts: (name, share) pairs; shares add up to 1.
    """

    parts: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        for name, _ in self.parts:
            any_phantom(name)
        if not self.parts or any(share <= 0 for _, share in self.parts):
            raise UsageError("a mix of phantoms needs positive shares", do="give each phantom a share above 0")
        if abs(sum(share for _, share in self.parts) - 1) > 1e-6:
            raise UsageError("the shares of the phantoms do not add up to 1", do="correct synthesis.phantoms")

    def check_size(self, size: Size, labels: int | None = None) -> None:
        """Refuses images that not all of these phantoms are like: pictures, volumes, volumes with so many labels.

        Args:
            size: Of the images.
            labels: How many labels the maps of the recipe have, where that is known.

        Raises:
            UsageError: Names the phantoms that don't fit, and those that would.
        """
        channels, *space = image_shape(size)
        known = VOLUME_PHANTOMS if len(space) == 3 else PHANTOMS
        fit = [name for name in known if channels == 1 or labels in (None, VOLUME_PHANTOMS[name].labels)]
        wrong = [name for name, _ in self.parts if name not in fit]
        if wrong:
            of = "pictures" if len(space) == 2 else "volumes" if channels == 1 else "volumes with such label maps"
            raise UsageError(f"{', '.join(wrong)}: no phantom of {of}", do=f"choose from: {', '.join(fit) or 'none'}")

    def draw(self, count: int, size: Size, rng: np.random.Generator) -> Pixels:
        """Returns ``count`` images in random order of kinds, float32 (count, channel, *space) in [-1, 1]."""
        return self.draw_described(count, size, rng)[0]

    def draw_described(self, count: int, size: Size, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.float32]]:
        """Returns the images of :meth:`draw` and what each was drawn from.

        Returns:
            The images, and float32 (count, :attr:`described_by`): for each kind in turn its parameters' places in their
            ranges, from -1 to 1; 0 for the parameters of other kinds.
        """
        shares = np.array([share for _, share in self.parts])
        kinds = rng.choice(len(shares), size=count, p=shares / shares.sum())
        images = np.empty((count, *image_shape(size)), np.float32)
        words = np.zeros((count, self.described_by), np.float32)
        first = 0
        for kind, (name, _) in enumerate(self.parts):
            rows, source = np.flatnonzero(kinds == kind), any_phantom(name)
            if len(rows):
                parameters = source.space.draw(len(rows), rng)
                images[rows] = _render(name, parameters, size, rng)
                words[rows, first : first + len(source.space.names)] = 2 * source.space.places(parameters) - 1
            first += len(source.space.names)
        return images, words

    @property
    def described_by(self) -> int:
        """Numbers that describe an image: the parameters of all kinds."""
        return sum(len(any_phantom(name).space.names) for name, _ in self.parts)

    def describe(self) -> list[dict[str, Any]]:
        """Returns names, shares, versions and parameter spaces as plain JSON."""
        return [
            {
                "name": name,
                "share": share,
                "version": any_phantom(name).version,
                "parameters": any_phantom(name).space.describe(),
            }
            for name, share in self.parts
        ]

    def identity(self) -> dict[str, Any]:
        """Returns everything that fixes the pictures, as plain JSON: what a public expert's hash is taken of."""
        return {
            name: {
                "share": share,
                "version": any_phantom(name).version,
                "space": [[p.name, p.low, p.high, p.log] for p in any_phantom(name).space.parameters],
            }
            for name, share in self.parts
        }


def _render(name: str, parameters: Parameters, size: Size, rng: np.random.Generator) -> Pixels:
    if name in VOLUME_PHANTOMS:
        return draw_volumes(VOLUME_PHANTOMS[name], parameters, size, rng)
    return PHANTOMS[name].render(parameters, square_side(size), rng)
