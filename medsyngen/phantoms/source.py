"""What a phantom is: a declared parameter space and a pure way to draw images from parameters."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from medsyngen.formats.label_codes import to_levels
from medsyngen.phantoms.parameters import Parameters, ParameterSpace
from medsyngen.scan import Pixels, Size, image_shape


class Declared(Protocol):
    """What every phantom says of itself."""

    @property
    def name(self) -> str:
        """As recipes call it."""
        ...

    @property
    def version(self) -> int:
        """Counts up whenever the pictures or volumes change."""
        ...

    @property
    def space(self) -> ParameterSpace:
        """The declared parameters."""
        ...


class PhantomSource(Declared, Protocol):
    """Images drawn by program: public by construction, they cost no privacy."""

    def render(self, parameters: Parameters, size: int, rng: np.random.Generator) -> Pixels:
        """Draws one image for each row of parameters; the same parameters and generator give the same images.

        Args:
            parameters: From :attr:`space`.
            size: Side in pixels.
            rng: For what is no parameter: noise fields, positions of leaves.

        Returns:
            float32 in [-1, 1], (count, 1, size, size).
        """
        ...


@runtime_checkable
class VolumeSource(Declared, Protocol):
    """Volumes drawn by program, with or without label maps: as public as pictures."""

    @property
    def labels(self) -> int:
        """How many labels its maps have, the background among them."""
        ...

    def render_volumes(
        self, parameters: Parameters, space: tuple[int, int, int], rng: np.random.Generator
    ) -> tuple[Pixels, NDArray[np.uint8]]:
        """Draws one volume for each row of parameters; the same parameters and generator give the same volumes.

        Args:
            parameters: From :attr:`space`.
            space: Voxels to the right, to the front and to the head.
            rng: For what is no parameter.

        Returns:
            Images, float32 in [-1, 1], (count, x, y, z); and their labels, uint8, of the same shape.
        """
        ...


def draw_volumes(source: VolumeSource, parameters: Parameters, size: Size, rng: np.random.Generator) -> Pixels:
    """Renders volumes in the form that networks learn.

    Args:
        source: Of the volumes.
        parameters: From its space.
        size: (channel, x, y, z): one channel is the image; of two, the second is its label map.
        rng: Public randomness.

    Returns:
        float32 in [-1, 1], (count, channel, x, y, z).
    """
    channels, x, y, z = image_shape(size)
    images, labels = source.render_volumes(parameters, (x, y, z), rng)
    if channels == 1:
        return images[:, None]
    return np.stack([images, to_levels(labels, source.labels)], axis=1)


def draw_phantoms(source: PhantomSource, count: int, size: int, rng: np.random.Generator) -> Pixels:
    """Draws parameters from the whole space and renders them."""
    return source.render(source.space.draw(count, rng), size, rng)


def pictures_of(source: PhantomSource | VolumeSource, count: int, side: int, rng: np.random.Generator) -> Pixels:
    """Draws phantoms to look at, as :func:`draw_phantoms`; of a volume the middle plane of one axis after the other.

    Returns:
        float32 in [-1, 1], (count, 1, side, side).
    """
    if not isinstance(source, VolumeSource):
        return draw_phantoms(source, count, side, rng)
    images, _ = source.render_volumes(source.space.draw(count, rng), (side, side, side), rng)
    middle = side // 2
    planes = [
        (image[::-1, ::-1, middle], image[::-1, middle, ::-1], image[middle, ::-1, ::-1])[number % 3].T
        for number, image in enumerate(images)
    ]
    return np.stack(planes)[:, None]
