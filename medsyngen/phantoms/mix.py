"""Several phantoms as one public training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.phantoms.catalogue import phantom
from medsyngen.scan import Pixels


@dataclass(frozen=True)
class PhantomMix:
    """Phantoms and their shares.

    Args:
        parts: (name, share) pairs; shares add up to 1.
    """

    parts: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        for name, _ in self.parts:
            phantom(name)
        if not self.parts or any(share <= 0 for _, share in self.parts):
            raise UsageError("a mix of phantoms needs positive shares", do="give each phantom a share above 0")
        if abs(sum(share for _, share in self.parts) - 1) > 1e-6:
            raise UsageError("the shares of the phantoms do not add up to 1", do="correct synthesis.phantoms")

    def draw(self, count: int, size: int, rng: np.random.Generator) -> Pixels:
        """Returns ``count`` images in random order of kinds, float32 (count, 1, size, size) in [-1, 1]."""
        return self.draw_described(count, size, rng)[0]

    def draw_described(self, count: int, size: int, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.float32]]:
        """Returns the images of :meth:`draw` and what each was drawn from.

        Returns:
            The images, and float32 (count, :attr:`described_by`): for each kind in turn its parameters' places in their
            ranges, from -1 to 1; 0 for the parameters of other kinds.
        """
        shares = np.array([share for _, share in self.parts])
        kinds = rng.choice(len(shares), size=count, p=shares / shares.sum())
        images = np.empty((count, 1, size, size), np.float32)
        words = np.zeros((count, self.described_by), np.float32)
        first = 0
        for kind, (name, _) in enumerate(self.parts):
            rows, source = np.flatnonzero(kinds == kind), phantom(name)
            if len(rows):
                parameters = source.space.draw(len(rows), rng)
                images[rows] = source.render(parameters, size, rng)
                words[rows, first : first + len(source.space.names)] = 2 * source.space.places(parameters) - 1
            first += len(source.space.names)
        return images, words

    @property
    def described_by(self) -> int:
        """Numbers that describe an image: the parameters of all kinds."""
        return sum(len(phantom(name).space.names) for name, _ in self.parts)

    def describe(self) -> list[dict[str, Any]]:
        """Returns names, shares, versions and parameter spaces as plain JSON."""
        return [
            {
                "name": name,
                "share": share,
                "version": phantom(name).version,
                "parameters": phantom(name).space.describe(),
            }
            for name, share in self.parts
        ]

    def identity(self) -> dict[str, Any]:
        """Returns everything that fixes the pictures, as plain JSON: what a public expert's hash is taken of."""
        return {
            name: {
                "share": share,
                "version": phantom(name).version,
                "space": [[p.name, p.low, p.high, p.log] for p in phantom(name).space.parameters],
            }
            for name, share in self.parts
        }
