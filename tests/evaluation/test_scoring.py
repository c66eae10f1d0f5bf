"""The scores: their formula against brute force, their power against the plain product."""

import numpy as np
import pytest

from medsyngen.evaluation.attack import Observation
from medsyngen.evaluation.guessing import area_under_curve
from medsyngen.evaluation.scoring import FILTERS, Filter, scores


def directions(n=12, parameters=40, common=0.6, seed=0):
    rng = np.random.Generator(np.random.PCG64(seed))
    shared, own = rng.normal(size=parameters), rng.normal(size=(n, parameters))
    u = np.sqrt(common) * shared / np.linalg.norm(shared) + np.sqrt(1 - common) * own / np.sqrt(parameters)
    return u, rng


def observed(u, y, q, stray=None):
    rows = u if stray is None else np.concatenate([u, stray])
    return Observation(np.arange(len(u)), np.full(len(u), q), rows @ rows.T, rows @ y)


def test_the_filter_is_that_of_its_formula():
    """Oracle: the covariance S_i written out for each patient and inverted."""
    u, rng = directions()
    q, sigma, stray = 0.3, 1.7, 0.4 * rng.normal(size=(5, u.shape[1]))
    y = rng.normal(size=u.shape[1])
    t, prior = (q / 2) * (1 - q / 2), q / 2
    expected = []
    for i in range(len(u)):
        others = np.delete(u, i, axis=0)
        covariance = sigma**2 * np.eye(u.shape[1]) + t * (others.T @ others + stray.T @ stray)
        w = np.linalg.solve(covariance, u[i])
        mean, centred = w @ u[i], w @ (y - prior * others.sum(0))
        expected.append(np.log(1 - q + q * np.exp(centred - mean / 2)))
    found = scores([observed(u, y, q, stray)], len(u), [Filter(1.0, 1.0)], noise_multiplier=sigma)[0]
    assert found == pytest.approx(np.array(expected), rel=1e-6, abs=1e-9)


def test_it_beats_the_plain_product_where_gradients_are_alike():
    ours, plain = [], []
    for seed in range(30):
        u, rng = directions(n=60, parameters=400, common=0.8, seed=seed)
        included = rng.random(60) < 0.5
        seen, product = [], np.zeros(60)
        for _ in range(10):
            part = included & (rng.random(60) < 0.5)
            y = part @ u + 0.3 * rng.normal(size=400)
            seen.append(observed(u, y, 0.5))
            product += u @ y
        found = scores(seen, 60, FILTERS, noise_multiplier=0.3)[0]
        ours.append(area_under_curve(found, included))
        plain.append(area_under_curve(product, included))
    assert np.mean(ours) > 0.9
    assert np.mean(plain) < np.mean(ours) - 0.1


def test_steps_without_anybody_say_nothing():
    nobody = Observation(np.arange(0), np.zeros(0), np.zeros((0, 0)), np.zeros(0))
    assert all(not found.any() for found in scores([nobody], 5, FILTERS, noise_multiplier=1.0))
