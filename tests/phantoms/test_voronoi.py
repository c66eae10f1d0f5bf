"""Cells: nearest seeds as by a search tree, and the known means of Poisson-Voronoi mosaics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.special import erfc

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.textures.voronoi import MARGIN, nearest, strew

CELLS = phantom("voronoi")


def columns(count, cells, stretch=1.0, direction=0.0):
    values = {"cells": cells, "stretch": stretch, "direction": direction}
    return {name: np.full((count, 1, 1), value, np.float32) for name, value in values.items()}


def mosaic(count, cells, seed, size=32, **metric):
    seeds, number = strew(np.full(count, cells, np.float32), np.random.default_rng(seed))
    return nearest(columns(count, cells, **metric), seeds, number, size)


@given(seed=st.integers(0, 2**32), stretch=st.floats(1, 2.5), direction=st.floats(0, np.pi))
@settings(max_examples=20, deadline=None)
def test_distances_and_owners_are_those_of_a_search_tree(seed, stretch, direction):
    cells, size = np.array([3.0, 10.0, 5.0], np.float32), 16
    seeds, count = strew(cells, np.random.default_rng(seed))
    p = columns(3, 0, stretch, direction) | {"cells": cells[:, None, None]}
    f1, f2, owner = nearest(p, seeds, count, size)
    along = np.array([np.cos(direction), np.sin(direction)])
    across = np.array([-np.sin(direction), np.cos(direction)])
    axis = (np.arange(size) + 0.5) / size
    pixels = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)

    def seen(points):  # the metric makes cells long along their direction: distances along it count less
        return np.stack([points @ along / np.sqrt(stretch), points @ across * np.sqrt(stretch)], axis=1)

    for i in range(3):
        distance, number = cKDTree(seen(seeds[i, : count[i]])).query(seen(pixels * cells[i]), k=2)
        np.testing.assert_allclose(f1[i].ravel(), distance[:, 0], atol=5e-3)
        np.testing.assert_allclose(f2[i].ravel(), distance[:, 1], atol=5e-3)
        clear = distance[:, 1] - distance[:, 0] > 1e-2
        assert (owner[i].ravel() == number[:, 0])[clear].all()


def test_seeds_are_a_poisson_process_of_one_a_unit_of_area():
    seeds, count = strew(np.full(3000, 4.0, np.float32), np.random.default_rng(0))
    area = (4 + 2 * MARGIN) ** 2
    assert count.mean() == pytest.approx(area, rel=0.02)
    assert count.var() == pytest.approx(area, rel=0.1)
    held = [s[:k] for s, k in zip(seeds, count, strict=True)]
    in_picture = np.array([((s >= 0) & (s < 4)).all(axis=1).sum() for s in held])
    assert in_picture.mean() == pytest.approx(16, rel=0.03)
    assert in_picture.var() == pytest.approx(16, rel=0.1)


@pytest.mark.parametrize("metric", [{}, {"stretch": 2.0, "direction": 0.6}])
def test_mean_distances_to_the_two_nearest_seeds(metric):
    f1, f2, _ = mosaic(300, 5.0, 1, **metric)
    # A disc of radius r holds no seed with probability exp(-pi r^2), at most one with (1 + pi r^2) exp(-pi r^2).
    assert f1.mean() == pytest.approx(0.5, rel=0.02)
    assert f2.mean() == pytest.approx(0.75, rel=0.02)
    assert (f1 > 0.8).mean() == pytest.approx(np.exp(-np.pi * 0.64), rel=0.1)
    assert f1[:, 0].mean() == pytest.approx(0.5, rel=0.05)  # cells at the border have all their neighbours


def test_the_mean_number_of_cells_in_a_picture():
    # Cells that meet a square of side a, by the kinematic formula with mean perimeter 4 (Meijering 1953):
    # a^2 + 4 a * 4 / (2 pi) + 1.
    for a in (3.0, 6.0):
        _, _, owner = mosaic(100, a, 2, size=64)
        seen = np.mean([len(np.unique(o)) for o in owner])
        assert seen == pytest.approx(a * a + 8 * a / np.pi + 1, rel=0.04)


def test_cells_are_long_along_their_direction():
    for direction, axis in ((0.0, 2), (np.pi / 2, 1)):
        _, _, owner = mosaic(100, 5.0, 3, stretch=2.0, direction=direction)
        changes = [(np.diff(owner, axis=k) != 0).mean() for k in (1, 2)]
        assert changes[2 - axis] > 1.6 * changes[axis - 1]


def pictures(**fixed):
    plain = {"mean": 0.0, "contrast": 0.5, "psf": 0.2, "noise": 0.002, "greys": 0.0, "relief": 0.0, "stretch": 1.0}
    rng = np.random.default_rng(4)
    parameters = CELLS.space.draw(60, rng)
    parameters |= {name: np.full(60, value) for name, value in (plain | fixed).items()}
    return CELLS.render(parameters, 64, rng)[:, 0]


def test_walls_have_their_grey_and_get_thicker():
    assert (pictures(wall=0.0, wall_grey=1.0, cells=4.0) < 0.05).all()
    for w in (0.1, 0.2, 0.3):
        # P(F2 - F1 < w): given F1 = r, that the ring up to r + w holds a seed.
        share = 1 - np.exp(-np.pi * w**2) + np.pi * w * erfc(np.sqrt(np.pi) * w)
        walls = pictures(wall=w, wall_grey=1.0, cells=4.0) > 0.25
        assert walls.mean() == pytest.approx(share, rel=0.08)


def test_greys_differ_from_cell_to_cell_and_relief_within_cells():
    mosaics, bumps = pictures(wall=0.0, greys=1.0, cells=4.0), pictures(wall=0.0, relief=1.0, cells=4.0)
    assert (np.abs(np.diff(mosaics, axis=2)) < 0.02).mean() > 0.7  # flat cells
    assert (np.abs(np.diff(bumps, axis=2)) < 0.02).mean() < 0.4
    assert mosaics.std() == pytest.approx(0.5 / np.sqrt(3), rel=0.15)
