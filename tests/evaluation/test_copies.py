import json

import numpy as np
from bench_pieces import cheap_features
from evaluated_pieces import alternating, images

from medsyngen.evaluation.copies import NO_HOLDOUT, PAIRS, find_copies, flat

RNG = np.random.default_rng(0)
TRAINING = images(60, RNG, alternating(60))
HOLDOUT = images(60, RNG, alternating(60))
OTHERS = images(80, RNG, alternating(80)).pixels


def test_planted_copies_are_found_and_shown():
    copied = TRAINING.pixels[::2][:25]
    mixed = np.concatenate([OTHERS, np.clip(copied + RNG.normal(0, 0.02, copied.shape), -1, 1)]).astype(np.float32)
    clean, dirty = (find_copies(each, TRAINING, HOLDOUT, cheap_features) for each in (OTHERS, mixed))
    assert clean.figures["test"]["p_value"] > 0.05
    assert dirty.figures["test"]["p_value"] <= 0.05
    assert dirty.figures["test"]["figures"]["pixels"]["standing_out_share"] == 1
    shown = dirty.pairs
    assert shown.shape == (PAIRS, 3, 16, 16)
    by_pixels = shown[: PAIRS // 2]
    assert np.sqrt(((by_pixels[:, 0] - by_pixels[:, 1]) ** 2).mean(axis=(1, 2))).max() < 0.03
    assert np.sqrt(((by_pixels[:, 0] - by_pixels[:, 2]) ** 2).mean(axis=(1, 2))).min() > 0.1
    of_patients = dirty.figures["per_patient"]["pixels"]
    assert of_patients["training"]["smallest_ratios"][0] < 0.2 < of_patients["holdout"]["smallest_ratios"][0]


def test_figures_are_json_without_a_name_and_state_null_and_power():
    figures = find_copies(OTHERS, TRAINING, HOLDOUT, cheap_features).figures
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    test = figures["test"]
    assert "exchangeable" in test["null"]
    assert test["expected_share"] == 0.5
    assert [row["copies"] for row in test["power"]] == [1, 2, 5, 10, 20]  # there are 30 training patients
    assert test["power"][-1]["found"] > test["power"][0]["found"]
    assert figures["planted"]["found_as_own"]["pixels"] == 1
    assert figures["distances"]["pixels"]["training"]["smallest"] > 0


def test_without_hold_out_patients_there_is_no_p_value_but_the_pairs_are_there():
    found = find_copies(OTHERS, TRAINING, None, cheap_features)
    assert found.figures["test"] is None
    assert found.figures["left_out"] == NO_HOLDOUT
    assert found.pairs.shape == (PAIRS, 2, 16, 16)
    assert set(found.figures["per_patient"]["pixels"]) == {"training"}


def test_distances_of_pixels_are_root_mean_squares():
    a, b = np.zeros((1, 1, 4, 4), np.float32), np.full((1, 1, 4, 4), 0.5, np.float32)
    assert np.linalg.norm(flat(a) - flat(b)) == 0.5


def test_large_images_are_averaged_and_still_told_apart():
    large = RNG.uniform(-1, 1, (3, 1, 64, 96)).astype(np.float32)
    rows = flat(large)
    assert rows.shape == (3, 1024)
    np.testing.assert_allclose(rows.sum(1) / 32, large.mean(axis=(1, 2, 3)), atol=1e-5)
    assert np.linalg.norm(rows[0] - rows[1]) > 0.1
