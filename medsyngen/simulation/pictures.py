"""How the simulated hospital's radiographs look: implicit shapes, painted over each other, then the scanner's style.

House style: a lifted grey surround, lungs in mid-grey, a bright abdomen that brightens downwards, soft edges, a marker
letter in a corner and, from one room to the other, another vignette. Everything is vectorised over radiographs and
float32; tones lie in [-1, 1], bright is dense.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels
from medsyngen.simulation.anatomy import LUNG_HARMONICS, Anatomy, Pose, Vector

SURROUND, SOFT_TISSUE, LUNG, HEART, ABDOMEN = -0.45, 0.24, -0.10, 0.52, 0.58
NOISE = 0.012
_GLYPHS = {0: ("#..", "#..", "#..", "#..", "###"), 1: ("##.", "#.#", "##.", "#.#", "#.#")}  # L and R, 3 x 5


def paint(anatomy: Anatomy, pose: Pose, size: int, rng: np.random.Generator) -> Pixels:
    """Paints one radiograph for each row of ``anatomy`` and ``pose``.

    Args:
        anatomy: One row a radiograph (the patient's row, repeated).
        pose: One row a radiograph.
        size: Side of the square picture in pixels, at least 8.
        rng: Public randomness: the scanner's noise and the place of the marker.

    Returns:
        float32 in [-1, 1], shape (radiographs, size, size).
    """
    soft = max(1.3 / size, 0.03)
    x, y = _coordinates(size)
    u, v = _patient_frame(x, y, pose)

    torso = _torso(u, v, anatomy, soft)
    image: Vector = SURROUND + torso * (SOFT_TISSUE - SURROUND + _column(anatomy.build))
    for side in (-1, 1):
        image = _with_lung(image, u, v, anatomy, pose, side, soft)
    image = _with_abdomen(image, u, v, torso, anatomy, pose, soft)
    image = image + 0.30 * _spine(u, v, anatomy) * torso
    heart = _heart(u, v, anatomy, soft)
    image = image + heart * (HEART - image)
    image = _scanner_style(image, x, y, anatomy, pose)
    image = image + np.float32(NOISE) * rng.standard_normal(image.shape, dtype=np.float32)
    _stamp_marker(image, anatomy, rng)
    return np.clip(image, -1.0, 1.0).astype(np.float32)


def _column(values: Vector) -> Vector:
    """One number a radiograph, shaped so that it meets a (radiographs, size, size) picture."""
    return values[:, None, None]


def _inside(level: Vector, soft: float) -> Vector:
    """Soft membership of an implicit shape: 1 where ``level`` (a signed distance, positive inside) is large."""
    membership: Vector = 0.5 + 0.5 * np.tanh(level / np.float32(soft))
    return membership


def _coordinates(size: int) -> tuple[Vector, Vector]:
    centres = ((np.arange(size) + 0.5) * 2.0 / size - 1.0).astype(np.float32)
    y, x = np.meshgrid(centres, centres, indexing="ij")
    return x[None], y[None]


def _patient_frame(x: Vector, y: Vector, pose: Pose) -> tuple[Vector, Vector]:
    """Picture coordinates as seen from the patient: shifted, turned and zoomed back."""
    x, y = x - _column(pose.shift[:, 0]), y - _column(pose.shift[:, 1])
    cos, sin = _column(np.cos(pose.turn) / pose.zoom), _column(np.sin(pose.turn) / pose.zoom)
    return cos * x + sin * y, cos * y - sin * x


def _torso(u: Vector, v: Vector, a: Anatomy, soft: float) -> Vector:
    """The silhouette: a polynomial in (u, v) below sloping shoulders, and a neck above them."""
    half_width = _column(a.torso[:, 0]) + _column(a.torso[:, 1]) * v + _column(a.torso[:, 2]) * v * v
    flank = (half_width * half_width - u * u) / (2.0 * half_width)  # a polynomial over its gradient: about a distance
    shoulders = v - _column(a.shoulder) - 0.30 * u * u
    neck = 0.20 - np.abs(u)
    return _inside(np.maximum(np.minimum(flank, shoulders), np.minimum(neck, 0.2 - v)), soft)


def _lung_frame(u: Vector, v: Vector, a: Anatomy, side: int) -> tuple[Vector, Vector]:
    """Coordinates of one lung: p outwards, q upwards, in lung radii, with the bent axis straightened."""
    p = (side * u - _column(a.lung_centre[:, 0])) / _column(a.lung_radius)
    q = (_column(a.lung_centre[:, 1]) - v) / _column(a.lung_radius)
    bend = _column(a.lung_bend[:, 0 if side < 0 else 1])
    return p + bend * q * np.abs(q), q


def _with_lung(image: Vector, u: Vector, v: Vector, a: Anatomy, pose: Pose, side: int, soft: float) -> Vector:
    """Paints a lung: the curve r(t) = 1 + sum_k c_k cos(k t) of Fourier descriptors c, its ribs, its opacities."""
    p, q = _lung_frame(u, v, a, side)
    distance = np.sqrt(p * p + q * q) + np.float32(1e-6)
    cos_t = q / distance  # t from the upward axis
    radius, before, here = np.ones_like(distance), np.ones_like(distance), cos_t
    for k in range(LUNG_HARMONICS):
        radius = radius + _column(a.lung_shape[:, 0 if side < 0 else 1, k]) * here
        before, here = here, 2.0 * cos_t * here - before  # cos (k + 1) t = 2 cos t cos k t - cos (k - 1) t
    mask = _inside((radius - distance) * 0.4, soft)  # 0.4: the mean radius, back to picture units
    ribs = 0.07 * np.sin(9.0 * (q + 0.35 * p * p) + 0.8)
    tone = LUNG + _column(a.build) * 0.5 + ribs + _opacities(p * 0.4, -q * 0.4, pose, side)
    return image + mask * (tone - image)


def _opacities(p: Vector, q_down: Vector, pose: Pose, side: int) -> Vector:
    """The soft patches of this lung; they saturate, so that two of them don't outshine the heart."""
    total = np.zeros_like(p)
    for k in range(pose.patches.shape[1]):
        who = np.nonzero((pose.patch_side[:, k] == side) & (pose.patches[:, k, 4] > 0.0))[0]
        px, py, width, height, strength = (_column(pose.patches[who, k, j]) for j in range(5))
        total[who] += strength * np.exp(-0.5 * (((p[who] - px) / width) ** 2 + ((q_down[who] - py) / height) ** 2))
    patches: Vector = 0.6 * np.tanh(total / 0.6)
    return patches


def _with_abdomen(image: Vector, u: Vector, v: Vector, torso: Vector, a: Anatomy, pose: Pose, soft: float) -> Vector:
    """Paints what lies below the two domes of the diaphragm: bright, and brighter towards the bottom."""
    right = _inside(-u, 0.08)
    summit = _column(a.dome[:, 0]) * right + _column(a.dome[:, 1]) * (1.0 - right) + _column(pose.breath)
    depth = v - summit - 0.9 * (np.abs(u) - 0.38) ** 2
    tone = ABDOMEN + 0.40 * np.clip(depth, 0.0, 0.8) + _column(a.build)
    return image + torso * _inside(depth, soft) * (tone - image)


def _spine(u: Vector, v: Vector, a: Anatomy) -> Vector:
    middle = _column(a.spine[:, 1]) * (v * v - 0.3)
    shadow: Vector = np.exp(-0.5 * ((u - middle) / _column(a.spine[:, 0])) ** 2)
    return shadow


def _heart(u: Vector, v: Vector, a: Anatomy, soft: float) -> Vector:
    """A tilted egg, its blunt end down and to the patient's left (the right of the picture)."""
    cos, sin = _column(np.cos(a.heart_tilt)), _column(np.sin(a.heart_tilt))
    dx, dy = u - _column(a.heart[:, 0]), v - _column(a.heart[:, 1])
    along = (cos * dx + sin * dy) / _column(a.heart[:, 2])
    across = (cos * dy - sin * dx) / (_column(a.heart[:, 3]) * (1.0 + 0.25 * np.tanh(along)))
    return _inside((1.0 - along * along - across * across) * 0.13, soft)


def _scanner_style(image: Vector, x: Vector, y: Vector, a: Anatomy, pose: Pose) -> Vector:
    """Exposure, and the vignette of the room: room 0 darkens all corners, room 1 darkens towards the upper left."""
    room = _column(a.scanner)
    corners = 0.10 * (x * x + y * y)
    corner = 0.12 * ((x + 0.3) ** 2 * 0.3 + (1.0 - y) * 0.7 - x * 0.4)
    vignette = corners * (1.0 - room) + corner * room
    styled: Vector = _column(pose.exposure[:, 0]) * image + _column(pose.exposure[:, 1]) - vignette
    return styled


def _stamp_marker(image: Vector, a: Anatomy, rng: np.random.Generator) -> None:
    """Writes the room's letter into an upper corner: L at the right in room 0, R at the left in room 1."""
    size = image.shape[-1]
    scale = max(1, size // 32)
    top = rng.integers(1, 3, len(image)) * scale
    inset = rng.integers(1, 3, len(image)) * scale
    for room, rows in _GLYPHS.items():
        glyph = np.kron(np.array([[c == "#" for c in row] for row in rows]), np.ones((scale, scale), bool))
        down, across = np.nonzero(glyph)
        who = np.nonzero(a.scanner == room)[0]
        left = size - inset[who] - glyph.shape[1] if room == 0 else inset[who]
        image[who[:, None], top[who, None] + down, left[:, None] + across] = 0.85


def block_of(size: int) -> int:
    """Returns how many radiographs to paint at a time: about a million pixels, so that memory stays bounded."""
    return max(1, (1 << 20) // (size * size))


def split_blocks(count: int, size: int) -> list[NDArray[np.int64]]:
    """Returns the indices of ``count`` radiographs in blocks of :func:`block_of`."""
    step = block_of(size)
    return [np.arange(start, min(start + step, count)) for start in range(0, count, step)]
