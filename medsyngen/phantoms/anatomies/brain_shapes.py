"""The axial head slice as nested soft shapes: scalp, skull, folded cortex, ventricles, nuclei, skull base."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.anatomies.slice_shapes import Columns, F, between, cover, crop, ellipse, paint, rows, swell

BASE_LEVEL = 0.3
"""Below this level the slice runs through the skull base: eyes, temporal lobes, cerebellum."""


def head_slice(p: Columns, tissue: Columns, u: F, v: F, field: F, pixel: float) -> tuple[F, F]:
    """Returns the signal of a slice and the part of each pixel that skull stripping keeps, both (count, size, size).

    Args:
        p: Columns of the brain's space.
        tissue: Signal of each tissue, from ``signals``.
        u: To the right of the picture, in parts of half the head's length.
        v: To the back, same unit.
        field: Smooth random field of unit variance: wanderings of sulci, mottle of tissue.
        pixel: Side of a pixel, same unit.
    """
    shrink = narrowing(p["level"])
    depth, x, y = _depth(p, u, v, shrink)
    oblique = 1 / shrink  # near the vertex the layers are cut at a slant: thicker and softer
    scalp, skull = p["scalp"] * oblique**1.5, p["skull"] * oblique**0.5
    image = cover(depth, pixel * oblique) * (0.75 * tissue["fat"] + 0.25 * tissue["muscle"])
    inner = depth - scalp
    bone = tissue["bone"] + p["marrow"] * tissue["fat"] * np.clip(1 - np.abs(2 * inner / skull - 1), 0, 1)
    paint(image, cover(inner, pixel * oblique), bone)
    brain = inner - skull
    inside = cover(brain, pixel)
    paint(image, inside, _folded(p, tissue, brain - p["csf_layer"], x, y, field, pixel))
    for low, high, draw in ((BASE_LEVEL, 0.75, _ventricles), (-1, 0.45, _base), (-1.0, 2.0, _lesion)):
        of = np.flatnonzero((p["level"][:, 0, 0] > low) & (p["level"][:, 0, 0] < high))
        if len(of):
            part = image[of]
            within = inside[of]
            draw(rows(p, of), rows(tissue, of), part, (u[of], v[of], within, field[of]), pixel)
            image[of], inside[of] = part, within
    return image, inside


def fold_cycles(p: Columns) -> F:
    """Returns the waves a picture of the field whose zeros are as far apart as sulci are."""
    return np.asarray(0.26 * p["sulci"] / p["zoom"])


def narrowing(level: F) -> F:
    """Returns the head's half length at a level: 1 up to the ventricles, then as a sphere's towards the vertex."""
    return np.asarray(np.sqrt(1 - (np.clip(level - 0.4, 0, None) / 0.8) ** 2))


def _depth(p: Columns, u: F, v: F, shrink: F) -> tuple[F, F, F]:
    """Returns the depth below the skin (a deformed superellipse) and coordinates that are ±1 at the skin."""
    width = p["cephalic_index"] * shrink
    x = (u - p["head_skew"] * v) / (width * (1 + p["head_taper"] * v))  # wider behind than in front
    y = v / shrink
    radius = (np.abs(x) ** p["head_shape"] + np.abs(y) ** p["head_shape"]) ** (1 / p["head_shape"])
    return (1 - radius) * np.sqrt(width * shrink), x, y


def _folded(p: Columns, tissue: Columns, depth: F, x: F, y: F, field: F, pixel: float) -> F:
    """Returns fluid, grey and white matter by the distance to the nearest surface: outside, fissure or sulcus.

    Sulci are the zeros of a wave around the head that a smooth field bends; each goes as deep as the field says.
    """
    level, shrink = p["level"], narrowing(p["level"])
    count = p["sulci"] * (0.35 + 0.65 * shrink)
    inwards = np.sin(0.5 * count * np.arctan2(np.abs(x), y) + p["folding"] * field)
    tangle = np.minimum(p["tangle"] + np.clip(level - 0.55, 0, None), 1)
    wave = inwards + tangle * (field[:, :, ::-1] - inwards)
    spacing = 1.6 * shrink / count  # |wave| times this is about the distance to the sulcus
    reach = p["sulcus_depth"] * (1 + 0.6 * field[:, ::-1]) + 0.5 * np.clip(level - 0.6, 0, None)
    sulcus = np.abs(wave) * spacing - p["sulcus_width"] + np.clip(depth - reach, 0, None)
    callosal = 0.5 * swell(level, 0.45, 0.28)  # here the fissure stops in front of and behind the corpus callosum
    ahead = np.clip(callosal - np.abs(y + 0.03), 0, None)
    fissure = np.abs(x) * p["cephalic_index"] * shrink - p["fissure"] + 2 * ahead
    side, here = np.abs(x) - 0.45, swell(level, 0.42, 0.14)  # Sylvian: a cleft in the side, its floor the insula
    line = np.float32(0.5) * np.abs(y + 0.1 + 0.3 * (np.abs(x) - 0.6) + 0.03 * field)
    cleft = line - 2.5 * p["sylvian"] * here * np.clip(side, 0, None) + 0.2 * (1 - here) - 3 * np.clip(side, None, 0)
    surface = np.minimum(np.minimum(depth, sulcus), np.minimum(fissure, cleft))
    mottle = 1 + p["texture"] * field[:, ::-1, ::-1]
    image = np.asarray(mottle * tissue["white"] + np.zeros_like(surface))
    paint(image, 1 - cover(surface - p["cortex"], pixel), mottle * tissue["grey"])
    paint(image, 1 - cover(surface, pixel), tissue["csf"])
    return image


def _ventricles(p: Columns, tissue: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints deep nuclei, the lateral ventricles (front horn, body, rear horn of each side) and the third."""
    view = crop(at[0], at[1], (-0.6, 0.6, -0.6, 0.65), pixel)
    image, u, v = image[view], at[0][view], at[1][view]
    a, level = np.abs(u) / (p["cephalic_index"] / 0.8), p["level"]
    nuclei = swell(level, 0.46, 0.12)
    grow = np.sqrt(p["ventricles"])
    for centre, half, tilt in (
        ((0.27, 0.0), (0.075, 0.2), -0.25),  # lentiform nucleus
        ((0.1, 0.16), (0.085, 0.13), -0.3),  # thalamus
        ((0.13 * grow, -0.22), (0.05, 0.12), -0.25),  # head of the caudate
    ):
        paint(image, ellipse(a, v, centre, (half[0] * nuclei, half[1] * nuclei), pixel, tilt), tissue["deep"])
    wide = p["ventricles"]
    for centre, half, tilt, (middle, reach) in (
        ((0.08 * grow, -0.25), (0.035, 0.14), -0.35, (0.49, 0.13)),
        ((0.2, 0.3), (0.045, 0.17), 0.45, (0.48, 0.12)),
        ((0.1 * grow, 0.03), (0.035, 0.28), -0.08, (0.62, 0.09)),
    ):
        here = swell(level, middle, reach)
        paint(image, ellipse(a, v, centre, (half[0] * wide * here, half[1] * here), pixel, tilt), tissue["csf"])
    slit = p["third_ventricle"] * swell(level, 0.42, 0.1)
    paint(image, ellipse(a, v, (0.0, 0.07), (slit, 0.13), pixel), tissue["csf"])


def _base(p: Columns, tissue: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints midbrain and cisterns, and further down the skull base."""
    u, v, inside, field = at
    a, level = np.abs(u + 0.015 * field) / (p["cephalic_index"] / 0.8), p["level"]
    v = v + 0.015 * field[:, ::-1]  # nothing at the skull base is a true ellipse
    midbrain = swell(level, 0.3, 0.08)
    paint(image, ellipse(a, v, (0, 0.08), (0.185 * midbrain, 0.19 * midbrain), pixel), tissue["csf"])
    paint(image, ellipse(a, v, (0, -0.16), (0.17 * midbrain, 0.09 * midbrain), pixel), tissue["csf"])
    stem = 0.6 * tissue["white"] + 0.4 * tissue["grey"]
    paint(image, ellipse(a, v, (0, 0.07), (0.16 * midbrain, 0.15 * midbrain), pixel), stem)
    part = inside * between(level, -1, BASE_LEVEL - 0.05, 0.08)
    of = np.flatnonzero(part.max(axis=(1, 2)) > 0)
    if len(of):
        base, brain = _skull_base(rows(p, of), rows(tissue, of), (a[of], v[of], field[of]), pixel)
        whole, mask = image[of], inside[of]
        paint(whole, part[of], base)
        paint(mask, part[of], brain * mask)
        image[of], inside[of] = whole, mask
        _face(rows(p, of), rows(tissue, of), (image, of), (a[of], v[of]), pixel)


def _skull_base(p: Columns, tissue: Columns, at: tuple[F, F, F], pixel: float) -> tuple[F, F]:
    """Returns the inside of the skull at its base (mottled bone, the lobes of both fossae) and what of it is brain."""
    a, v, field = at
    mottle = np.clip(0.35 + 0.35 * field[:, :, ::-1], 0, 1)
    image = np.asarray(tissue["bone"] + mottle * (0.6 * tissue["muscle"] + 0.3 * tissue["fat"]))
    brain = np.zeros_like(image)
    grey, high = 0.6 * tissue["grey"] + 0.4 * tissue["white"], p["level"] / BASE_LEVEL
    lobe = 0.2 + 0.1 * high
    soft = np.sin(38 * v + 2 * field) * (grey - tissue["white"]) * 0.4
    for centre, half, tilt, value in (
        ((0.42, -0.1), (lobe, 0.24 + 0.08 * high), -0.3, grey * (1 + 2 * p["texture"] * field)),
        ((0.24, 0.47), (0.28 + 0.06 * high, 0.24 + 0.05 * high), 0.35, grey + soft),
        ((0.0, 0.45), (0.16, 0.26), None, grey + soft),
        ((0.0, 0.1), (0.17, 0.15), None, tissue["white"]),
    ):
        outline = tuple(np.float32(1) * h + 1.6 * p["csf_layer"] for h in half)
        paint(image, ellipse(a, v, centre, (outline[0], outline[1]), pixel, tilt), tissue["csf"])
        lobe_part = ellipse(a, v, centre, half, pixel, tilt)
        paint(image, lobe_part, value)
        np.maximum(brain, lobe_part, out=brain)
    paint(image, ellipse(a, v, (0, 0.29), (0.05 * p["ventricles"], 0.05), pixel), tissue["csf"])  # fourth ventricle
    paint(image, ellipse(a, v, (0.5, 0.22), (0.2, 0.07), pixel, -0.5), tissue["bone"])  # petrous bone
    return image, brain


def _face(p: Columns, tissue: Columns, to: tuple[F, F], at: tuple[F, F], pixel: float) -> None:
    """Paints orbits with globes, nasal air cells and the temporal muscles."""
    (image, of), (a, v) = to, at
    face = image[of]
    low = between(p["level"], -1, 0.2, 0.06)
    eye_y = -0.86 + p["eye"]
    paint(face, ellipse(a, v, (0.72, -0.3), (0.07 * low, 0.26 * low), pixel, -0.2), tissue["muscle"])
    paint(face, ellipse(a, v, (p["eye_x"] - 0.06, eye_y + 0.13), (0.15 * low, 0.26 * low), pixel, -0.45), tissue["fat"])
    rim = p["eye"] + np.float32(0.02)
    paint(face, ellipse(a, v, (p["eye_x"], eye_y), (rim * low, rim * low), pixel), 0.7 * tissue["muscle"])
    globe = p["eye"] - np.float32(0.01)
    paint(face, ellipse(a, v, (p["eye_x"], eye_y), (globe * low, globe * low), pixel), tissue["csf"])
    paint(face, ellipse(a, v, (0, eye_y + 0.18), (p["air_cells"] * low, 0.26 * low), pixel), 0.0)
    septum = np.float32(0.02) * low
    paint(face, ellipse(a, v, (0, eye_y + 0.15), (septum, 0.24 * low), pixel), tissue["muscle"])
    image[of] = face


def _lesion(p: Columns, tissue: Columns, image: F, at: tuple[F, F, F, F], pixel: float) -> None:
    """Paints a blob with a ragged edge, inside the skull only."""
    u, v, inside, field = at
    radius = np.maximum(p["lesion"], 0)
    blob = ellipse(u + 0.03 * field, v, (p["lesion_x"], p["lesion_y"]), (radius, radius), 3 * pixel)
    paint(image, 0.9 * blob * inside, tissue["lesion"])
