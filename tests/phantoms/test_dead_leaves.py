"""Dead leaves: the plane is covered, and leaves hide one another."""

import numpy as np
import pytest

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.textures import dead_leaves

LEAVES = phantom("dead_leaves")
PLAIN = {"mean": 0.0, "contrast": 0.8, "texture": 0.0, "psf": 0.2, "noise": 0.002}


def plain(count, seed, size=32, **fixed):
    rng = np.random.default_rng(seed)
    parameters = LEAVES.space.draw(count, rng)
    parameters |= {name: np.full(count, value) for name, value in (PLAIN | fixed).items()}
    return LEAVES.render(parameters, size, rng)[:, 0]


def test_nothing_is_left_uncovered():
    # An uncovered pixel would be 0, the mean. Greys are uniform on [-0.8, 0.8]: 1.25 % of covered ones are this near.
    assert (np.abs(plain(200, 0)) < 0.01).mean() < 0.05


def test_what_the_leaves_leave_open_belongs_to_one_last_leaf(monkeypatch):
    monkeypatch.setattr(dead_leaves, "MAX_LEAVES", 0)
    pixels = plain(200, 0)
    assert pixels.std(axis=(1, 2)).max() < 0.01  # one leaf an image: flat up to the noise
    assert pixels.mean(axis=(1, 2)).std() == pytest.approx(0.8 / np.sqrt(3), rel=0.15)  # of a grey of its own


def test_leaves_are_flat_with_sharp_edges():
    step = np.abs(np.diff(plain(100, 1), axis=2))
    assert (step < 0.02).mean() > 0.5
    assert (step > 0.2).mean() > 0.03


def test_smaller_leaves_make_more_edges():
    edges = [(np.abs(np.diff(plain(100, 2, radius_min=r), axis=2)) > 0.1).mean() for r in (0.03, 0.12)]
    assert edges[0] > 1.1 * edges[1]
