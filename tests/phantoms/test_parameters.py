"""Parameter spaces: declared ranges are kept, and what doesn't fit is refused."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.phantoms.catalogue import PHANTOMS
from medsyngen.phantoms.parameters import Parameter, ParameterSpace

SPACE = ParameterSpace(
    (Parameter("a", -1.0, 3.0, "pixel", "default"), Parameter("b", 0.01, 10.0, "1", "Someone 2001", True))
)


@given(st.integers(1, 50), st.integers(0, 2**32))
def test_draws_stay_in_range_and_repeat_with_the_seed(count, seed):
    drawn = SPACE.draw(count, np.random.default_rng(seed))
    again = SPACE.draw(count, np.random.default_rng(seed))
    for p in SPACE.parameters:
        assert drawn[p.name].shape == (count,)
        assert drawn[p.name].dtype == np.float64
        assert ((drawn[p.name] >= p.low) & (drawn[p.name] <= p.high)).all()
        assert (drawn[p.name] == again[p.name]).all()


def test_one_law_is_uniform_and_the_other_uniform_in_the_logarithm():
    drawn = SPACE.draw(20_000, np.random.default_rng(0))
    assert np.median(drawn["a"]) == pytest.approx(1.0, abs=0.05)
    assert np.median(drawn["b"]) == pytest.approx(math.sqrt(0.01 * 10.0), rel=0.1)


@pytest.mark.parametrize(
    "bad",
    [
        {"a": np.zeros(2)},  # one is missing
        {"a": np.zeros(2), "b": np.ones(2), "c": np.ones(2)},  # one is unknown
        {"a": np.zeros(2), "b": np.ones(3)},  # lengths differ
        {"a": np.array([0.0, 3.1]), "b": np.ones(2)},  # above
        {"a": np.zeros(2), "b": np.array([0.001, 1.0])},  # below
        {"a": np.array([0.0, np.nan]), "b": np.ones(2)},
    ],
)
def test_parameters_that_do_not_fit_are_refused(bad):
    with pytest.raises(ValueError, match=r"differ|lengths|leaves its range"):
        SPACE.columns(bad)


def test_columns_meet_a_grid_of_pixels():
    columns = SPACE.columns(SPACE.draw(4, np.random.default_rng(0)))
    assert all(column.shape == (4, 1, 1) and column.dtype == np.float32 for column in columns.values())


@pytest.mark.parametrize(
    ("low", "high", "log"), [(1.0, 1.0, False), (2.0, 1.0, False), (0.0, 1.0, True), (-1.0, 1.0, True)]
)
def test_ranges_that_mean_nothing_are_refused(low, high, log):
    with pytest.raises(ValueError, match=r"low < high|positive"):
        Parameter("a", low, high, "1", "default", log)


def test_names_must_differ():
    with pytest.raises(ValueError, match="differ"):
        ParameterSpace((SPACE.parameters[0], SPACE.parameters[0]))


@pytest.mark.parametrize("source", PHANTOMS.values(), ids=lambda source: source.name)
def test_every_shipped_parameter_says_its_unit_and_where_its_range_comes_from(source):
    described = source.space.describe()
    assert json.loads(json.dumps(described)) == described
    assert [p["name"] for p in described] == list(source.space.names)
    assert all(p["unit"].strip() and p["source"].strip() for p in described)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_places_in_the_unit_cube_and_parameters_are_each_others_inverse(points):
    places = np.array(points)
    parameters = SPACE.at(places)
    SPACE.columns(parameters)  # all within their ranges
    assert SPACE.places(parameters) == pytest.approx(places, abs=1e-9)


def test_uniform_places_are_uniform_draws():
    drawn = SPACE.draw(20_000, np.random.default_rng(0))
    assert np.sort(SPACE.places(drawn), axis=0)[[5_000, 10_000, 15_000]] == pytest.approx(
        np.array([[0.25, 0.25], [0.5, 0.5], [0.75, 0.75]]), abs=0.02
    )
