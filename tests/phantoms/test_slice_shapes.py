"""Soft shapes: as much of the picture as geometry says, on any grid, in the place asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.phantoms.anatomies.slice_shapes import chunks, cover, crop, ellipse, paint, pose, swell


def grid(size):
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    return np.broadcast_to(axis, (1, size, size)).copy(), np.broadcast_to(axis[:, None], (1, size, size)).copy()


def column(value):
    return np.full((1, 1, 1), value, np.float32)


@given(
    a=st.floats(0.15, 0.5),
    b=st.floats(0.15, 0.5),
    x=st.floats(-0.4, 0.4),
    y=st.floats(-0.4, 0.4),
    turn=st.floats(-3, 3),
)
def test_an_ellipse_covers_pi_a_b_around_its_centre(a, b, x, y, turn):
    u, v = grid(64)
    part = ellipse(u, v, (column(x), column(y)), (column(a), column(b)), 2 / 64, column(turn))
    area = part.sum() * (2 / 64) ** 2
    assert area == pytest.approx(np.pi * a * b, rel=0.06)
    assert (part * u).sum() / part.sum() == pytest.approx(x, abs=0.01)
    assert (part * v).sum() / part.sum() == pytest.approx(y, abs=0.01)


def test_tilt_turns_the_first_axis_towards_the_second():
    u, v = grid(64)
    part = ellipse(u, v, (0.0, 0.0), (column(0.6), column(0.1)), 2 / 64, np.pi / 4)
    assert (part * u * v).sum() > 0
    straight = ellipse(u, v, (0.0, 0.0), (column(0.6), column(0.1)), 2 / 64)
    assert abs((straight * u * v).sum()) < 1e-3
    assert (straight * u**2).sum() > 10 * (straight * v**2).sum()


def test_an_ellipse_that_shrinks_fades_to_nothing():
    u, v = grid(32)
    masses = [ellipse(u, v, (0.0, 0.0), (column(h), column(0.3)), 2 / 32).sum() for h in (0.1, 0.02, 0.004, 0.0, -0.1)]
    assert (np.diff(masses[:4]) < 0).all()
    assert masses[3] == masses[4] == 0


def test_a_cut_holds_every_pixel_of_its_box():
    u, v = grid(32)
    cut = crop(u, v, (-0.3, 0.2, 0.1, 0.5), 2 / 32)
    inside = (u > -0.3) & (u < 0.2) & (v > 0.1) & (v < 0.5)
    assert inside[cut].sum() == inside.sum()
    assert inside[cut].size < 0.5 * inside.size
    whole = np.zeros((1, 32, 32), np.float32)
    paint(whole[cut], np.ones((1, 1, 1)), np.float32(1))
    assert whole[inside].all()  # the cut is a view
    assert crop(u, v, (5.0, 6.0, 0.0, 1.0), 2 / 32)[1] == slice(None, 0)


def test_an_edge_is_half_covered_at_its_line_and_swelling_ends_at_its_reach():
    np.testing.assert_allclose(cover(np.array([-1.0, -0.05, 0.0, 0.05, 1.0]), 0.1), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(swell(np.array([0.0, 0.2, 0.5, 0.8, 1.0]), 0.5, 0.3), [0, 0, 1, 0, 0], atol=1e-6)


def test_chunks_part_all_images_once():
    for count in (0, 1, 24, 25, 100):
        rows = [i for part in chunks(count) for i in range(part.start, part.stop)]
        assert rows == list(range(count))


def test_the_pose_puts_the_origin_where_the_shift_says():
    p = {"shift_x": column(0.25), "shift_y": column(-0.5), "zoom": column(0.8), "rotation": column(0.3)}
    u, v = pose(p, 64)
    at = np.unravel_index(np.argmin(u[0] ** 2 + v[0] ** 2), (64, 64))
    assert abs((at[1] + 0.5) / 32 - 1 - 0.25) < 1 / 32
    assert abs((at[0] + 0.5) / 32 - 1 + 0.5) < 1 / 32
    assert np.hypot(u[0, 0, 1] - u[0, 0, 0], v[0, 0, 1] - v[0, 0, 0]) == pytest.approx(2 / 64 / 0.8, rel=1e-3)
