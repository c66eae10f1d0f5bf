"""Nearest members: as by hand, first of equals, and no row depends on its company."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.synthesis import nearest as module
from medsyngen.synthesis.nearest import nearest

DEVICES = [
    torch.device("cpu"),
    pytest.param(
        torch.device("cuda"),
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use on this machine"),
    ),
]


def drawn(seed: int, n: int, m: int, d: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple((scale * rng.standard_normal((rows, d))).astype(np.float32) for rows in (n, m))


def slow(x: np.ndarray, z: np.ndarray, count: int) -> np.ndarray:
    """Every pair by itself."""
    distances = [[np.square(a.astype(np.float64) - b).sum() for b in z] for a in x]
    return np.argsort(distances, axis=1, kind="stable")[:, :count]


@pytest.mark.parametrize("device", DEVICES)
@given(st.integers(0, 99), st.integers(1, 30), st.integers(5, 40), st.integers(1, 60), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_it_is_what_sorting_all_distances_finds(device, seed, n, m, d, count):
    x, z = drawn(seed, n, m, d)
    np.testing.assert_array_equal(nearest(x, z, count=count, device=device), slow(x, z, count))


def alike(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Members a few float32 steps from each other and far from 0: a product in float64 can't tell which is nearer."""
    rng = np.random.default_rng(seed)
    x = (1e5 * rng.standard_normal((40, 300))).astype(np.float32)
    steps = rng.integers(-2, 3, (30, 300)) * (np.arange(300) < 3)  # most differ in few places, some in none
    return x, (x[:1].view(np.int32) + steps.astype(np.int32)).view(np.float32)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("count", [1, 3, 30])
@given(seed=st.integers(0, 200))
@settings(max_examples=10, deadline=None)
def test_near_ties_are_as_by_hand_and_the_same_in_any_company(device, count, seed):
    x, z = alike(seed)
    found = nearest(x, z, count=count, device=device)
    np.testing.assert_array_equal(found[:5], slow(x[:5], z, count))
    alone = np.concatenate([nearest(row[None], z, count=count) for row in x])
    np.testing.assert_array_equal(found, alone)
    np.testing.assert_array_equal(nearest(x[::-1], z, count=count, device=device)[::-1], found)


def test_the_product_alone_gets_these_ties_wrong():
    """What the second look is for: seen to differ, or the test above could not fail."""
    x, z = alike(0)
    far, near = x.astype(np.float64), z.astype(np.float64)
    product = np.argmin(np.square(near).sum(1) - 2 * far @ near.T, axis=1)
    assert (product != nearest(x, z)[:, 0]).any()


def test_of_equal_members_the_first_is_nearer():
    x, z = drawn(0, 4, 6, 8)
    twice = np.concatenate([z, z])
    found = nearest(x, twice, count=2)
    np.testing.assert_array_equal(found[:, 0] + 6, found[:, 1])


@given(st.integers(0, 200))
@settings(max_examples=30, deadline=None)
def test_a_row_does_not_depend_on_its_company(seed):
    """Members so alike that a product in float32 can't tell them apart."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((40, 300)).astype(np.float32) * 100
    z = x[:1] + 1e-3 * rng.standard_normal((30, 300)).astype(np.float32)
    together = nearest(x, z)
    alone = np.concatenate([nearest(row[None], z) for row in x])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(nearest(x[::-1], z)[::-1], together)


def test_the_product_alone_would_get_near_ties_wrong():
    """What the second look is for: seen to differ, or the test above could not fail."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 300)).astype(np.float32) * 100
    z = x[:1] + 1e-3 * rng.standard_normal((30, 300)).astype(np.float32)
    product = np.argmin(np.einsum("ij,ij->i", z, z) - 2 * (x @ z.T), axis=1)
    assert (product != nearest(x, z)[:, 0]).any()


def test_chunks_change_nothing(monkeypatch):
    x, z = drawn(1, 50, 20, 10)
    whole = nearest(x, z, count=3)
    monkeypatch.setattr(module, "CHUNK", 7)
    np.testing.assert_array_equal(nearest(x, z, count=3), whole)


def test_more_neighbours_than_members_is_refused():
    x, z = drawn(2, 2, 3, 4)
    with pytest.raises(ValueError, match="4 nearest of 3 members"):
        nearest(x, z, count=4)
    with pytest.raises(ValueError, match="widths 4 and 3 differ"):
        nearest(x, z[:, :3])
