"""The people of the simulated hospital: a body of their own for each patient, and a pose for each radiograph.

All lengths are in half picture widths (the picture spans -1 to 1, x to the right, y downwards), angles in radians.
The numbers are the simulated hospital's invention: they stand for no measured population.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.floating]

LUNG_HARMONICS = 4
"""Fourier descriptors of a lung's outline: harmonics 1 to this number."""


@dataclass(frozen=True, eq=False)
class _Columns:
    """Several arrays whose first axis is the same list of patients or radiographs."""

    def take(self, index: NDArray[np.int64]) -> Self:
        """Returns the rows of ``index``."""
        return type(self)(**{each.name: getattr(self, each.name)[index] for each in fields(self)})

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))


@dataclass(frozen=True, eq=False)
class Anatomy(_Columns):
    """What stays the same over all radiographs of a patient; float32 arrays, first axis patients.

    Args:
        torso: (n, 3): half width of the torso at mid height, its linear and its quadratic change with y.
        shoulder: (n,): y of the shoulder line in the middle.
        lung_centre: (n, 2): distance of the lungs from the midline, and y.
        lung_radius: (n,): mean radius of a lung.
        lung_shape: (n, 2, 4): real Fourier descriptors of each lung's outline, relative to the radius.
        lung_bend: (n, 2): how far the axis of each lung is bent towards the midline at its tip.
        heart: (n, 4): centre x, centre y, half length, half width.
        heart_tilt: (n,): angle of the heart's long axis below the horizontal.
        dome: (n, 2): y of the diaphragm's summit, right and left.
        spine: (n, 2): half width and sideways curvature of the spine.
        build: (n,): tone of soft tissue relative to the hospital's mean.
        scanner: (n,): 0 or 1, the room where this patient is always examined (as float32).
    """

    torso: Vector
    shoulder: Vector
    lung_centre: Vector
    lung_radius: Vector
    lung_shape: Vector
    lung_bend: Vector
    heart: Vector
    heart_tilt: Vector
    dome: Vector
    spine: Vector
    build: Vector
    scanner: Vector


@dataclass(frozen=True, eq=False)
class Pose(_Columns):
    """What changes from one radiograph to the next; float32 arrays, first axis radiographs.

    Args:
        shift: (n, 2): displacement of the patient.
        turn: (n,): rotation.
        zoom: (n,): magnification.
        breath: (n,): how far the diaphragm stands below its usual place.
        exposure: (n, 2): contrast factor and offset in tone.
        patches: (n, 3, 5): up to three opacities: x and y within the lung, width, height, strength (0 = none).
        patch_side: (n, 3): -1 or 1, the lung of each opacity.
    """

    shift: Vector
    turn: Vector
    zoom: Vector
    breath: Vector
    exposure: Vector
    patches: Vector
    patch_side: Vector


def draw_anatomy(count: int, rng: np.random.Generator) -> Anatomy:
    """Draws the bodies of ``count`` patients."""

    def around(mean: float | list[float], spread: float | list[float], *shape: int) -> Vector:
        # Bounded at 2.5 spreads, so that no patient falls out of the picture.
        z = np.clip(rng.standard_normal((count, *shape)), -2.5, 2.5)
        return (np.asarray(mean) + np.asarray(spread) * z).astype(np.float32)

    # Harmonic 1 moves the broad end downwards, 2 stretches, 3 squares the base: together a drop with its tip up.
    usual_lung = [-0.16, 0.34, -0.07, 0.05]
    return Anatomy(
        torso=around([0.86, 0.06, -0.05], [0.045, 0.025, 0.02], 3),
        shoulder=around(-0.80, 0.035),
        lung_centre=around([0.43, -0.06], [0.022, 0.03], 2),
        lung_radius=around(0.395, 0.022),
        lung_shape=around(usual_lung, [0.025, 0.035, 0.02, 0.015], 2, LUNG_HARMONICS),
        lung_bend=around(0.16, 0.04, 2),
        heart=around([0.17, 0.27, 0.34, 0.21], [0.03, 0.03, 0.03, 0.025], 4),
        heart_tilt=around(0.75, 0.12),
        dome=around([0.42, 0.48], 0.04, 2),
        spine=around([0.09, 0.0], [0.012, 0.05], 2),
        build=around(0.0, 0.045),
        scanner=(rng.random(count) < 0.3).astype(np.float32),
    )


def draw_pose(opacity: NDArray[np.int64], rng: np.random.Generator) -> Pose:
    """Draws one pose a radiograph.

    Args:
        opacity: int64 (radiographs,): 1 where the radiograph shows an opacity, 0 where it doesn't.
        rng: Public randomness.
    """
    count = len(opacity)
    normal = np.clip(rng.standard_normal((count, 7)), -2.5, 2.5)
    uniform = rng.random((count, 3, 5))
    low = np.array([-0.16, 0.10, 0.12, 0.10, 0.55])
    high = np.array([0.12, 0.34, 0.20, 0.17, 0.80])
    patches = low + (high - low) * uniform
    shown = np.arange(3) < rng.integers(1, 4, count)[:, None]  # one to three patches
    patches[:, :, 4] *= shown * (opacity[:, None] == 1)
    return Pose(
        shift=(0.025 * normal[:, 0:2]).astype(np.float32),
        turn=(0.03 * normal[:, 2]).astype(np.float32),
        zoom=(1.0 + 0.02 * normal[:, 3]).astype(np.float32),
        breath=(0.03 * normal[:, 4]).astype(np.float32),
        exposure=(np.array([1.0, 0.0]) + np.array([0.03, 0.03]) * normal[:, 5:7]).astype(np.float32),
        patches=patches.astype(np.float32),
        patch_side=rng.choice(np.array([-1.0, 1.0], dtype=np.float32), (count, 3)),
    )
