import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.evaluation.labelled import LabelledImages, at_shares, one_of_each_first

LABELS = st.lists(st.integers(0, 2), max_size=60).map(lambda x: np.array(x, np.int64))


@given(LABELS, st.integers(0, 50))
def test_shares_hold_and_no_more_could_be_taken(classes, most):
    shares = (0.5, 0.3, 0.2)
    index = at_shares(classes, shares, most)
    counts, there = np.bincount(classes[index], minlength=3), np.bincount(classes, minlength=3)
    n = len(index)
    assert n <= most
    assert (np.abs(counts - n * np.array(shares)) < 1).all()
    assert list(index) == sorted(set(index))
    assert n == most or any(there[c] <= counts[c] + 1 for c in range(3))  # a class is used up


def test_the_first_of_each_class_are_taken():
    assert list(at_shares(np.array([0, 0, 0, 1, 1, 1]), (0.5, 0.5), 4)) == [0, 1, 3, 4]
    assert list(at_shares(np.array([0, 1, 1, 1, 1]), (0.25, 0.75), 100)) == [0, 1, 2, 3, 4]
    assert len(at_shares(np.array([0, 0]), (0.5, 0.5), 100)) == 1  # 0.5 of one image rounds to one and none


@given(st.lists(st.integers(0, 4), max_size=30).map(lambda x: np.array(x, np.int64)))
def test_every_patient_comes_once_before_any_comes_twice(patients):
    order = one_of_each_first(patients)
    assert sorted(order) == list(range(len(patients)))
    often = [int((patients[order[: i + 1]] == patients[order[i]]).sum()) for i in range(len(order))]
    assert often == sorted(often)
    for patient in set(patients.tolist()):  # a patient's own images keep their order
        own = [i for i in order if patients[i] == patient]
        assert own == sorted(own)


def test_parts_and_counts():
    images = LabelledImages(np.zeros((3, 1, 2, 2), np.float32), np.array([1, 1, 0]), np.array([7, 8, 8]))
    assert images.per_class(3) == [1, 2, 0]
    part = images[np.array([2, 0])]
    assert (len(part), part.classes.tolist(), part.patients.tolist()) == (2, [0, 1], [8, 7])
    with pytest.raises(ValueError, match="one class"):
        LabelledImages(images.pixels, images.classes[:2], images.patients)
