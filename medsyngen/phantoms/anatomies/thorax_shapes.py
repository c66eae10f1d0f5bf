"""The axial thorax slice as soft shapes in Hounsfield units: wall, lungs, mediastinum, upper abdomen."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.anatomies.slice_shapes import Columns, F, between, cover, crop, ellipse, paint, rows, swell
from medsyngen.phantoms.anatomies.thorax_bones import paint_bones, spine_depth

AIR, FAT = np.float32(-1000), np.float32(-100)


def thorax_slice(p: Columns, u: F, v: F, fields: tuple[F, F], pixel: float) -> F:
    """Returns a slice in Hounsfield units, (count, size, size).

    Args:
        p: Columns of the thorax's space.
        u: To the right of the picture (the patient's left), in parts of half the chest's width.
        v: To the back, same unit.
        fields: Two smooth random fields of unit variance: a fine one for vessels, a coarse one for tissue.
        pixel: Side of a pixel, same unit.
    """
    coarse = fields[1]
    tissue = p["soft"] + p["texture"] * coarse
    image = np.full_like(u, AIR)
    _table(p, image, u, v, pixel)
    u = u - p["body_skew"] * v
    skin = _superellipse(u, v, (np.float32(1), p["depth"]), p["body_shape"])
    breast = np.maximum(p["breast"], 0) * between(p["level"], 0.2, 0.9, 0.3)
    body = np.maximum(cover(skin, pixel), ellipse(np.abs(u), v, (0.45, -0.85 * p["depth"]), (0.35, breast), pixel))
    paint(image, body, FAT + p["texture"] * coarse)
    thick = p["fat"] * (1 + 0.5 * np.abs(u))
    paint(image, cover(skin - thick, pixel), tissue - 40 * np.clip(coarse[:, ::-1], 0, None))
    cage, half = _cage(p, u, v)
    paint(image, cover(cage, pixel), _lungs(p, u, v, fields))
    fluid = np.maximum(p["effusion"], 0) - (half[1] - v) + 0.15 * np.abs(u)
    paint(image, cover(cage, pixel) * cover(fluid, 2 * pixel), np.float32(15))
    _mediastinum(p, image, (u, v, coarse), half, pixel)
    _by_level(p, image, (u, v, cage, tissue), pixel)
    paint_bones(p, image, (u, v, coarse), (cage, half), pixel)
    return image


def _superellipse(u: F, v: F, half: tuple[F | np.float32, F], shape: F) -> F:
    """Returns the depth inside a superellipse, in its unit of length."""
    radius = (np.abs(u / half[0]) ** shape + np.abs(v / half[1]) ** shape) ** (1 / shape)
    return np.asarray((1 - radius) * half[1])


def _cage(p: Columns, u: F, v: F) -> tuple[F, tuple[F, F]]:
    """Returns the depth inside the rib cage and the cage's half axes: narrow between the shoulders."""
    wall = p["fat"] * 1.2 + p["muscle"]
    high = np.clip(0.45 - p["level"], 0, None) / 0.45
    half = ((1 - wall) * (1 - 0.42 * high**1.5), (p["depth"] - wall) * (1 - 0.3 * high**2))
    return _superellipse(u, v - 0.06 * high, half, p["cage_shape"]), half


def _lungs(p: Columns, u: F, v: F, fields: tuple[F, F]) -> F:
    """Returns aerated lung: denser behind, with vessels that thin out from the hilum, and now and then a mass."""
    fine, coarse = fields
    away = ((np.abs(u) - 0.25) / 0.35) ** 2 + (v / 0.4) ** 2
    near = 1 / (1 + away)
    branch = np.clip(1 - np.abs(fine) * (3 - 2 * near), 0, 1) * np.clip(fine[:, ::-1] + near - 0.3, 0, 1)
    dots = np.clip(fine[:, :, ::-1] - 2 + near, 0, 1)
    image = p["lung"] + p["lung_gradient"] * v + 15 * coarse
    image += p["vessels"] * 750 * np.maximum(branch * (0.3 + 0.7 * near), dots)
    radius = np.maximum(p["opacity"], 0) * (1 + 0.25 * coarse)
    mass = np.sqrt((u - p["opacity_x"]) ** 2 + (v - p["opacity_y"]) ** 2)
    paint(image, np.clip((radius - mass) / 0.06 + 0.5, 0, 1) * (p["opacity"] > 0), np.float32(30))
    return np.asarray(image)


def _mediastinum(p: Columns, image: F, at: tuple[F, F, F], half: tuple[F, F], pixel: float) -> None:
    """Paints the soft middle from sternum to spine: fat, or tissue where there is little of it."""
    view = crop(at[0], at[1], (-0.5, 0.5, -0.9, 0.9), pixel)
    image, (u, v, coarse) = image[view], (field[view] for field in at)
    value = p["soft"] + p["mediastinal_fat"] * (FAT - p["soft"]) + p["texture"] * coarse
    wide, wobble = p["mediastinum_width"], 0.02 * coarse
    high = between(p["level"], -1, 0.25, 0.3)
    paint(image, ellipse(u + wobble, v, (0.02, -0.05), (wide * (0.75 + 0.5 * high), 0.95 * half[1]), pixel), value)
    root = 0.9 * wide + 0.2 * swell(p["level"], 0.5, 0.2)
    paint(image, ellipse(u + wobble, v, (0.02, 0.02), (root, 0.5 * half[1]), pixel), value)
    y = spine_depth(p)
    paint(image, ellipse(u + wobble, v, (0, y + 0.2), (0.2, 0.22), pixel), p["soft"] + p["texture"] * coarse)
    behind = 0.5 * (p["depth"] - p["fat"] - y - 0.2)  # the muscles that hold the spine upright
    paint(image, ellipse(np.abs(u), v, (0.14, y + 0.22 + behind), (0.14, behind), pixel), p["soft"])


def _by_level(p: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints what only some levels show, each on the images that reach it."""
    for low, high, draw in ((0.56, 2.0, _heart), (0.12, 0.62, _great_vessels), (-1.0, 0.6, _airway), (0.7, 2, _domes)):
        of = np.flatnonzero((p["level"][:, 0, 0] > low) & (p["level"][:, 0, 0] < high))
        if len(of):
            part = image[of]
            u, v, cage, tissue = (field[of] for field in at)
            draw(rows(p, of), part, (u, v, cage, tissue), pixel)
            image[of] = part
    view = crop(at[0], at[1], (-0.1, 0.35, -0.3, 0.6), pixel)
    aorta = p["aorta"] * np.clip((p["level"] - 0.25) / 0.05, 0, 1)
    place = (0.13, spine_depth(p) - 0.02)
    paint(image[view], ellipse(at[0][view], at[1][view], place, (aorta, aorta), pixel), p["blood"])


def _heart(p: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints the heart: fat, muscle, and chambers full of blood; its tip to the patient's left and front."""
    view = crop(at[0], at[1], (-0.6, 0.9, -0.75, 0.6), pixel)
    image, (u, v, cage, tissue) = image[view], (field[view] for field in at)
    size = p["heart"] * swell(p["level"], 0.76, 0.22)
    inside = cover(cage - 0.02, pixel)
    x, y, tilt = p["heart_x"], -0.12 * p["depth"] / 0.7, p["heart_tilt"]
    paint(image, inside * ellipse(u, v, (x, y), (1.12 * size, 0.82 * size), pixel, -0.4 - 0.5 * tilt), FAT + 60)
    inner = size - np.float32(0.03)
    whole = ellipse(u, v, (x, y), (1.1 * inner, 0.8 * inner), pixel, -0.4 - 0.5 * tilt)
    paint(image, inside * whole, 0.6 * tissue + 0.4 * p["blood"])
    cos, sin = np.cos(tilt), np.sin(tilt)
    for along, across, half in ((0.4, 0.22, (0.42, 0.3)), (-0.3, 0.25, (0.3, 0.38)), (0.1, -0.4, (0.5, 0.24))):
        centre = (x + size * (along * cos + across * sin), y + size * (across * cos - along * sin))
        paint(image, inside * ellipse(u, v, centre, (half[0] * size, half[1] * size), 2 * pixel, -tilt), p["blood"])


def _great_vessels(p: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints aortic arch, ascending aorta, pulmonary arteries and superior vena cava."""
    view = crop(at[0], at[1], (-0.5, 0.5, -0.5, 0.5), pixel)
    image, u, v = image[view], at[0][view], at[1][view]
    level, back = p["level"], spine_depth(p)
    arch = swell(level, 0.27, 0.07)
    paint(image, ellipse(u, v, (0.07, 0.5 * back - 0.06), (0.22 * arch, p["aorta"] * arch), pixel, 1.1), p["blood"])
    root = p["aorta"] * 1.15 * swell(level, 0.45, 0.16)
    paint(image, ellipse(u, v, (-0.05, -0.12), (root, root), pixel), p["blood"])
    trunk = swell(level, 0.5, 0.1)
    paint(image, ellipse(u, v, (0.12, -0.12), (0.09 * trunk, 0.14 * trunk), pixel, 0.4), p["blood"])
    paint(image, ellipse(u, v, (-0.08, 0.02), (0.22 * trunk, 0.055 * trunk), pixel), p["blood"])
    paint(image, ellipse(np.abs(u), v, (0.27, 0.04), (0.11 * trunk, 0.07 * trunk), pixel, 0.5), p["blood"])
    cava = 0.055 * swell(level, 0.4, 0.25)
    paint(image, ellipse(u, v, (-0.17, -0.06), (cava, cava), pixel), p["blood"])


def _airway(p: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints the trachea, and below the carina the main bronchi."""
    view = crop(at[0], at[1], (-0.5, 0.5, -0.5, 0.5), pixel)
    image, u, v = image[view], at[0][view], at[1][view]
    level, y = p["level"], 0.06
    trachea = p["trachea"] * between(level, -1, 0.42, 0.04)
    paint(image, ellipse(u, v, (0, y), (trachea, trachea), pixel), AIR)
    bronchus = 0.8 * p["trachea"] * between(level, 0.42, 0.56, 0.04)
    apart = 0.05 + 0.8 * np.clip(level - 0.42, 0, None)
    paint(image, ellipse(np.abs(u), v, (apart, y + 0.02), (1.4 * bronchus, bronchus), pixel, 0.3), AIR)


def _domes(p: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints liver and spleen as they rise into the lungs' place."""
    u, v, cage, tissue = at
    inside, rise = cover(cage - 0.015, pixel), np.clip((p["level"] - 0.72) / 0.28, 0, 1)
    later = np.clip((p["level"] - 0.82) / 0.18, 0, 1)
    bright = tissue + 0.25 * (p["blood"] - 40)
    right = np.sqrt(np.clip(p["dome_right"] + 0.25, 0, None) * rise) * 0.75
    left = np.sqrt(np.clip(p["dome_left"] + 0.4, 0, None) * later) * 0.65
    paint(image, inside * ellipse(u, v, (0.5, 0.05), (left, left), pixel), bright - 20)
    paint(image, inside * ellipse(u, v, (-0.42, -0.02), (right * 1.15, right), pixel), bright + 20)


def _table(p: Columns, image: F, u: F, v: F, pixel: float) -> None:
    """Paints the two faces of a table's shell, hollow upwards, behind the body."""
    view = crop(u, v, (-1.2, 1.2, 0.3, 1.2), pixel)
    image, u, v = image[view], u[view], v[view]
    there = np.clip(4 * p["table"], 0, 1)
    for offset in (0.02, 0.13):
        line = v - p["depth"] - p["table_gap"] - offset + 0.22 * u**2
        paint(image, there * cover(0.02 - np.abs(line), pixel) * cover(1.1 - np.abs(u), 0.1), -700 + 500 * p["table"])
