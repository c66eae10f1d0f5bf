from dataclasses import replace

import numpy as np
import pytest
import torch
from bench_pieces import cheap_features, simulated

from medsyngen.evaluation.auc import auc
from medsyngen.evaluation.classifiers import CLASSIFIERS, ClassifierInputs, train_classifier
from medsyngen.evaluation.labelled import LabelledImages
from medsyngen.evaluation.utility import train_and_test

# The same networks and laws, fewer and larger steps: the published ones take seconds each.
QUICK = tuple(replace(each, steps=40, learning_rate=1e-2) for each in CLASSIFIERS)
LINEAR = QUICK[:2]


def blobs(n, seed, apart=1.0, per_patient=1, labels=None):
    """Pictures whose mean tells the class, with noise."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 2 if labels is None else labels
    patients = np.arange(n) // per_patient
    shift = apart * 0.25 * (2 * classes - 1) / 8
    pixels = rng.normal(0, 0.25, (n, 1, 8, 8)) + shift[:, None, None, None]
    images = LabelledImages(pixels.astype(np.float32), classes.astype(np.int64), patients.astype(np.int64))
    return ClassifierInputs(images, images.pixels.reshape(n, -1).astype(np.float64))


def found(train, test, seed=0, **options):
    options = {"classifiers": LINEAR, "seeds": 1, "resamples": 50, **options}
    return train_and_test(train, test, rng=np.random.default_rng(seed), **options)


@pytest.mark.parametrize("settings", QUICK, ids=lambda s: s.name)
def test_each_classifier_learns_what_is_there_and_nothing_else(settings):
    predict = train_classifier(settings, blobs(300, 0), classes=2, seed=0)
    test = blobs(300, 1)
    p = predict(test)
    np.testing.assert_allclose(p.sum(1), 1)
    # Means at +-1 of a noise of 1: the best classifier reaches Phi(sqrt 2) = 0.921.
    assert 0.8 < auc(p[:, 1], test.images.classes == 1) < 0.96
    shuffled = blobs(300, 0, labels=np.random.default_rng(2).integers(0, 2, 300), apart=0)
    blind = train_classifier(settings, shuffled, classes=2, seed=0)(test)
    assert 0.3 < auc(blind[:, 1], test.images.classes == 1) < 0.7


@pytest.mark.parametrize("settings", QUICK, ids=lambda s: s.name)
def test_a_seed_repeats(settings):
    train, test = blobs(60, 0), blobs(20, 1)
    torch.rand(1)  # whatever else was drawn
    one, again, other = (train_classifier(settings, train, classes=2, seed=s)(test) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0


def test_the_shares_of_the_training_set_do_not_tilt_the_classifier():
    labels = (np.arange(400) % 10 == 0).astype(np.int64)  # one in ten is positive
    predict = train_classifier(QUICK[0], blobs(400, 0, labels=labels), classes=2, seed=0)
    test = blobs(400, 1)
    said = predict(test)[:, 1] > 0.5
    assert 0.35 < said.mean() < 0.65


def test_real_data_against_itself_is_the_same_twice():
    """TSTR of the real images equals TRTR."""
    train, test = blobs(100, 0), blobs(80, 1)
    one, two = found(train, test), found(train, test)
    assert one == two
    assert one.trained_on == 100
    told = one.to_json()
    assert set(told["classifiers"]) == {settings.name for settings in LINEAR}
    mean = np.mean([each["auc"]["value"] for each in told["classifiers"].values()])
    assert told["auc"]["value"] == pytest.approx(mean)
    assert told["auc"]["low"] < told["auc"]["value"] < told["auc"]["high"]


def test_figures_are_those_of_the_predictions():
    train, test = blobs(100, 0), blobs(81, 1)
    utility = found(train, test, classifiers=QUICK[:1])
    scores = train_classifier(QUICK[0], train, classes=2, seed=0)(test)[:, 1]
    truth = test.images.classes == 1
    assert utility.overall["auc"].value == pytest.approx(auc(scores, truth))
    right = (scores > 0.5) == truth
    assert utility.overall["accuracy"].value == pytest.approx(right.mean())
    assert utility.overall["balanced_accuracy"].value == pytest.approx((right[truth].mean() + right[~truth].mean()) / 2)


@pytest.mark.slow
def test_intervals_cover_at_about_the_stated_rate():
    """The classifier is fixed; over many test sets its interval holds the AUC of the whole law."""
    train = blobs(200, 0)
    quick = {"classifiers": QUICK[:1], "resamples": 200}
    truth = found(train, blobs(20_000, 1), **{**quick, "resamples": 2}).overall["auc"].value
    intervals = [found(train, blobs(80, 100 + i), seed=i, **quick).overall["auc"] for i in range(12)]
    assert sum(i.low <= truth <= i.high for i in intervals) >= 9
    assert 0.05 < np.mean([i.high - i.low for i in intervals]) < 0.25


def test_images_of_one_patient_widen_the_interval():
    train = blobs(100, 0)
    # The same 200 test images, once each of a patient of its own, once ten copies of twenty.
    twenty = blobs(20, 3)
    index = np.repeat(np.arange(20), 10)
    images = twenty.images[index]
    alone = LabelledImages(images.pixels, images.classes, np.arange(200))
    widths = []
    for each in (alone, images):
        interval = found(train, ClassifierInputs(each, twenty.features[index]), resamples=300).overall["accuracy"]
        widths.append(interval.high - interval.low)
    assert widths[1] > 2 * widths[0]


def test_seeds_are_part_of_the_interval_and_progress_is_told():
    told = []
    utility = found(
        blobs(60, 0),
        blobs(60, 1),
        seeds=2,
        progress=lambda phase, done, total: told.append((phase, done, total)),
        phase="trained on synthetic images",
    )
    assert utility.seeds == 2
    assert told == [("trained on synthetic images", i, 4) for i in (1, 2, 3, 4)]


def test_a_missing_class_is_refused():
    good, bad = blobs(10, 0), blobs(10, 0, labels=np.zeros(10, np.int64))
    for train, test in ((good, bad), (bad, good), (good, blobs(10, 0, labels=np.arange(10) % 3))):
        with pytest.raises(ValueError, match="both classes"):
            found(train, test)


@pytest.mark.slow
def test_the_three_learn_the_simulated_hospital():
    sides = []
    for seed in (0, 1):
        images = simulated(250, seed, size=28)
        sides.append(ClassifierInputs(images, cheap_features(images.pixels)))
    utility = found(*sides, classifiers=CLASSIFIERS)
    assert utility.each["small CNN"]["auc"].value > 0.9
    assert utility.each["logistic regression on pixels"]["auc"].value > 0.9
