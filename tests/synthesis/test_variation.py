"""Populations: images, classes and places go together."""

import numpy as np
import pytest

from medsyngen.synthesis.variation import Population

IMAGES = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)


def test_members_are_taken_with_their_class_and_place():
    taken = Population(IMAGES, np.arange(4), np.arange(8.0).reshape(4, 2)).take(np.array([3, 3, 0]))
    assert taken.pixels.ravel().tolist() == [3, 3, 0]
    assert taken.classes.tolist() == [3, 3, 0]
    assert taken.places is not None
    assert taken.places.tolist() == [[6, 7], [6, 7], [0, 1]]
    assert len(taken) == 3


def test_images_alone_stay_alone():
    assert Population(IMAGES, np.arange(4)).take(np.array([1])).places is None


@pytest.mark.parametrize(("classes", "places"), [(3, None), (4, 3)])
def test_what_is_not_of_the_same_number_is_refused(classes, places):
    with pytest.raises(ValueError, match="different numbers"):
        Population(IMAGES, np.zeros(classes, np.int64), None if places is None else np.zeros((places, 2)))
