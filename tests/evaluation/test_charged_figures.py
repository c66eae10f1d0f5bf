"""What may be bought: every entry of every patient in [0, 1], the norm bounded by C, the rest refused with reasons."""

import math

import numpy as np
import pytest
from bench_pieces import cheap_features
from evaluated_pieces import LINEAR, alternating, cohort_of, images
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.errors import UsageError
from medsyngen.evaluation.charged_figures import OFFERED, REFUSED, ChargedVector, check_asked, figures_of
from medsyngen.evaluation.charged_pieces import correct_by, covered_by
from medsyngen.evaluation.manifold import precision_recall

RNG = np.random.default_rng(0)
SYNTHETIC = images(80, RNG, alternating(80), per_patient=1)
SCANS = images(60, RNG, alternating(60))
COVERED = covered_by(SYNTHETIC.pixels, cheap_features)
CORRECT = correct_by(SYNTHETIC.by(0), cheap_features, classes=2, seeds=1, classifiers=LINEAR)
VECTOR = ChargedVector(tuple(OFFERED), ("normal", "opacity"), COVERED, CORRECT)


@pytest.mark.parametrize("name", REFUSED)
def test_figures_without_a_proof_are_refused_with_the_reason(name):
    with pytest.raises(UsageError) as refused:
        check_asked(["recall", name.upper()])
    assert refused.value.details == (REFUSED[name],)
    assert "patients" in refused.value.do


def test_what_is_asked_counts_once_and_something_must_be():
    assert check_asked([" recall", "Recall", "labels"]) == ("recall", "labels")
    for wrong in ([], [" "], ["fid"]):
        with pytest.raises(UsageError, match="sums over patients"):
            check_asked(wrong)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_no_record_adds_more_than_c(scans, seed):
    """Whatever the pixels and labels are, the null class among them."""
    rng = np.random.default_rng(seed)
    pixels = rng.choice([-1.0, 0.0, 1.0], (scans, 1, 16, 16)).astype(np.float32)
    row = VECTOR(PatientRecord(pixels, rng.integers(0, 3, scans)))
    assert row.shape == (len(VECTOR.entries),) == (8,)
    assert (row.min(), row.max()) >= (0, 0)
    assert row.max() <= 1
    assert row.norm() <= VECTOR.clipping_norm == math.sqrt(8)


def test_a_patient_s_entries_depend_on_that_patient_alone():
    record = next(iter(cohort_of(SCANS).values()))
    one = VECTOR(record)
    for other in cohort_of(SCANS).values():
        VECTOR(other)
    assert (VECTOR(record) == one).all()


def test_without_noise_the_quotients_are_the_means_over_patients():
    cohort = cohort_of(SCANS)
    total = sum(VECTOR(record) for record in cohort.values()).numpy()
    found = figures_of(VECTOR, total / 40, 0.0, 40)
    assert found["patients"]["value"] == pytest.approx(30)
    by_patient = [COVERED(record.pixels).mean() for record in cohort.values()]
    assert found["recall"]["value"] == pytest.approx(np.mean(by_patient))
    # every patient has as many images, so this is the recall over all images as well
    recall = precision_recall(cheap_features(SYNTHETIC.pixels), cheap_features(SCANS.pixels)).recall
    assert found["recall"]["value"] == pytest.approx(recall)
    assert found["share of opacity"]["value"] == pytest.approx(0.5)
    right = CORRECT(SCANS.pixels, SCANS.values[:, 0])
    assert found["accuracy on opacity"]["value"] == pytest.approx(right[SCANS.values[:, 0] == 1].mean())
    assert found["accuracy on opacity"]["value"] > 0.6


def test_the_noise_that_is_told_is_about_the_noise_that_is_there():
    cohort = cohort_of(SCANS)
    total = sum(VECTOR(record) for record in cohort.values()).numpy() / 40
    rng = np.random.default_rng(1)
    values = [figures_of(VECTOR, total + rng.normal(0, 0.02, 8), 0.02, 40)["recall"] for _ in range(400)]
    spread = np.std([each["value"] for each in values])
    assert spread == pytest.approx(np.mean([each["noise"] for each in values]), rel=0.3)


def test_what_is_lost_in_the_noise_is_no_figure():
    told = figures_of(VECTOR, np.full(8, 0.1), 0.2, 40)
    assert told["recall"] == {"value": None, "noise": None, "of": "mean over patients"}
    assert told["patients"]["value"] == pytest.approx(4)


def test_entries_that_need_pieces_need_them():
    assert ChargedVector(("patients",), ()).entries == ("patients",)
    for asked in (("recall",), ("accuracy",)):
        with pytest.raises(ValueError, match="needs"):
            ChargedVector(asked, ("a", "b"))
    with pytest.raises(ValueError, match="every class"):
        correct_by(SYNTHETIC.having(0, 1).by(0), cheap_features, classes=2)
