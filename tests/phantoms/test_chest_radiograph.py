"""The chest radiograph: air is dark, and organs lie where the parameters say."""

import numpy as np
import pytest

from medsyngen.phantoms.catalogue import phantom

CHEST = phantom("chest_radiograph")
SIZE = 32


def drawn(count, seed, **fixed):
    rng = np.random.default_rng(seed)
    parameters = CHEST.space.draw(count, rng)
    for name, value in fixed.items():
        parameters[name] = np.full(count, value)
    return parameters, CHEST.render(parameters, SIZE, rng)[:, 0]


def grey_at(pixels, p, u, v):
    """Mean of 3 x 3 pixels around a place in body coordinates, by the inverse of the pose; NaN outside the picture."""
    cos, sin = np.cos(p["rotation"]), np.sin(p["rotation"])
    x = (u * cos - v * sin) * p["zoom"] + p["shift_x"]
    y = (u * sin + v * cos) * p["zoom"] + p["shift_y"]
    i, j = (np.floor((c + 1) / 2 * SIZE).astype(int) for c in (y, x))
    seen = (i > 0) & (i < SIZE - 1) & (j > 0) & (j < SIZE - 1)
    out = np.full(len(pixels), np.nan)
    for k in np.flatnonzero(seen):
        out[k] = pixels[k, i[k] - 1 : i[k] + 2, j[k] - 1 : j[k] + 2].mean()
    return out


@pytest.fixture(scope="module")
def open_pictures():
    """Without opacity and without collimation: what is compared is anatomy."""
    sides = {f"collimation_{side}": -0.25 for side in ("left", "right", "top", "bottom")}
    return drawn(300, 0, opacity=-0.3, **sides)


@pytest.mark.parametrize("side", [-1, 1])
def test_lungs_are_darker_than_the_mediastinum(open_pictures, side):
    p, pixels = open_pictures
    v = p["lung_y"] - 0.2
    lung, middle = grey_at(pixels, p, side * p["lung_x"], v), grey_at(pixels, p, np.zeros(len(pixels)), v)
    difference = (middle - lung)[np.isfinite(middle - lung)]
    assert len(difference) > 200
    assert (difference > 0).mean() > 0.97
    assert difference.mean() > 0.3


@pytest.mark.parametrize("side", [-1, 1])
def test_what_lies_below_the_diaphragm_is_brighter_than_the_lung_above_it(open_pictures, side):
    p, pixels = open_pictures
    top = p["diaphragm_y"] - p["diaphragm_dome"]
    above = grey_at(pixels, p, side * p["lung_x"], p["lung_y"] - 0.2)
    below = grey_at(pixels, p, side * p["lung_x"], top + 0.35)
    difference = (below - above)[np.isfinite(below - above)]
    assert len(difference) > 150
    assert (difference > 0).mean() > 0.97


def test_the_heart_lies_to_the_patients_left(open_pictures):
    p, pixels = open_pictures
    beside = p["mediastinum_width"] + 0.1
    right, left = (grey_at(pixels, p, side * beside, p["heart_y"] - 0.1) for side in (-1, 1))
    difference = (left - right)[np.isfinite(left - right)]
    assert len(difference) > 200
    assert difference.mean() > 0.05


def test_collimation_covers_its_border_and_nothing_else():
    _, pixels = drawn(50, 1, collimation_left=0.08, collimation_right=-0.25, border=-0.9)
    assert (pixels[:, :, :2] == np.float32(-0.9)).all()
    assert not (pixels[:, 8:-8, -2:] == np.float32(-0.9)).all(axis=(1, 2)).any()


def test_ribs_can_be_seen_where_they_are_dense():
    """The alternation down the side of the chest grows with the density of ribs."""
    fixed = {"quantum": 0.003, "texture": 0.01, "opacity": -0.3, "rib_spacing": 0.22, "contrast": 1.5}
    rough = []
    for rib in (0.03, 0.18):
        _, pixels = drawn(80, 2, rib=rib, **fixed)
        rough.append(np.abs(np.diff(pixels[:, 6:26], n=2, axis=1)).mean())
    assert rough[1] > 1.3 * rough[0]
