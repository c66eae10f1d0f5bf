"""Points drawn into pictures: weight is kept, and lies where the point lies."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.phantoms.splatting import curve, splat


def points(*values):
    return np.array([values], np.float32)


@given(x=st.floats(1, 14.9), y=st.floats(1, 14.9), weight=st.floats(0.1, 5))
def test_weight_and_centre_of_mass_are_the_points(x, y, weight):
    picture = splat(points(x), points(y), points(weight), 16)[0]
    assert picture.dtype == np.float32
    centre = np.arange(16) + 0.5
    np.testing.assert_allclose(picture.sum(), weight, rtol=1e-5)
    np.testing.assert_allclose((picture.sum(0) @ centre) / weight, x, rtol=1e-4)
    np.testing.assert_allclose((picture.sum(1) @ centre) / weight, y, rtol=1e-4)


def test_points_outside_leave_nothing_and_do_not_wrap_around():
    far = splat(points(-5, 40, 8, 8), points(8, 8, -3, 99), points(1, 1, 1, 1), 16)
    assert not far.any()
    half = splat(points(0.0), points(8.5), points(1), 16)[0]  # on the edge: half a point is seen
    np.testing.assert_allclose(half[8, 0], 0.5, atol=1e-6)
    np.testing.assert_allclose(half.sum(), 0.5, atol=1e-6)


def test_each_picture_holds_its_own_points():
    x, y = np.array([[4.5], [10.5]], np.float32), np.array([[3.5], [12.5]], np.float32)
    pictures = splat(x, y, np.ones((2, 1), np.float32), 16)
    assert pictures[0, 3, 4] == pictures[1, 12, 10] == 1
    assert pictures.sum() == 2


def test_a_curve_starts_and_ends_at_its_controls_and_a_straight_one_is_straight():
    controls = np.array([[[[0, 0], [1, 2], [2, 4], [3, 6]]]], np.float32)
    x, y = curve(controls, 7)
    assert x.shape == (1, 1, 7)
    np.testing.assert_allclose(x[0, 0], np.linspace(0, 3, 7), atol=1e-6)
    np.testing.assert_allclose(y, 2 * x, atol=1e-6)
    bent = np.array([[[[0, 0], [0, 4], [4, 4], [4, 0]]]], np.float32)
    x, y = curve(bent, 3)
    np.testing.assert_allclose([x[0, 0, 1], y[0, 0, 1]], [2, 3], atol=1e-6)  # de Casteljau by hand
