"""Phantoms as a source: places stay in the cube, and evolution without votes keeps them uniform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.errors import UsageError
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator, jittered
from medsyngen.synthesis.variation import Population

SPECKLE = PhantomSimulator("speckle", 8)
degrees = st.floats(0, 1)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.integers(1, 4), st.integers(0, 3), degrees, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_variation_keeps_number_shape_and_class_and_stays_in_the_cube(count, label, degree, seed):
    first = SPECKLE.random(count, label, generator(seed))
    varied = SPECKLE.vary(first, degree, generator(seed + 1))
    for population in (first, varied):
        assert population.pixels.shape == (count, 1, 8, 8)
        assert population.pixels.dtype == np.float32
        assert np.abs(population.pixels).max() <= 1
        assert population.classes.tolist() == [label] * count
        assert population.places.shape == (count, len(SPECKLE.source.space.names))
        assert population.places.min() >= 0
        assert population.places.max() <= 1


@given(degrees, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_no_parameter_moves_farther_than_the_degree(degree, seed):
    places = generator(seed).random((20, 5))
    assert np.abs(jittered(places, degree, generator(seed)) - places).max() <= degree + 1e-12


def test_degree_0_moves_nothing():
    places = generator().random((50, 3))
    np.testing.assert_array_equal(jittered(places, 0, generator()), places)


def farthest_from_uniform(values: np.ndarray) -> float:
    """Kolmogorov's distance."""
    ranks = np.arange(1, len(values) + 1) / len(values)
    return float(np.abs(np.sort(values) - ranks).max())


@pytest.mark.parametrize("degree", [0.05, 0.3, 0.7, 1.0])
def test_uniform_places_stay_uniform(degree):
    """Clipped instead of reflected, a twentieth of all places would lie on a border after a step of 0.05 ten times."""
    rng = generator()
    places = rng.random(20_000)
    for _ in range(10):
        places = jittered(places, degree, rng)
    assert farthest_from_uniform(places) < 1.63 / np.sqrt(len(places))  # 1 % of uniform draws are farther


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 1.0])
def test_a_step_of_degree_1_forgets_where_it_began(place):
    moved = jittered(np.full(20_000, place), 1, generator())
    assert farthest_from_uniform(moved) < 1.63 / np.sqrt(len(moved))


def test_a_step_of_less_does_not_forget():
    moved = jittered(np.full(20_000, 0.0), 0.7, generator())
    assert farthest_from_uniform(moved) > 0.1


def test_the_images_are_those_of_the_places():
    first = SPECKLE.random(3, 0, generator())
    varied = SPECKLE.vary(first, 0.0, generator(1))
    again = SPECKLE.rendered(first.places, first.classes, generator(2))
    np.testing.assert_array_equal(varied.places, first.places)
    assert (varied.pixels != first.pixels).any()  # fresh noise, or all variations of a phantom would be one picture
    assert np.abs(varied.pixels - again.pixels).mean() < np.abs(first.pixels - first.pixels[[1, 2, 0]]).mean()


def test_the_generator_decides_everything():
    first, second = (SPECKLE.vary(SPECKLE.random(4, 1, rng), 0.5, rng) for rng in (generator(7), generator(7)))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.places, second.places)


def test_what_it_cannot_do_is_refused():
    with pytest.raises(UsageError, match="no phantom named 'spekle'"):
        PhantomSimulator("spekle", 8)
    with pytest.raises(ValueError, match="images alone"):
        SPECKLE.vary(Population(np.zeros((1, 1, 8, 8), np.float32), np.zeros(1, np.int64)), 0.5, generator())
    for degree in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="degree"):
            SPECKLE.vary(SPECKLE.random(1, 0, generator()), degree, generator())
