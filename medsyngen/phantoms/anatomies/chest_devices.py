"""What is no patient: tubes, central lines, ECG leads, pacemakers, the side marker and other lettering."""

from __future__ import annotations

from functools import cache

import numpy as np

from medsyngen.phantoms.anatomies.chest_frame import Columns, F, Frame, step
from medsyngen.phantoms.anatomies.chest_vessels import to_pixels
from medsyngen.phantoms.splatting import curve, splat
from medsyngen.scan import Pixels

LEADS = 4
"""ECG leads at most."""

PRINT = 9
"""Letters of small print, each no more than a dot."""

DRAWS = 4 * LEADS + 12
"""Random numbers of a picture."""


def devices(p: Columns, f: Frame, random: F) -> Pixels:
    """Returns the attenuation of devices and marks, (count, size, size); most pictures have few.

    Args:
        p: Parameters.
        f: Coordinates.
        random: Uniform on [0, 1), (count, DRAWS).
    """
    size = f.u.shape[-1]
    x, y, weight = _lines(p, random, size)
    column, row = to_pixels(p, x, y, size)
    out = splat(column, row, weight, size)
    out += _marks(p, random, size)
    return np.asarray(out + _pacemaker(p, f), np.float32)


def _on(value: F) -> F:
    """Returns a column (count, 1) that is 0 below 0 and soon 1 above."""
    return np.asarray(np.clip(4 * value[:, :, 0], 0, 1))


def _lines(p: Columns, random: F, size: int) -> tuple[F, F, F]:
    """Returns points of tube, central line, pacemaker's wire and leads: x, y in the patient's frame, and weights."""
    count = len(random)
    leads = _lead_curves(random[:, : 4 * LEADS].reshape(count, LEADS, 4) - np.float32(0.5))
    inner = _inner_curves(p, random[:, 4 * LEADS :] - np.float32(0.5))
    u, v = curve(np.concatenate([inner, leads], 1), size)
    lead = np.clip(p["leads"][:, :, 0] * LEADS - np.arange(LEADS, dtype=np.float32), 0, 1)
    strength = np.concatenate([_on(p["tube"]), _on(p["central_line"]), _on(p["pacemaker"]) * 1.5, 0.8 * lead], 1)
    # A shadow a pixel wide, however far apart the points lie: each weighs what its stretch of wire does.
    stretch = np.hypot(np.diff(u, axis=2, append=u[:, :, -1:]), np.diff(v, axis=2, append=v[:, :, -1:])) * (size / 2)
    weight = (p["wire"][:, :, 0] * strength)[:, :, None] * stretch
    dot = lead * p["electrode"][:, :, 0] * (size / 64) ** 2
    ends = (leads[:, :, 0, 0], leads[:, :, 0, 1], dot)
    u, v, weight = (np.concatenate([c.reshape(count, -1), end], 1) for c, end in zip((u, v, weight), ends, strict=True))
    return u, v, weight


def _inner_curves(p: Columns, r: F) -> F:
    """Returns control points of what lies in the patient, (count, 3, 4, 2); ``r`` is uniform on [-0.5, 0.5)."""
    top, carina, turn = p["apex_y"][:, 0], p["carina_y"][:, 0], p["turn"][:, 0]
    none = np.zeros_like(top)
    # A tube down the windpipe, or on to the stomach.
    deep = (r[:, :1] > 0).astype(np.float32)
    end = carina - 0.06 + deep * (p["diaphragm_y"][:, 0] + 0.2 - carina)
    tube: tuple[list[F], list[F]] = (
        [turn + 0.2 * r[:, 1:2], turn, turn, turn + 0.22 * deep],
        [top - 0.5, top, end - 0.15, end],
    )
    # A central line from the neck, or from below a clavicle, to the superior vena cava.
    side = np.where(r[:, 2:3] > 0.2, np.float32(1), np.float32(-1))
    line: tuple[list[F], list[F]] = (
        [side * (0.3 + 0.5 * np.abs(r[:, 3:4])), side * 0.3, none - 0.1, none - 0.1],
        [top + 0.1 + 0.8 * r[:, 4:5], top + 0.1, top + 0.3, carina + 0.15 + 0.2 * r[:, 5:6]],
    )
    # The pacemaker's wire to the tip of the right ventricle.
    x, y = p["pacemaker_x"][:, 0], p["clavicle_y"][:, 0] + 0.2
    wire = ([x, 0.3 * x, none - 0.15, none + 0.22], [y, y - 0.2, y + 0.5, p["heart_apex_y"][:, 0] - 0.02])
    xy = [np.stack([np.concatenate(x, 1), np.concatenate(y, 1)], 2) for x, y in (tube, line, wire)]
    return np.stack(xy, 1)


def _lead_curves(r: F) -> F:
    """Returns control points of the leads, from an electrode on the chest out to a side or over a shoulder."""
    electrode = np.stack([1.3 * r[:, :, 0], 0.2 + 1.2 * r[:, :, 1]], 2)
    out = np.sign(r[:, :, 0] + 0.5 * r[:, :, 2])
    end = np.stack([out * (0.9 + r[:, :, 2]), 2.2 * r[:, :, 3]], 2)
    middle = 0.5 * (electrode + end)
    return np.stack([electrode, middle + 0.5 * r[:, :, 1:3], middle + 0.6 * r[:, :, 2:4], end], 2)


@cache
def _letter(size: int) -> F:
    """Returns points of an L, which marks the patient's left, one unit tall; (points, 2)."""
    k = max(4, size // 12)
    down = np.stack([np.zeros(k), np.linspace(0, 1, k)], 1)
    along = np.stack([np.linspace(0, 0.6, k // 2 + 1)[1:], np.ones(k // 2)], 1)
    points: F = np.concatenate([down, along]).astype(np.float32)
    return points


def _marks(p: Columns, random: F, size: int) -> Pixels:
    """Returns the letter that marks the side, and a line of small print, both near the picture's upper edge."""
    r = random[:, 4 * LEADS + 6 :]
    letter, pixel = _letter(size), (size / 64) ** 2
    tall = 0.05 + 0.07 * r[:, :1]
    x, y = p["mark_x"][:, :, 0] + tall * letter[:, 0], p["mark_y"][:, :, 0] + tall * letter[:, 1]
    mark = _on(p["mark"]) * (0.4 + 0.6 * r[:, 1:2]) * np.ones_like(x) * (7 / len(letter))
    k = np.arange(PRINT, dtype=np.float32)
    print_x = np.where(r[:, 2:3] > 0.5, np.float32(-0.95), np.float32(0.55)) + k * 0.0375 * (0.5 + r[:, 3:4])
    print_y = np.repeat(-0.96 + 0.25 * r[:, 4:5], PRINT, axis=1)
    letters = _on(p["print"]) * (0.2 + 0.8 * np.modf(97 * r[:, 5:6] * (k + 1))[0])
    column, row = (np.concatenate(c, 1) for c in ((x, print_x), (y, print_y)))
    weight = np.concatenate([mark, letters], 1) * np.float32(pixel)
    return splat((column + 1) * (size / 2), (row + 1) * (size / 2), weight, size)


def _pacemaker(p: Columns, f: Frame) -> F:
    """Returns the case of a pacemaker below a clavicle: a battery and, less dense, its circuit."""
    x, y = (f.u - p["pacemaker_x"]) / p["pacemaker_size"], (f.v - p["clavicle_y"] - 0.22) / p["pacemaker_size"]
    inside = np.clip(4 - 4 * (x * x + y * y), 0, 1)
    return np.asarray(_on(p["pacemaker"])[:, :, None] * inside * (0.55 + 0.5 * step(y - 0.1, 0.02)))
