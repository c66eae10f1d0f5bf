"""Leaves: radii as the law says, as many as a cover needs, polygons and ellipses painted like by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.phantoms.textures.leaves import NUMBERS, REACH, leaves_needed, place_leaves, radii
from medsyngen.phantoms.textures.painting import paint


def make(count, seed, *, pictures=1, least=0.05, most=0.6, thinnest=0.4, rounded=0.5):
    u = np.random.default_rng(seed).random((count, NUMBERS), dtype=np.float32)
    picture = np.repeat(np.arange(pictures), count // pictures)
    values = (np.full(count, value, np.float32) for value in (least, most, thinnest, rounded))
    return place_leaves(u, picture, *values)


def corners_of(leaves, i):
    turn = leaves.angle[i]
    along = leaves.radius[i] * np.cos(leaves.corners[i])
    across = leaves.radius[i] * leaves.aspect[i] * np.sin(leaves.corners[i])
    return np.stack(
        [
            leaves.x[i] + along * np.cos(turn) - across * np.sin(turn),
            leaves.y[i] + along * np.sin(turn) + across * np.cos(turn),
        ]
    )


def inside(leaves, i, x, y):
    """How far inside a leaf points are: positive inside, about in units of the leaf's size."""
    if leaves.rounded[i]:
        cos, sin = np.cos(leaves.angle[i]), np.sin(leaves.angle[i])
        dx, dy = x - leaves.x[i], y - leaves.y[i]
        along, across = dx * cos + dy * sin, (dy * cos - dx * sin) / leaves.aspect[i]
        return 1 - (along**2 + across**2) / leaves.radius[i] ** 2
    px, py = corners_of(leaves, i)
    qx, qy = np.roll(px, -1), np.roll(py, -1)
    sides = [(qx[k] - px[k]) * (y - py[k]) - (qy[k] - py[k]) * (x - px[k]) for k in range(len(px))]
    return np.min([side for side, k in zip(sides, range(len(px)), strict=True) if (px[k], py[k]) != (qx[k], qy[k])], 0)


@given(seed=st.integers(0, 2**32), size=st.sampled_from([9, 24]), rounded=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=20, deadline=None)
def test_painting_is_what_brute_force_paints(seed, size, rounded):
    leaves = make(30, seed, pictures=2, rounded=rounded)
    axis = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(axis, axis)
    expected = np.full((2, size, size), -1)
    doubtful = np.zeros((2, size, size), bool)
    for i in range(30):
        depth = inside(leaves, i, x, y)
        expected[leaves.picture[i]][depth > 0] = i
        doubtful[leaves.picture[i]] |= np.abs(depth) < 1e-5
    seen = paint(leaves, 2, size)
    assert (seen == expected)[~doubtful].all()
    assert doubtful.mean() < 0.02


def test_no_leaf_at_all_leaves_every_pixel_open():
    assert (paint(make(0, 0), 3, 8) == -1).all()


def test_radii_follow_their_law():
    u = np.random.default_rng(0).random((2, 200_000), dtype=np.float32)
    drawn = np.sort(radii(np.float32(0.05), np.float32(0.8), *u))
    r = np.linspace(0.05, 0.8, 20_001)
    density = r**-3 * (1 + 2 * REACH * r) ** 2  # r^-3, and larger leaves touch the picture from further away
    law = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    law /= law[-1]
    assert np.abs(np.interp(drawn, r, law) - np.linspace(0, 1, len(drawn))).max() < 0.005  # Kolmogorov's distance


@pytest.mark.parametrize(("least", "most", "thinnest"), [(0.03, 0.4, 1.0), (0.12, 1.2, 0.3)])
def test_a_pixel_stays_open_as_rarely_as_was_asked_for(least, most, thinnest):
    aspect = np.array([(1 + thinnest) / 2], np.float32)
    count = int(leaves_needed(np.array([least]), np.array([most]), aspect, 0.1)[0])
    pictures = 400
    leaves = make(count * pictures, 0, pictures=pictures, least=least, most=most, thinnest=thinnest, rounded=1.0)
    open_ = paint(leaves, pictures, 16) == -1
    assert open_.mean() == pytest.approx(0.1, rel=0.1)
    assert open_[:, :3].mean() == pytest.approx(0.1, rel=0.25)  # at the border as in the middle


def lens(r, h):
    """Area that a disc of radius r shares with itself moved by h."""
    c = np.clip(h / (2 * r), 0, 1)
    return np.where(h < 2 * r, 2 * r**2 * np.arccos(c) - h * np.sqrt(np.clip(r**2 - h**2 / 4, 0, None)), 0)


@pytest.mark.parametrize("pixels", [2, 6, 12])
def test_two_points_lie_in_one_leaf_as_often_as_theory_says(pixels):
    # Matheron: the foremost leaf that holds one of two points holds both with probability g(h) / (2 - g(h)).
    size, pictures, count = 32, 500, 400
    leaves = make(count * pictures, 1, pictures=pictures, least=0.08, most=0.5, thinnest=1.0, rounded=1.0)
    seen = paint(leaves, pictures, size)
    assert (seen == -1).mean() < 1e-3
    r = np.geomspace(0.08, 0.5, 4001)
    weight = r**-3 * np.gradient(r)
    g = (weight * lens(r, pixels / size)).sum() / (weight * np.pi * r**2).sum()
    same = (seen[:, :, pixels:] == seen[:, :, :-pixels]).mean()
    assert same == pytest.approx(g / (2 - g), abs=0.02)
    assert (seen[:, pixels:] == seen[:, :-pixels]).mean() == pytest.approx(g / (2 - g), abs=0.02)


def test_leaves_have_three_to_six_corners_or_none_and_the_area_of_their_disc():
    leaves = make(4000, 2, thinnest=1.0, rounded=0.3, least=0.1, most=0.100001)
    assert leaves.rounded.mean() == pytest.approx(0.3, abs=0.03)
    counts, areas = [], []
    for i in np.flatnonzero(~leaves.rounded)[:400]:
        x, y = corners_of(leaves, i)
        counts.append(len({(float(a), float(b)) for a, b in zip(x, y, strict=True)}))
        areas.append(abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2)
    assert set(counts) == {3, 4, 5, 6}
    disc = np.pi * 0.1**2
    assert np.median(areas) == pytest.approx(disc, rel=0.02)  # half of them are regular
    assert np.max(areas) < 1.001 * disc
    assert 0.9 * disc < np.mean(areas) < 0.99 * disc
    assert leaves.radius.max() <= REACH * 0.1001
