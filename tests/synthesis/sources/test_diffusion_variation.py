"""The phantom-trained model as a source: a variation keeps the more of a member the smaller its degree."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.diffusion.sampling import SAMPLERS
from medsyngen.diffusion.training import PublicTraining
from medsyngen.diffusion.unet import UNetSize
from medsyngen.errors import VerificationFailed
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.sources.diffusion_variation import DiffusionVariation, key_of
from medsyngen.synthesis.variation import Population

TINY = UNetSize(channels=(8, 8), attention=(False, False), norm_groups=4, head_channels=8)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> DiffusionVariation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        expert = PhantomExpert({"speckle": 1.0}, TINY, public=PublicTraining(steps=2, batch_size=4))
        made = DiffusionVariation(expert, 8, steps=6)
        made.random(1, 0, rng())  # trains the expert
    return made


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def members(count: int = 3) -> Population:
    stripes = np.where(np.arange(8) % 4 < 2, 0.5, -0.5).astype(np.float32)
    return Population(np.broadcast_to(stripes, (count, 1, 8, 8)).copy(), np.arange(count))


@given(st.integers(1, 4), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_a_variation_keeps_number_shape_and_class(source, count, degree, seed):
    varied = source.vary(members(count), degree, rng(seed))
    assert varied.pixels.shape == (count, 1, 8, 8)
    assert varied.pixels.dtype == np.float32
    assert np.abs(varied.pixels).max() <= 1
    assert varied.classes.tolist() == list(range(count))
    assert varied.places is None


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_degree_0_changes_little_and_degree_1_forgets(source, sampler):
    drawing = replace(source, sampler=sampler)
    vars(drawing)["_generator"] = replace(source._generator, facts=replace(source._generator.facts, sampler=sampler))
    before = members().pixels
    little = drawing.vary(members(), 0.0, rng()).pixels
    assert np.abs(little - before).mean() < 0.1
    blank = Population(np.zeros_like(before), np.arange(3))
    of_stripes, of_blank = (drawing.vary(each, 1.0, rng()).pixels for each in (members(), blank))
    assert np.abs(of_stripes - of_blank).mean() < 0.1  # the same noise makes the same image, whatever was there


def test_noise_levels_are_geometric_between_the_lowest_and_the_highest(source):
    assert source.sigma(0) == pytest.approx(0.05)
    assert source.sigma(1) == pytest.approx(80)
    assert source.sigma(0.5) == pytest.approx((0.05 * 80) ** 0.5)
    for degree in (0, 0.3, 1):
        levels = source.levels(source.sigma(degree))
        assert float(levels[0]) == pytest.approx(source.sigma(degree))
        assert float(levels[-1]) == 0
        assert (levels[1:] < levels[:-1]).all()
    assert len(source.levels(source.sigma(1))) == 6 + 1
    assert len(source.levels(source.sigma(0))) == 2 + 1


def test_the_generator_decides_everything_and_nothing_global_does(source):
    state = torch.random.get_rng_state()
    first, same, other = (source.random(2, 1, rng(seed)).pixels for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1
    assert np.abs(first[0] - first[1]).max() > 0.1
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    "fields", [{"sampler": "euler"}, {"steps": 1}, {"lowest_sigma": 0.001}, {"lowest_sigma": 90.0}]
)
def test_numbers_that_make_no_schedule_are_refused(source, fields):
    with pytest.raises(ValueError, match="|".join(fields)):
        replace(source, **fields)


def test_a_degree_outside_0_to_1_is_refused(source):
    for degree in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="degree"):
            source.vary(members(), degree, rng())


def test_another_expert_than_the_recipe_was_resolved_with_is_refused_when_it_is_used(source):
    same = replace(source, expert_key=key_of(source.expert))
    assert len(same.random(1, 0, rng())) == 1
    other = replace(source, expert_key="0" * 16)
    assert other.origin == source.origin
    for use in (lambda: other.random(1, 0, rng()), lambda: other.vary(members(), 0.5, rng())):
        with pytest.raises(VerificationFailed, match="another version"):
            use()
