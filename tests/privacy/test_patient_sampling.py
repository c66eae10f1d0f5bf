"""Poisson sampling of patients: each clause of the guarantee."""

import numpy as np
import pytest

from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.randomness import secure_generator, seeded_generator_for_tests
from medsyngen.scan import PatientKey

PATIENTS = [PatientKey(f"patient {i}") for i in range(400)]


def test_every_patient_is_in_with_probability_q_and_independently():
    stream = seeded_generator_for_tests(3)
    steps, q = 400, 0.2
    hits = np.zeros((steps, len(PATIENTS)))
    for t in range(steps):
        for p in draw_patients(PATIENTS, q, stream.child(b"%d" % t)):
            hits[t, PATIENTS.index(p)] = 1
    n = hits.size
    assert abs(hits.mean() - q) < 4 * np.sqrt(q * (1 - q) / n)
    sizes = hits.sum(1)  # Poisson sampling: the sample size varies as a binomial, it is not fixed
    assert sizes.var() == pytest.approx(len(PATIENTS) * q * (1 - q), rel=0.35)
    both = (hits[:, 0::2] * hits[:, 1::2]).mean()
    assert abs(both - q * q) < 5 * q / np.sqrt(n / 2)


def test_removing_a_patient_changes_nobody_elses_coin():
    step = secure_generator()
    whole = draw_patients(PATIENTS, 0.5, step)
    gone = whole[3]
    assert draw_patients([p for p in PATIENTS if p != gone], 0.5, step) == [p for p in whole if p != gone]


def test_the_order_of_the_patients_does_not_matter():
    step = secure_generator()
    assert draw_patients(PATIENTS, 0.5, step) == draw_patients(PATIENTS[::-1], 0.5, step)


def test_an_empty_sample_is_a_sample():
    assert draw_patients(PATIENTS[:2], 1e-9, secure_generator()) == []


def test_rate_one_takes_everyone():
    assert draw_patients(PATIENTS, 1.0, secure_generator()) == sorted(PATIENTS)


@pytest.mark.parametrize("q", [0.0, -0.1, 1.5, float("nan")])
def test_rates_that_mean_nothing_are_refused(q: float):
    with pytest.raises(ValueError, match="sampling_rate"):
        draw_patients(PATIENTS, q, secure_generator())
