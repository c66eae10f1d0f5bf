"""Public images as the source: variations are their nearest neighbours (Sim-PE section 3.3, data-only simulators)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.scan import Pixels
from medsyngen.synthesis.embedding import EMBEDDINGS, embedded
from medsyngen.synthesis.nearest import nearest
from medsyngen.synthesis.sources.field_checks import check_attested, check_folder, check_rising
from medsyngen.synthesis.sources.public_folder import read_public_folder
from medsyngen.synthesis.variation import Population


@dataclass(frozen=True)
class ImagePool:
    """Images of a folder that somebody says is public. It knows no classes: labels are names only.

    Guarantee: if the folder is public, populations are functions of what was passed in. That it is, software can't
    see: the name of who says so stands in the recipe and in reports.

    Args:
        folder: Of PNG, JPEG, DICOM and ``.npz`` files, at any depth.
        size: Side of the images in pixels; others are fitted into the square as scans are.
        attested_by: Who says that the folder is public.
        embedding: Where neighbours are near, a name of :data:`medsyngen.synthesis.embedding.EMBEDDINGS`.
        window: The values that become -1 and 1; None takes the range of the file's bit depth.

    Raises:
        UsageError: The folder is no whole path, the window no range, there is no such embedding, or nobody attests. At
            the first use: the folder is not there, holds a file that can't be read, or no image.
    """

    folder: Path = field(repr=False)
    size: int
    attested_by: str
    embedding: str = "pixels"
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_attested(self.attested_by, "the image pool")
        check_folder(self.folder, "the image pool")
        if self.window is not None:
            check_rising("window", self.window)
        if self.embedding not in EMBEDDINGS:
            raise UsageError(
                f"no embedding named {self.embedding!r}", do=f"choose `embedding` from: {', '.join(EMBEDDINGS)}"
            )

    @property
    def origin(self) -> str:
        """What it is, for reports."""
        return f"a folder of images, attested to be public by {self.attested_by}"

    @cached_property
    def images(self) -> Pixels:
        """Every image, float32 in [-1, 1], (n, 1, size, size), in the order of the files' names."""
        if not self.folder.is_dir():
            raise UsageError("the folder of the image pool is not there", do="mount it to where the recipe says it is")
        return read_public_folder(self.folder, self.size, self.window)

    @cached_property
    def _rows(self) -> NDArray[np.float32]:
        return embedded(self.embedding, self.images)

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        """Returns images drawn without replacement; when all are drawn, they are all drawn again."""
        rounds = [rng.permutation(len(self.images)) for _ in range(-(-count // len(self.images)))]
        chosen = np.concatenate([np.empty(0, np.int64), *rounds])[:count]
        return Population(self.images[chosen], np.full(count, label, np.int64))

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        """Returns for each member one of the images nearest to it, all of them equally likely.

        Args:
            population: Any images of this size.
            degree: Share of the pool that is near enough, rounded up, at least one image: degree 0 is the nearest
                image itself, 1 any image.
            rng: Public randomness.

        Raises:
            ValueError: The degree leaves [0, 1].
        """
        if not 0 <= degree <= 1:
            raise ValueError(f"degree must be in [0, 1], got {degree}")
        total, rows = len(self.images), self._rows  # at every degree: an embedding that fails, fails at the first use
        count = max(1, math.ceil(degree * total))
        ranks = rng.integers(count, size=len(population))
        if count == total:  # every order of the whole pool gives the same law
            chosen = ranks
        else:
            near = nearest(embedded(self.embedding, population.pixels), rows, count=count)
            chosen = near[np.arange(len(population)), ranks]
        return Population(self.images[chosen], population.classes)
