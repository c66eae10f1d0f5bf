"""Label maps as levels: there and back, and the background between its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.formats.label_codes import MOST_LABELS, label_levels, to_labels, to_levels


@given(st.integers(2, MOST_LABELS), st.floats(-0.99, 0.99), st.integers(0, 99))
def test_any_level_nearer_to_a_label_than_to_others_is_that_label(values, share, seed):
    labels = np.random.default_rng(seed).integers(0, values, (3, 4, 5))
    half = 1 / (values - 1)
    assert (to_labels((to_levels(labels, values) + share * half).astype(np.float32), values) == labels).all()


def test_the_background_lies_between_the_first_two_labels():
    assert label_levels(3).tolist() == [0, -1, 1]
    assert label_levels(2).tolist() == [-1, 1]
    assert sorted(label_levels(5).tolist()) == [-1, -0.5, 0, 0.5, 1]
    levels = label_levels(5)
    assert levels[1] < levels[0] < min(levels[2:])


def test_numbers_beyond_all_levels_are_the_outermost_labels():
    assert to_labels(np.array([-7, 7], np.float32), 3).tolist() == [1, 2]
    assert to_labels(np.array([0.1], np.float32), 3).dtype == np.uint8


def test_what_is_no_map_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        to_labels(np.array([np.nan], np.float32), 3)
    for values in (1, MOST_LABELS + 1):
        with pytest.raises(ValueError, match="values"):
            label_levels(values)
