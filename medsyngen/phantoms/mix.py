"""Several phantoms as one public training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medsyngen.errors import UsageError
from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.source import draw_phantoms
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
        shares = np.array([share for _, share in self.parts])
        kinds = rng.choice(len(shares), size=count, p=shares / shares.sum())
        images = np.empty((count, 1, size, size), np.float32)
        for kind, (name, _) in enumerate(self.parts):
            rows = np.flatnonzero(kinds == kind)
            if len(rows):
                images[rows] = draw_phantoms(phantom(name), len(rows), size, rng)
        return images

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
