"""Known answers of everything that `evaluate` computes, on small sets whose law is known."""

import json

import numpy as np
import pytest
from evaluated_pieces import CLASSES, LINEAR, SETTINGS, TWO, alternating, cohort_of, images

from medsyngen.errors import InputUnusable
from medsyngen.evaluation.described import NULL, DescribedImages, of_patients, public_order
from medsyngen.evaluation.evaluating import SEEN, UNSEEN, evaluate
from medsyngen.evaluation.fidelity import frechet_distance
from medsyngen.evaluation.fidelity_figures import fidelity_figures
from medsyngen.evaluation.kid import kid
from medsyngen.evaluation.labelled import LabelledImages
from medsyngen.evaluation.real_images import RealImages
from medsyngen.evaluation.subgroups import Form, Sides, fidelity_by_group
from medsyngen.evaluation.usefulness import utility_by_attribute
from medsyngen.synthesis.conditioning import Conditioning

RNG = np.random.default_rng(0)
SCANS = images(160, RNG, alternating(160))
HOLDOUT = images(100, RNG, alternating(100))
SYNTHETIC = images(120, RNG, alternating(120), per_patient=1)
NOTHING = Conditioning.of((), ())


def evaluated(synthetic=SYNTHETIC, holdout=HOLDOUT, conditioning=CLASSES):
    others = None if holdout is None else cohort_of(holdout, "H")
    return evaluate(synthetic, cohort_of(SCANS), others, conditioning, settings=SETTINGS).figures


@pytest.fixture(scope="module")
def found():
    return evaluated()


def test_fd_of_a_set_with_itself_is_0_and_with_a_shifted_gaussian_the_closed_form():
    x = RNG.normal(size=(4000, 3))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    shift = np.array([1.0, -0.5, 2.0])
    assert frechet_distance(x, x + shift) == pytest.approx((shift**2).sum())
    # two sets: |m|² + sum (s - t)² for independent coordinates of spread s and t
    y = RNG.normal(size=(4000, 3)) * 2 + shift
    assert frechet_distance(x, y) == pytest.approx((shift**2).sum() + 3, rel=0.1)


def test_fidelity_of_the_real_half_itself_is_perfect_and_of_shifted_pictures_the_closed_form(monkeypatch):
    """Through the whole of `fidelity_figures`, with enough images for FD."""
    monkeypatch.setitem(kid.__kwdefaults__, "resamples", 3)  # its interval is looked at elsewhere
    real = [LabelledImages(pixels, np.zeros(2000, np.int64), np.arange(2000)) for pixels in _noise(3)]
    cut = RealImages(*real)
    same = fidelity_figures(cut.half, cut, Form((1.0,)), plain)
    assert same["fd"] == {"synthetic": pytest.approx(0, abs=1e-8), "floor": pytest.approx(0, abs=0.2), "refused": None}
    assert same["fd"]["floor"] > 1e-3
    assert same["manifold"]["synthetic"] == {"precision": 1, "recall": 1}
    assert same["spectrum_db"]["synthetic"] == 0 < same["spectrum_db"]["floor"]
    assert same["ms_ssim"]["synthetic"] is None  # 6 x 6 pixels hold no window of SSIM
    shifted = LabelledImages(cut.half.pixels + np.float32(0.25), cut.half.classes, cut.half.patients)
    far = fidelity_figures(shifted, cut, Form((1.0,)), plain)
    assert far["fd"]["synthetic"] == pytest.approx(36 * 0.25**2, rel=1e-4)
    assert far["manifold"]["synthetic"]["precision"] < 0.2


def _noise(count):
    return np.random.default_rng(8).normal(0, 0.1, (count, 2000, 1, 6, 6)).astype(np.float32)


def plain(pixels):
    """Features that are the pixels."""
    return pixels.reshape(len(pixels), -1).astype(np.float64)


def test_the_figures_are_json_and_name_backbone_floors_and_test_patients(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["notice"].startswith("INSIDE ONLY")
    assert "lite2" in found["backbones"]["judge"]
    assert found["test_patients"] == {"from": "holdout", "statement": UNSEEN}
    assert found["patients"] == {"scans": 80, "holdout": 50}
    whole = found["fidelity"][0]["figures"]
    assert set(whole["kid_x1000"]) == {"to_test", "to_test_floor", "to_private", "to_private_floor"}
    assert "at least 2000" in whole["fd"]["refused"]
    assert len(found["spectrum"]["synthetic"]) == len(found["spectrum"]["cycles_a_side"]) == 8


def test_the_same_law_stands_at_the_floor_and_shifted_pictures_don_t(found):
    near = found["fidelity"][0]["figures"]["kid_x1000"]["to_test"]
    dark = DescribedImages(SYNTHETIC.pixels - np.float32(0.5), SYNTHETIC.values, SYNTHETIC.patients)
    far = fidelity_by_group(Sides(dark, SCANS, HOLDOUT), CLASSES, SETTINGS.judge)[0]["figures"]["kid_x1000"]["to_test"]
    assert near["low"] < 5 < far["low"]
    assert near["value"] < far["low"]


def test_every_value_of_every_attribute_has_figures_of_its_own():
    sides = Sides(*(images(n, RNG, alternating(n, 2)) for n in (120, 160, 100)))
    wrong = sides.synthetic.pixels.copy()
    wrong[sides.synthetic.values[:, 1] == 1] *= 0.2  # of one sex the pictures are flat
    rows = fidelity_by_group(
        Sides(DescribedImages(wrong, *_rest(sides)), sides.training, sides.test), TWO, SETTINGS.judge
    )
    assert [(row["attribute"], row["value"]) for row in rows] == [
        (None, None),
        ("finding", "normal"),
        ("finding", "opacity"),
        ("sex", "f"),
        ("sex", "m"),
    ]
    by_sex = {row["value"]: row["figures"]["spectrum_db"]["synthetic"] for row in rows[3:]}
    assert by_sex["f"] < 2 < 10 < by_sex["m"]


def _rest(sides):
    return sides.synthetic.values, sides.synthetic.patients


def test_a_group_with_hardly_an_image_is_left_out_with_the_reason():
    few = SYNTHETIC.values.copy()
    few[few[:, 0] == 1] = NULL
    few[:3] = 1
    sparse = DescribedImages(SYNTHETIC.pixels, few, SYNTHETIC.patients)
    rows = fidelity_by_group(Sides(sparse, SCANS, HOLDOUT), CLASSES, SETTINGS.judge)
    assert rows[0]["figures"] is not None  # the whole is compared as one class
    assert rows[2]["figures"] is None
    assert rows[2]["left_out"].startswith("synthetic: ")


def test_tstr_of_real_data_equals_trtr():
    """The very images of the patients in place of synthetic ones: every figure and every interval is equal."""
    (row,) = evaluated(synthetic=of_patients(cohort_of(SCANS), public_order(cohort_of(SCANS)), CLASSES))["utility"]
    assert row["tstr"] == row["trtr"]
    assert 0.75 < row["tstr"]["auc"]["value"] < 1
    assert set(row["tstr"]["classifiers"]) == {each.name for each in LINEAR}
    (other,) = evaluated()["utility"]
    assert other["tstr"] != other["trtr"]  # it isn't one side printed twice
    assert other["trtr"] != row["trtr"]  # of fewer images


def test_tstr_of_the_law_of_real_data_lies_within_the_interval_of_trtr(found):
    """Synthetic images of the very law of the real ones: each figure lies within the other's interval."""
    (row,) = found["utility"]
    assert (row["attribute"], row["positive"], row["left_out"]) == ("class", "opacity", None)
    tstr, trtr = row["tstr"]["auc"], row["trtr"]["auc"]
    assert row["tstr"]["trained_on"] == row["trtr"]["trained_on"] == 120
    assert trtr["low"] <= tstr["value"] <= trtr["high"]
    assert tstr["low"] <= trtr["value"] <= tstr["high"]
    assert tstr["value"] > 0.75
    swapped = DescribedImages(SCANS.pixels, 1 - SCANS.values, SCANS.patients)
    (wrong,) = utility_by_attribute(
        Sides(swapped, SCANS, HOLDOUT), CLASSES, SETTINGS.probe, seeds=1, classifiers=LINEAR
    )
    assert wrong["tstr"]["auc"]["high"] < 0.5 < wrong["trtr"]["auc"]["low"]


def test_utility_within_the_groups_of_other_attributes_and_with_three_values():
    sides = Sides(*(images(n, RNG, alternating(n, 2)) for n in (80, 100, 100)))
    rows = utility_by_attribute(sides, TWO, SETTINGS.probe, seeds=1, classifiers=LINEAR[:1])
    assert [(row["attribute"], row["positive"]) for row in rows] == [("finding", "opacity"), ("sex", "m")]
    assert set(rows[0]["tstr"]["groups"]) == {"sex: f", "sex: m"}
    assert rows[0]["tstr"]["groups"]["sex: f"]["auc"]["value"] > 0.7 > rows[1]["trtr"]["auc"]["value"]
    three = Conditioning.of(("a", "b", "c"), (0.4, 0.4, 0.2))
    rows = utility_by_attribute(sides, three, SETTINGS.probe, seeds=1, classifiers=LINEAR[:1])
    assert [row["positive"] for row in rows] == ["a", "b", "c"]
    assert rows[2]["left_out"].startswith("synthetic: 0 images")


def test_without_hold_out_patients_the_split_is_stated_and_by_patient():
    found = evaluated(holdout=None)
    assert found["test_patients"] == {"from": "split", "statement": SEEN}
    assert found["images"] == {"synthetic": 120, "training": 120, "test": 40}
    assert found["copies"]["test"] is None
    assert found["copies"]["training_patients"] == 80  # all of them were learned from
    assert found["patients"]["holdout"] is None


def test_without_classes_there_is_no_utility():
    bare = [
        DescribedImages(each.pixels, np.full((len(each), 1), NULL), each.patients)
        for each in (SYNTHETIC, SCANS, HOLDOUT)
    ]
    rows = fidelity_by_group(Sides(*bare), NOTHING, SETTINGS.judge)
    assert [(row["attribute"], row["left_out"]) for row in rows] == [(None, None)]
    assert utility_by_attribute(Sides(*bare), NOTHING, SETTINGS.probe, seeds=1) == []


def test_what_does_not_fit_into_memory_is_refused_before_it_is_copied(monkeypatch):
    monkeypatch.setattr("medsyngen.evaluation.memory.free_memory", lambda: (1 << 30) + 50_000 * 300)
    with pytest.raises(InputUnusable, match="380 images of 16 x 16 pixels need"):
        evaluated()


def test_hold_out_patients_must_be_others_and_enough():
    with pytest.raises(InputUnusable, match="50 patients are in --scans and in --holdout"):
        evaluate(SYNTHETIC, cohort_of(SCANS), cohort_of(HOLDOUT), CLASSES, settings=SETTINGS)
    few = cohort_of(HOLDOUT.where(HOLDOUT.patients < 7), "H")
    with pytest.raises(InputUnusable, match="--holdout holds fewer than 8"):
        evaluate(SYNTHETIC, cohort_of(SCANS), few, CLASSES, settings=SETTINGS)
