"""Clustered lumpy backgrounds: blobs as published, sums of them, numbers of a cluster process, a long bright tail."""

import numpy as np
import pytest

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.textures import clustered_lumpy as clb

LUMPY = phantom("clustered_lumpy")
PUBLISHED = {
    "clusters": 150.0,
    "blobs": 20.0,
    "length": 5.0,
    "thickness": 0.4,
    "decay": 2.1,
    "decay_exponent": 0.5,
    "spread": 12.0,
}


def columns(count=1, **values):
    values = PUBLISHED | {"mean": 0.0} | values
    return {name: np.full((count, 1, 1), value, np.float32) for name, value in values.items()}


def published_blob(x, y, angle, *, Lx=5.0, Ly=2.0, alpha=2.1, beta=0.5):
    """exp(-alpha r^beta / L), L the radius of the ellipse with half axes Lx, Ly towards (x, y)."""
    towards = np.arctan2(y, x) - angle
    L = Lx * Ly / np.hypot(Ly * np.cos(towards), Lx * np.sin(towards))
    return np.exp(-alpha * np.hypot(x, y) ** beta / L)


@pytest.mark.parametrize("direction", range(clb.ANGLES))
@pytest.mark.parametrize(("row", "column"), [(0, 7), (7, 0), (5, 5), (-5, 5), (12, 3)])
def test_blobs_are_as_published(direction, row, column):
    drawn = clb.blob(columns(), grid=40, pixel=2.0)[0, direction, row, column]
    assert drawn == pytest.approx(published_blob(2 * column, 2 * row, direction * np.pi / clb.ANGLES), rel=1e-3)


def test_a_field_is_the_sum_of_its_blobs():
    size, p = 16, columns(clusters=15.0)
    count = clb.impulses(p, size, size // 8, np.random.default_rng(1))[0]
    grid = count.shape[-1]
    total = np.zeros((grid, grid))
    around = (np.arange(grid) + grid // 2) % grid - grid // 2  # distances on a torus
    for direction, row, column in np.argwhere(count):
        y, x = np.roll(around, row)[:, None] * 8.0, np.roll(around, column)[None, :] * 8.0
        blob = published_blob(x, y, direction * np.pi / clb.ANGLES)
        blob[row, column] = published_blob(0.38 * 8, 0.0, np.pi / 4)  # mean distance within a pixel
        total += count[direction, row, column] * blob
    cut = total[2:-2, 2:-2]
    drawn = clb.lumpy_field(p, size, np.random.default_rng(1))[0]
    np.testing.assert_allclose(drawn, (cut - cut.mean()) / cut.std(), atol=2e-3)


def test_numbers_of_blobs_have_mean_and_variance_of_a_poisson_cluster_process():
    K, N, size = 40.0, 3.0, 32  # few blobs, or their own spread would be lost in that of the clusters
    total = np.concatenate(
        [
            clb.impulses(columns(150, clusters=K, blobs=N), size, 4, np.random.default_rng(seed)).sum(axis=(1, 2, 3))
            for seed in range(5)
        ]
    )
    clusters = K * 1.25**2  # the margin has its own
    assert total.mean() == pytest.approx(clusters * N, rel=0.02)
    assert total.var() == pytest.approx(clusters * (N + N**2), rel=0.15)  # compound Poisson: E[N^2] = N + N^2


def test_blobs_of_a_cluster_share_a_direction_and_lie_about_its_centre():
    p = columns(120, clusters=15.0, spread=6.0)
    count = clb.impulses(p, 64, 8, np.random.default_rng(0))
    # Second moment measure: pairs of one direction lie nearer to each other than pairs of different ones.
    near = [(count[:, a] * np.roll(count[:, b], 2, axis=2)).sum() for a, b in ((0, 0), (0, 4))]
    assert near[0] > 2 * near[1]
    tight, wide = (
        (c[:, 0] * np.roll(c[:, 0], 12, axis=2)).sum() / (c[:, 0] * np.roll(c[:, 0], 1, axis=2)).sum()
        for c in (count, clb.impulses(columns(120, clusters=15.0, spread=20.0), 64, 8, np.random.default_rng(0)))
    )
    assert tight < 0.5 * wide


def test_bright_lumps_make_a_long_bright_tail_and_fewer_of_them_a_longer_one():
    def skew(clusters):
        field = clb.lumpy_field(columns(120, clusters=clusters), 16, np.random.default_rng(0))
        return (field**3).mean()

    assert skew(15.0) > 0.3  # a Gaussian field has none
    assert skew(15.0) > 1.5 * skew(150.0)


def test_the_size_changes_how_finely_the_same_blobs_are_drawn():
    coarse, fine = (clb.lumpy_field(columns(20), size, np.random.default_rng(0)) for size in (32, 64))
    shrunk = fine.reshape(20, 32, 2, 32, 2).mean(axis=(2, 4))
    assert all(np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98 for a, b in zip(coarse, shrunk, strict=True))
