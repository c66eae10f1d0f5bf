"""The chest radiograph: organs lie where the parameters say, in the greys they have on film."""

import numpy as np
import pytest

from medsyngen.phantoms.anatomies.chest_frame import frame
from medsyngen.phantoms.anatomies.chest_radiograph import ChestRadiograph
from medsyngen.phantoms.anatomies.chest_vessels import DRAWS, vessels

CHEST = ChestRadiograph()
SIZE = 64
PLAIN = {
    **dict.fromkeys(("shutter_left", "shutter_right", "shutter_top", "shutter_bottom"), -0.2),
    **dict.fromkeys(("opacity", "tube", "central_line", "leads", "pacemaker", "mark", "print", "stomach"), -0.25),
    **{"effusion": -0.5, "breast": -0.05, "chin_y": -1.5},
}
"""Nothing in the picture but anatomy that everybody has."""


def drawn(count, seed, **fixed):
    rng = np.random.default_rng(seed)
    parameters = CHEST.space.draw(count, rng)
    for name, value in fixed.items():
        parameters[name] = np.full(count, float(value))
    return parameters, CHEST.render(parameters, SIZE, rng)[:, 0]


def grey_at(pixels, p, u, v):
    """Mean of 3 x 3 pixels around a place of the patient's frame, NaN outside the picture."""
    x = (u - (p["rotation"] + p["lean"]) * v) * p["zoom"] + p["shift_x"]
    y = v * p["zoom"] + p["shift_y"] + p["rotation"] * x
    i, j = (np.floor((c + 1) / 2 * SIZE).astype(int) for c in (y, x))
    seen = (i > 0) & (i < SIZE - 1) & (j > 0) & (j < SIZE - 1)
    out = np.full(len(pixels), np.nan)
    for k in np.flatnonzero(seen):
        out[k] = pixels[k, i[k] - 1 : i[k] + 2, j[k] - 1 : j[k] + 2].mean()
    return out


def finite(values, least):
    values = values[np.isfinite(values)]
    assert len(values) >= least
    return values


@pytest.fixture(scope="module")
def plain():
    return drawn(300, 0, **PLAIN)


@pytest.mark.parametrize("side", [-1, 1])
def test_lungs_are_darker_than_mediastinum_and_chest_wall(plain, side):
    p, pixels = plain
    v = p["apex_y"] + 0.4
    lung = grey_at(pixels, p, side * (0.5 * (p["mediastinum_width"] + p["cage_width"])), v)
    spine = grey_at(pixels, p, -0.05 - p["turn"], v + 0.25)
    assert (finite(spine - lung, 250) > 0).mean() > 0.97
    assert finite(spine - lung, 250).mean() > 0.4


@pytest.mark.parametrize("side", [-1, 1])
def test_below_the_diaphragm_it_is_brighter_than_in_the_lung(plain, side):
    p, pixels = plain
    lung = grey_at(pixels, p, side * 0.3, p["apex_y"] + 0.4)
    below = grey_at(pixels, p, side * 0.3, p["diaphragm_y"] + 0.15)
    assert (finite(below - lung, 200) > 0).mean() > 0.97
    assert finite(below - lung, 200).mean() > 0.5


def test_the_heart_lies_to_the_patients_left(plain):
    p, pixels = plain
    beside = p["mediastinum_width"] + 0.17
    right, left = (grey_at(pixels, p, side * beside, p["heart_apex_y"] - 0.12) for side in (-1, 1))
    assert finite(left - right, 250).mean() > 0.1


def test_the_right_dome_stands_higher(plain):
    """Just above the middle of the left dome, the right side is below its own when the difference is large."""
    p, pixels = drawn(200, 1, **{**PLAIN, "diaphragm_difference": 0.12, "heart_left": 0.18, "floor_softness": 0.001})
    v = p["diaphragm_y"] - 0.06
    right, left = (grey_at(pixels, p, side * (p["dome_x"] + 0.1), v) for side in (-1, 1))
    assert (finite(right - left, 150) > 0).mean() > 0.9


def pairs(seed, name, low, high, **fixed):
    """The same pictures with one parameter low, and high."""
    out = []
    for value in (low, high):
        p, pixels = drawn(80, seed, **{**PLAIN, **fixed, name: value})
        out.append(pixels)
    return p, out[0], out[1]


def test_gas_in_the_stomach_is_dark_below_the_left_dome():
    p, without, gas = pairs(2, "stomach", -0.25, 0.45)
    dome = p["diaphragm_y"]
    change = grey_at(gas - without, p, p["stomach_x"], dome + 0.12)
    assert finite(change, 60).max() < 1e-3
    assert finite(change, 60).mean() < -0.05
    assert abs(finite(grey_at(gas - without, p, -p["stomach_x"], dome + 0.12), 60)).max() < 0.1


def test_an_effusion_whitens_the_base_of_its_side_only():
    p, dry, wet = pairs(3, "effusion", -0.5, 0.35, effusion_side=1.5)
    left, right = (grey_at(wet - dry, p, side * 0.42, p["diaphragm_y"] - 0.08) for side in (1, -1))
    assert finite(left, 60).mean() > 0.2
    assert abs(finite(right, 60)).mean() < 0.02


def test_ribs_make_the_lungs_alternate_down_the_side():
    _, without, ribs = pairs(4, "rib", 0.045, 0.12, vessels=0.9, quantum=0.001, rib_spacing=0.2)
    rough = [np.abs(np.diff(x[:, 12:44, 14:20].mean(2), n=2, axis=1)).mean() for x in (without, ribs)]
    assert rough[1] > 1.15 * rough[0]


def test_vessels_brighten_the_lungs_most_near_the_hila_and_nothing_below_them():
    p, few, many = pairs(5, "vessels", 0.9, 2.6, floor_softness=0.001, diaphragm_y=0.4)
    change = many - few
    near = [finite(grey_at(change, p, side * 0.25, p["hilum_y"]), 70).mean() for side in (-1, 1)]
    above = [finite(grey_at(change, p, side * 0.45, p["apex_y"] + 0.25), 60).mean() for side in (-1, 1)]
    assert min(near) > 2 * max(above) > 0
    abdomen = grey_at(change, p, p["dome_x"], np.full(80, 0.5))
    assert abs(finite(abdomen, 60)).max() < 0.01


def test_the_trees_of_vessels_lie_around_the_hila_in_both_lungs():
    rng = np.random.default_rng(0)
    p = CHEST.space.columns(CHEST.space.draw(50, rng))
    f = frame(p, SIZE)
    tree = vessels(p, f, rng.random((50, DRAWS, 2), dtype=np.float32))
    total = tree.sum(axis=(1, 2))
    height = (tree * f.v).sum(axis=(1, 2)) / total
    assert np.abs(height - p["hilum_y"][:, 0, 0]).mean() < 0.12
    right = (tree * f.right).sum(axis=(1, 2)) / total
    assert 0.4 < right.mean() < 0.6


def test_a_pacemaker_is_white_where_it_is_put():
    p, without, case = pairs(6, "pacemaker", -0.25, 0.15, pacemaker_size=0.14)
    change = grey_at(case - without, p, p["pacemaker_x"], p["clavicle_y"] + 0.22)
    assert finite(change, 70).mean() > 0.1


def test_the_mark_is_at_the_patients_left_shoulder():
    _, without, marked = pairs(7, "mark", -0.25, 1.0)
    change = np.abs(marked - without).max(axis=0)
    assert change[:, 44:].max() > 0.5
    assert change[:, :40].max() < 0.05


def test_air_beside_the_neck_is_black(plain):
    _, pixels = drawn(200, 8, **{**PLAIN, "shoulder_y": -0.63, "trapezius": 0.1, "zoom": 1.02, "shift_y": 0.1})
    corners = np.concatenate([pixels[:, 2, 2], pixels[:, 2, -3]])
    assert np.median(corners) < -0.6


def test_pictures_drawn_in_parts_differ_as_pictures_drawn_together_do(monkeypatch):
    """More pictures than are drawn at once: no two alike, none left out."""
    monkeypatch.setattr("medsyngen.phantoms.anatomies.chest_radiograph.PIXELS_AT_ONCE", 3 * 16 * 16)
    parameters = {name: np.repeat(v, 7) for name, v in CHEST.space.draw(1, np.random.default_rng(0)).items()}
    pixels = CHEST.render(parameters, 16, np.random.default_rng(1))
    assert pixels.std(axis=(1, 2, 3)).min() > 0.1
    assert all(np.abs(pixels[i] - pixels[j]).max() > 1e-3 for i in range(7) for j in range(i))
