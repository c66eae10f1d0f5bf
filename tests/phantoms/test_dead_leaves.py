"""Dead leaves of mixed shapes: covered, flat with sharp edges, texture that breaks where leaves do."""

from itertools import product

import numpy as np
import pytest

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.textures import dead_leaves
from medsyngen.phantoms.textures.dead_leaves import LEAVES_AT_MOST, OPEN_AT_MOST, count_leaves
from medsyngen.phantoms.textures.painting import paint

LEAVES = phantom("dead_leaves")
PLAIN = {"mean": 0.0, "contrast": 0.8, "texture": 0.0, "psf": 0.2, "noise": 0.002}


def plain(count, seed, size=32, **fixed):
    rng = np.random.default_rng(seed)
    parameters = LEAVES.space.draw(count, rng)
    parameters |= {name: np.full(count, value) for name, value in (PLAIN | fixed).items()}
    return LEAVES.render(parameters, size, rng)[:, 0]


def test_every_picture_of_the_space_has_leaves_enough():
    ends = [(p.low, p.high) for p in LEAVES.space.parameters]
    corners = np.array(list(product(*ends))[:: 2**5], np.float64)
    columns = {p.name: corners[:, k, None, None] for k, p in enumerate(LEAVES.space.parameters)}
    assert count_leaves(columns).min() > 50
    assert count_leaves(columns).max() < LEAVES_AT_MOST


def test_next_to_nothing_is_left_to_the_last_leaf(monkeypatch):
    shares = []

    def spy(leaves, pictures, size):
        seen = paint(leaves, pictures, size)
        shares.append((seen == -1).mean())
        return seen

    monkeypatch.setattr(dead_leaves, "paint", spy)
    plain(160, 0)
    assert np.mean(shares) < 1.5 * OPEN_AT_MOST
    assert np.mean(shares) > 0


def test_what_the_leaves_leave_open_belongs_to_one_last_leaf(monkeypatch):
    monkeypatch.setattr(dead_leaves, "count_leaves", lambda p: np.zeros(len(p["mean"]), np.int64))
    pixels = plain(200, 0)
    assert pixels.std(axis=(1, 2)).max() < 0.01  # one leaf an image: flat up to the noise
    assert pixels.mean(axis=(1, 2)).std() == pytest.approx(0.8 / np.sqrt(3), rel=0.15)  # of a grey of its own


def test_leaves_are_flat_with_sharp_edges():
    step = np.abs(np.diff(plain(100, 1), axis=2))
    assert (step < 0.02).mean() > 0.5
    assert (step > 0.2).mean() > 0.03


def test_smaller_leaves_make_more_edges_and_thinner_ones_too():
    def edges(**fixed):
        return (np.abs(np.diff(plain(100, 2, **fixed), axis=2)) > 0.1).mean()

    assert edges(radius_min=0.03) > 1.3 * edges(radius_min=0.12)
    assert edges(thinnest=0.3) > 1.1 * edges(thinnest=1.0)


def texture_of(count, seed):
    """What texture adds to pictures, for leaves as they are without."""
    fixed = {"contrast": 0.2, "radius_min": 0.06}
    return plain(count, seed, texture=0.4, **fixed) - plain(count, seed, texture=0.0, **fixed)


def test_each_leaf_has_a_piece_of_texture_of_its_own(monkeypatch):
    def half(exponent, size, rng):  # texture in the right half of the field only
        return np.broadcast_to(np.arange(size) >= size // 2, (len(exponent), size, size)).astype(np.float32)

    monkeypatch.setattr(dead_leaves, "power_law_field", half)
    added = texture_of(100, 3)
    assert added[:, :, 2:14].mean() == pytest.approx(added[:, :, 18:-2].mean(), rel=0.15)
    assert added.mean() == pytest.approx(0.2 * 0.4 * 0.5 * 0.5, rel=0.1)  # mean roughness 1/2, on half of the field


def test_leaves_are_rough_in_different_measure():
    added = texture_of(200, 4)
    kurtosis = (added**4).mean() / (added**2).mean() ** 2
    assert kurtosis > 4  # 3 for one Gaussian field; times a factor uniform on [0, 1]: 3 (1/5) / (1/3)^2 = 5.4
