"""The test for copies: right under its null, and it finds what is planted."""

import numpy as np
import pytest

from medsyngen.evaluation.copying import (
    CopyFigures,
    PatientLots,
    copy_figures,
    joint_p_value,
    power,
    standing_out,
)
from medsyngen.evaluation.neighbours import nearest

TRAINING, HOLDOUT = 30, 20


def real(rng, per_patient=3, width=6):
    """Patients are clusters; images of one are alike."""
    centres = rng.normal(size=(TRAINING + HOLDOUT, width))
    owners = np.repeat(np.arange(TRAINING + HOLDOUT), per_patient)
    return centres[owners] + 0.3 * rng.normal(size=(len(owners), width)), owners


def held(synthetic, rows, owners, seed=0):
    parts = (owners >= TRAINING).astype(np.int64)
    found = nearest(synthetic, rows, owners, parts)
    lots = PatientLots.draw(np.arange(TRAINING + HOLDOUT) < TRAINING, np.random.default_rng(seed), permutations=199)
    return found, lots


def test_under_the_null_p_values_are_those_that_a_true_null_gives():
    """The synthetic images follow the same law; a p of at most 0.1 turns up in a tenth of the cases, and not in more.

    Patients with many near images make counts of images anything but independent: permuting images would fail here.
    """
    rng = np.random.default_rng(1)
    found = []
    for seed in range(200):
        rows, owners = real(rng)
        figures = copy_figures(*held(rng.normal(size=(60, 6)), rows, owners, seed))
        found.append((figures.closer_p, figures.standing_out_p))
    for values in np.array(found).T:
        assert (values <= 0.1).sum() <= 32  # 20 expected; 32 is beyond a binomial's 99.5 %
        assert (values <= 0.5).sum() <= 122
        assert (values <= 0.5).sum() >= 70  # nor is it blind


def test_copies_of_a_few_patients_are_found_by_those_that_stand_out():
    rng = np.random.default_rng(2)
    rows, owners = real(rng)
    plain = rng.normal(size=(300, 6))
    copies = rows[np.arange(8) * 3] + 0.01 * rng.normal(size=(8, 6))
    before = copy_figures(*held(plain, rows, owners))
    after = copy_figures(*held(np.concatenate([plain, copies]), rows, owners))
    assert before.standing_out_p > 0.05
    assert after.standing_out == 10
    assert after.standing_out_share >= 0.8
    assert after.standing_out_p <= 0.02
    assert after.standing_out_p < after.closer_p  # in the whole so few hardly show


def test_a_little_of_everyone_is_found_by_the_share():
    rng = np.random.default_rng(3)
    rows, owners = real(rng)
    training = rows[owners < TRAINING]
    drawn = training[rng.integers(len(training), size=400)] + 0.8 * rng.normal(size=(400, 6))
    figures = copy_figures(*held(drawn, rows, owners))
    assert figures.closer > 0.7
    assert figures.closer_p <= 0.01


def test_copies_of_hold_out_patients_are_no_alarm():
    rng = np.random.default_rng(4)
    rows, owners = real(rng)
    copies = rows[owners >= TRAINING]
    figures = copy_figures(*held(copies, rows, owners))
    assert figures.closer == 0
    assert figures.closer_p == 1


def test_power_tells_how_many_planted_copies_are_found():
    rng = np.random.default_rng(5)
    rows, owners = real(rng)
    found, lots = held(rng.normal(size=(300, 6)), rows, owners)
    planted, _ = held(rows[np.arange(TRAINING) * 3] + 0.01, rows, owners)
    told = power({"a": found}, {"a": planted}, lots, np.random.default_rng(0), plantings=10, numbers=(1, 10, 25, 50))
    assert [row["copies"] for row in told] == [1, 10, 25]  # 50 can't be planted: there are 30 patients
    assert told[0]["found"] <= 0.2  # one copy proves nothing: its patient is a training patient by chance, too
    assert told[-1]["found"] == 1
    assert told[1]["share_of_images"] == pytest.approx(10 / 310)


def test_joint_p_is_bonferroni_s():
    one, two = CopyFigures(0.5, 0.2, 10, 0.5, 0.02), CopyFigures(0.5, 0.9, 10, 0.5, 0.04)
    assert joint_p_value([one, two]) == pytest.approx(0.08)
    assert joint_p_value([two]) == pytest.approx(0.08)
    assert joint_p_value([CopyFigures(0.5, 0.9, 10, 0.5, 0.8)]) == 1


def test_a_p_value_is_never_zero_and_counts_the_truth():
    lots = PatientLots.draw(np.arange(20) < 10, np.random.default_rng(0), permutations=99)
    assert lots.p_value(np.where(np.arange(20) < 10, 5.0, 0.0)) == pytest.approx(0.01)
    assert lots.p_value(np.ones(20)) == 1
    assert (lots.permuted.sum(1) == 10).all()
    with pytest.raises(ValueError, match="training and hold-out"):
        PatientLots.draw(np.ones(4, bool), np.random.default_rng(0))


def test_at_least_ten_stand_out_and_one_in_a_hundred():
    rng = np.random.default_rng(6)
    rows, owners = real(rng)
    for images, expected in ((5, 5), (300, 10), (2000, 20)):
        found, _ = held(rng.normal(size=(images, 6)), rows, owners)
        few = standing_out(found)
        assert len(few) == expected
        assert found.ratio[few].max() <= np.delete(found.ratio, few).min(initial=2)
