"""A patient's votes have norm 1 over all classes together, every member gets noise, and no record can raise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.privacy.votes import noisy_votes, votes_of
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey

MEMBERS = 12  # six of each of two classes
scans = st.integers(0, 40).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, MEMBERS - 1), min_size=3, max_size=3), min_size=n, max_size=n)
)


def nearest(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.int64).reshape(len(rows), len(rows[0]) if rows else 1)


def counted(patients: dict[str, np.ndarray]) -> np.ndarray:
    """The sum before its noise: what the mechanism's sensitivity is about."""
    return noisy_votes(
        {PatientKey(name): chosen for name, chosen in patients.items()},
        members=MEMBERS,
        noise_multiplier=1.0,
        stream=secure_generator(),
        release=lambda total, std, stream: total,
    )


@given(scans)
def test_a_patient_weighs_at_most_one_however_many_scans_and_classes(rows):
    vector = votes_of(nearest(rows), MEMBERS)
    assert np.linalg.norm(vector) <= 1.0
    assert np.linalg.norm(vector) > (1 - 1e-11 if rows else -1)


def test_norms_of_each_class_alone_are_not_enough():
    """The official library's client level: one patient with a scan in each class moves the histogram by sqrt(2)."""
    both = nearest([[0], [6]])
    one, other = (votes_of(nearest([row]), MEMBERS) for row in ([0], [6]))
    assert np.linalg.norm(one + other) == pytest.approx(2**0.5)  # what must not happen
    np.testing.assert_allclose(votes_of(both, MEMBERS)[[0, 6]], 2**-0.5, rtol=1e-11)


@given(st.lists(scans, max_size=5), scans)
def test_a_patient_more_moves_the_sum_by_at_most_one_and_nobody_elses_votes(others, rows):
    patients = {f"P{i}": nearest(each) for i, each in enumerate(others)}
    without, with_one = counted(patients), counted({**patients, "one more": nearest(rows)})
    moved = with_one - without
    assert np.linalg.norm(moved) <= 1.0 + 1e-12
    np.testing.assert_allclose(moved, votes_of(nearest(rows), MEMBERS), atol=1e-12)


def test_a_scan_twice_is_a_scan_twice_and_not_a_patient_twice():
    once, twice = nearest([[3]]), nearest([[3], [3]])
    assert counted({"P": once})[3] == counted({"P": twice})[3]


def test_every_member_gets_noise_also_those_without_a_vote():
    stream, patients = secure_generator(), {PatientKey("P"): nearest([[0]])}
    drawn = np.array(
        [
            noisy_votes(patients, members=MEMBERS, noise_multiplier=2.0, stream=stream.child(b"%d" % i))
            for i in range(4000)
        ]
    )
    expected = votes_of(patients[PatientKey("P")], MEMBERS)
    # 12 means of 4,000 draws with standard error 0.032, and variances within 5.5 standard errors: false alarm < 1e-6
    np.testing.assert_allclose(drawn.mean(0), expected, atol=5.5 * 2 / 4000**0.5)
    np.testing.assert_allclose(drawn.var(0), 4.0, atol=5.5 * 4 * (2 / 4000) ** 0.5)


@pytest.mark.parametrize("nobody", [{}, {"P": np.zeros((0, 1), np.int64)}])
def test_without_a_vote_the_result_is_noise_of_the_same_shape(nobody):
    assert counted(nobody).tolist() == [0.0] * MEMBERS


@pytest.mark.parametrize("wrong", [-1, MEMBERS])
def test_a_vote_for_no_member_is_refused(wrong):
    """A search that found too few neighbours says -1, which would count for the last member."""
    with pytest.raises(ValueError, match="members 0 to 11"):
        votes_of(nearest([[0, wrong]]), MEMBERS)
