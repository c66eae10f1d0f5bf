"""The thorax slice: air is dark, bone is bright, and organs lie where the parameters say."""

import numpy as np
import pytest

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.source import draw_phantoms

THORAX = phantom("thorax_ct")
SIZE = 48
CLEAN = {
    "noise": 2.0,
    "cutoff": 0.9,
    "sharpness": 0.0,
    "opacity": -0.5,
    "effusion": -0.8,
    "body_skew": 0.0,
    "black": -1.0,
}
MEDIASTINAL, LUNG = {"window_low": -150.0, "window_high": 250.0}, {"window_low": -1350.0, "window_high": 250.0}


def drawn(count, seed, **fixed):
    rng = np.random.default_rng(seed)
    parameters = THORAX.space.draw(count, rng)
    for name, value in (CLEAN | fixed).items():
        parameters[name] = np.full(count, value)
    return parameters, THORAX.render(parameters, SIZE, rng)[:, 0]


def grey_at(pixels, p, u, v):
    """The pixel at a place in body coordinates, by the inverse of the pose; NaN outside the picture."""
    cos, sin = np.cos(p["rotation"]), np.sin(p["rotation"])
    x = (u * cos - v * sin) * p["zoom"] + p["shift_x"]
    y = (u * sin + v * cos) * p["zoom"] + p["shift_y"]
    i, j = (np.floor((c + 1) / 2 * SIZE).astype(int) for c in (y, x))
    seen = (i >= 0) & (i < SIZE) & (j >= 0) & (j < SIZE)
    out = np.full(len(pixels), np.nan)
    out[seen] = pixels[np.flatnonzero(seen), i[seen], j[seen]]
    return out


def vertebral_body(p):
    return p["depth"] - p["fat"] - 0.5 + 0.85 * p["vertebra"]


def share(condition, known):
    return condition[np.isfinite(known)].mean()


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("window", [MEDIASTINAL, LUNG], ids=["mediastinal", "lung"])
def test_lungs_are_darker_than_the_mediastinum(side, window):
    p, pixels = drawn(150, 0, level=0.5, mediastinal_fat=0.0, vessels=0.2, **window)
    lung, middle = (grey_at(pixels, p, np.full(150, u), np.full(150, -0.2)) for u in (side * 0.55, -0.02))
    assert share(middle - lung > 0.4, middle - lung) > 0.97


def test_the_lung_shows_its_hounsfield_units():
    p, pixels = drawn(
        150, 1, level=0.5, lung=-850.0, lung_gradient=0.0, vessels=0.2, window_low=-1400.0, window_high=200.0
    )
    lung = np.nanmedian(grey_at(pixels, p, np.full(150, -0.55), np.full(150, 0.0)))
    assert (lung + 1) / 2 * 1600 - 1400 == pytest.approx(-850, abs=30)


def test_the_vertebra_is_bright_and_lies_behind_with_a_dark_canal():
    p, pixels = drawn(
        150, 2, level=0.5, blood=40.0, mediastinal_fat=0.0, vertebra=0.14, window_low=-150.0, window_high=500.0
    )
    middle = np.zeros(150)
    body = grey_at(pixels, p, middle, vertebral_body(p))
    in_front = grey_at(pixels, p, middle, vertebral_body(p) - 0.35)
    canal = grey_at(pixels, p, middle, vertebral_body(p) + 1.35 * p["vertebra"])
    assert (vertebral_body(p) > 0).all()
    assert share(body > in_front, body) > 0.95
    assert share(body > canal, body) > 0.95


def test_the_skin_lies_on_fat_and_the_fat_on_muscle():
    p, pixels = drawn(150, 3, level=0.5, fat=0.12, muscle=0.15, breast=-0.25, rib_share=0.3, zoom=0.8, **LUNG)
    out, fat, muscle = (grey_at(pixels, p, np.full(150, u), np.zeros(150)) for u in (-1.1, -0.95, -0.78))
    assert np.nanmedian(out) < np.nanmedian(fat) < np.nanmedian(muscle)
    assert np.nanmedian(fat) == pytest.approx((-100 + 1350) / 1600 * 2 - 1, abs=0.06)
    assert np.nanmedian(out) == pytest.approx((-1000 + 1350) / 1600 * 2 - 1, abs=0.03)


def test_the_heart_lies_to_the_patients_left_which_is_the_right_of_the_picture():
    p, pixels = drawn(150, 4, level=0.7, heart_x=0.22, dome_right=-0.15, dome_left=-0.35, vessels=0.2, **MEDIASTINAL)
    left, right = (grey_at(pixels, p, np.full(150, u), np.full(150, -0.15)) for u in (0.4, -0.4))
    assert share(left > right + 0.3, left - right) > 0.95


def test_the_liver_rises_under_the_right_lung_at_the_lowest_levels_only():
    shares = []
    for level in (0.6, 1.0):
        p, pixels = drawn(100, 5, level=level, dome_right=0.6, vessels=0.2, **MEDIASTINAL)
        liver = grey_at(pixels, p, np.full(100, -0.5), np.zeros(100))
        shares.append(share(liver > -0.5, liver))
    assert shares[0] < 0.1
    assert shares[1] > 0.9


def test_the_trachea_holds_air_above_the_carina_and_no_more_below():
    dark = []
    for level in (0.25, 0.65):
        p, pixels = drawn(100, 6, level=level, trachea=0.065, zoom=1.05, **MEDIASTINAL)
        airway = grey_at(pixels, p, np.zeros(100), np.full(100, 0.06))
        dark.append(share(airway < -0.6, airway))
    assert dark[0] > 0.9
    assert dark[1] < 0.3


def test_contrast_medium_brightens_the_aorta_and_leaves_the_lung_as_it_is():
    grey = []
    for blood in (40.0, 300.0):
        p, pixels = drawn(60, 7, level=0.6, aorta=0.1, blood=blood, window_low=-400.0, window_high=400.0)
        place = p["depth"] - p["fat"] - 0.52
        grey.append((grey_at(pixels, p, np.full(60, 0.13), place), grey_at(pixels, p, np.full(60, -0.6), place)))
    assert np.nanmedian(grey[1][0] - grey[0][0]) > 0.4
    assert abs(np.nanmedian(grey[1][1] - grey[0][1])) < 0.02


def test_a_nodule_lies_where_its_parameters_say():
    fixed = {"level": 0.5, "vessels": 0.2, "opacity_x": -0.55, "opacity_y": 0.0} | LUNG
    without = drawn(60, 8, **fixed)
    p, pixels = drawn(60, 8, **fixed | {"opacity": 0.2})
    change = [grey_at(pixels - without[1], p, np.full(60, u), np.zeros(60)) for u in (-0.55, 0.65)]
    assert np.nanmedian(change[0]) > 0.8
    assert abs(np.nanmedian(change[1])) < 0.02


def test_fluid_gathers_behind_the_lung():
    p, pixels = drawn(80, 9, level=0.5, vessels=0.2, effusion=0.3, rotation=0.0, **LUNG)
    behind = p["depth"] - 1.2 * p["fat"] - p["muscle"] - 0.12
    fluid, air = (grey_at(pixels, p, np.full(80, -0.4), v) for v in (behind, np.full(80, -0.1)))
    assert share(fluid > air + 0.5, fluid - air) > 0.95


def test_the_table_lies_behind_the_body_and_nowhere_else():
    fixed = {"table_gap": 0.05, "zoom": 0.8, "shift_y": -0.12, "rotation": 0.0, "breast": -0.25} | LUNG
    _, with_table = drawn(60, 10, table=1.0, **fixed)
    p, without = drawn(60, 10, table=-0.6, **fixed)
    changed = np.abs(with_table - without) > 0.05
    assert changed.any(axis=(1, 2)).mean() > 0.95
    rows = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    in_front = rows[None, :, None] < (p["shift_y"] + 0.5 * p["depth"] * p["zoom"])[:, None, None]
    assert not (changed & in_front).any()


@pytest.mark.realdata
@pytest.mark.slow
def test_it_is_nearer_to_real_chests_than_dead_leaves_are(real_data):
    """The chest levels of the set (seven of its 24 slices run through the abdomen), each in two windows."""
    from medsyngen.cohort.transforms import ScanForm, preprocessing
    from medsyngen.evaluation.features import lite0_features
    from medsyngen.evaluation.fidelity import kernel_distance

    abdomen = {"0011", "0012", "0017", "0022", "0047", "0084", "0085"}
    files = [f for f in sorted((real_data / "dicom_ct_tcga_luad_dev").glob("*.dcm")) if f.name[3:7] not in abdomen]
    real = []
    for window in ((-160.0, 240.0), (-1000.0, 400.0)):
        read = preprocessing(ScanForm(modalities=("CT",), size=64, window=window))
        real += [np.asarray(read({"image": str(file)})["image"]) for file in files]
    features = lite0_features(np.asarray(real, np.float32))
    near, far = (
        kernel_distance(lite0_features(draw_phantoms(source, 120, 64, np.random.default_rng(0))), features)
        for source in (THORAX, phantom("dead_leaves"))
    )
    assert near < 0.6 * far
