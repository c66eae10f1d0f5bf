"""What holds of every phantom: pictures in range, decided by parameters and stream, each image by its own row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.phantoms.catalogue import PHANTOMS
from medsyngen.phantoms.source import draw_phantoms

every_phantom = pytest.mark.parametrize("source", PHANTOMS.values(), ids=lambda source: source.name)


def at_unit(space, rows):
    """Parameters at given places of their ranges: 0 is the low end, 1 the high end."""
    return {p.name: p.low + (p.high - p.low) * rows[:, k] for k, p in enumerate(space.parameters)}


def assert_pictures(pixels, count, size):
    assert pixels.shape == (count, 1, size, size)
    assert pixels.dtype == np.float32
    assert np.isfinite(pixels).all()
    assert pixels.min() >= -1
    assert pixels.max() <= 1


class SameForEveryImage:
    """A stream that hands every image of a batch the same random numbers (the axis of ``count`` entries)."""

    def __init__(self, count, seed):
        self.count, self.rng = count, np.random.default_rng(seed)

    def _spread(self, shape, draw):
        assert shape.count(self.count) == 1, "the test needs a count that no other axis has"
        one = tuple(1 if n == self.count else n for n in shape)
        return np.broadcast_to(draw(one), shape).copy()

    def standard_normal(self, size, dtype=np.float64):
        return self._spread(tuple(size), lambda shape: self.rng.standard_normal(shape, dtype=dtype))

    def random(self, size, dtype=np.float64):
        return self._spread(tuple(size), lambda shape: self.rng.random(shape, dtype=dtype))

    def uniform(self, low, high, size):
        return self._spread(tuple(size), lambda shape: self.rng.uniform(low, high, shape))


@every_phantom
@given(seed=st.integers(0, 2**32), size=st.sampled_from([8, 15, 16, 32]))
@settings(max_examples=15, deadline=None)
def test_pictures_are_in_range_and_decided_by_the_seed(source, seed, size):
    pixels = draw_phantoms(source, 3, size, np.random.default_rng(seed))
    assert_pictures(pixels, 3, size)
    assert (pixels == draw_phantoms(source, 3, size, np.random.default_rng(seed))).all()


@every_phantom
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_every_corner_of_the_space_gives_a_picture(source, seed):
    corners = np.random.default_rng(seed).integers(0, 2, (4, len(source.space.parameters))).astype(float)
    corners[0], corners[1] = 0, 1  # all low, all high
    assert_pictures(source.render(at_unit(source.space, corners), 16, np.random.default_rng(seed)), 4, 16)


@every_phantom
@given(seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_an_image_depends_on_its_own_row_only(source, seed):
    parameters = source.space.draw(5, np.random.default_rng(seed))
    together = source.render(parameters, 16, SameForEveryImage(5, seed))
    for i in range(5):
        alone = source.render({k: v[i : i + 1] for k, v in parameters.items()}, 16, OneImage(seed))
        np.testing.assert_allclose(together[i], alone[0], atol=2e-5)


class OneImage(SameForEveryImage):
    """The same numbers for a batch of one."""

    def __init__(self, seed):
        super().__init__(1, seed)

    def _spread(self, shape, draw):
        return draw(shape)


@every_phantom
def test_rendering_leaves_its_parameters_alone(source):
    parameters = source.space.draw(3, np.random.default_rng(0))
    before = {name: value.copy() for name, value in parameters.items()}
    source.render(parameters, 16, np.random.default_rng(1))
    assert all((parameters[name] == before[name]).all() for name in before)


@every_phantom
def test_pictures_vary_in_brightness_and_contrast_and_are_not_washed_out(source):
    pixels = draw_phantoms(source, 200, 16, np.random.default_rng(0))[:, 0]
    assert pixels.mean(axis=(1, 2)).std() > 0.1
    assert pixels.std(axis=(1, 2)).std() > 0.03
    assert (np.abs(pixels) > 0.999).mean() < 0.2


@pytest.mark.parametrize(
    ("source", "name"),
    [pytest.param(s, p.name, id=f"{s.name}-{p.name}") for s in PHANTOMS.values() for p in s.space.parameters],
)
def test_every_parameter_does_something(source, name):
    k = source.space.names.index(name)
    # At several places in the space: where there is no opacity, say, its width can't matter.
    rows = np.random.default_rng(3).random((24, len(source.space.parameters)))
    low, high = rows.copy(), rows.copy()
    low[:, k], high[:, k] = 0.1, 0.9  # not the ends: a phase is the same at both
    a, b = (source.render(at_unit(source.space, at), 32, np.random.default_rng(0)) for at in (low, high))
    assert np.abs(a - b).max() > 0.01
