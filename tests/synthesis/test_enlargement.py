"""Enlarged images: public numbers, a network that phantoms teach, and a generator around another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from small_generators import FACTS, weights

from medsyngen.diffusion.detail import enlarged_smoothly
from medsyngen.errors import UsageError
from medsyngen.synthesis.enlarged_generator import EnlargedGenerator, split_tensors
from medsyngen.synthesis.enlargement import Enlargement
from medsyngen.synthesis.generator import StagedGenerator

CPU = torch.device("cpu")
SMALL = StagedGenerator(FACTS, weights(0), weights(1, 2))
OWN = Enlargement(size=4 * FACTS.size, channels=(8, 8), norm_groups=4, steps=2, batch_size=2, crop=16, sampler_steps=2)


@pytest.fixture(scope="module")
def generator():
    return EnlargedGenerator(SMALL, OWN, OWN.train(FACTS.size, device=CPU))


@pytest.mark.parametrize(
    ("numbers", "word"),
    [
        ({"size": 30}, "size"),
        ({"size": 2048}, "at most 1024"),
        ({"norm_groups": 0}, "norm_groups"),
        ({"channels": ()}, "channels"),
        ({"crop": 0}, "crop"),
        ({"channels": (12, 12)}, "norm_groups"),
        ({"scale": 0}, "scale"),
        ({"doubt": -1}, "doubt"),
        ({"steps": 0}, "steps"),
        ({"sampler_steps": 1}, "sampler_steps"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(numbers, word):
    with pytest.raises(ValueError, match=word):
        Enlargement(**numbers)


@pytest.mark.parametrize("small", [128, 48, 256])
def test_sizes_that_do_not_fit_are_refused(small):
    with pytest.raises(UsageError, match="can't be enlarged"):
        Enlargement(size=128).check_small(small)


def test_what_changes_the_network_changes_its_name_and_what_does_not_keeps_it():
    names = {field.name for field in dataclasses.fields(Enlargement)} - {"sampler_steps"}
    other = {
        "size": 256, "phantoms": {"dead_leaves": 1.0}, "channels": (16, 32), "residual_blocks": 2, "norm_groups": 4,
        "scale": 0.2, "doubt": 0.2, "crop": 64, "steps": 7, "batch_size": 9, "learning_rate": 0.1, "ema_decay": 0.5,
        "seed": 1,
    }  # fmt: skip
    assert set(other) == names
    base = Enlargement()
    assert all(
        dataclasses.replace(base, **{name: value}).identity(32) != base.identity(32) for name, value in other.items()
    )
    assert base.identity(32) != base.identity(64)
    assert dataclasses.replace(base, sampler_steps=5).identity(32) == base.identity(32)


def test_training_again_gives_the_same_bits(generator):
    again = OWN.train(FACTS.size, device=CPU)
    assert again.keys() == generator.weights.keys()
    assert all(torch.equal(again[name], value) for name, value in generator.weights.items())


def test_large_images_are_the_small_ones_and_detail(generator):
    small, large = SMALL.draw(5), generator.draw(5)
    assert large.pixels.shape == (5, 1, OWN.size, OWN.size)
    assert large.pixels.dtype == np.float32
    assert large.classes == small.classes
    assert np.abs(large.pixels).max() <= 1
    guide = enlarged_smoothly(torch.from_numpy(small.pixels), OWN.size).numpy()
    far, others = np.abs(large.pixels - guide).mean(), np.abs(large.pixels - guide[::-1]).mean()
    assert 0 < far < others


def test_an_image_depends_neither_on_count_nor_on_batch(generator):
    all_of = generator.draw(5).pixels
    images_of = generator.image_drawer(5)
    np.testing.assert_allclose(np.concatenate([images_of(range(2)), images_of(range(2, 5))]), all_of, atol=1e-5)
    np.testing.assert_allclose(generator.draw(3).pixels, all_of[:3], atol=1e-5)


def test_its_tensors_are_those_of_both_and_can_be_told_apart(generator):
    small, detail = split_tensors(generator.tensors())
    assert small.keys() == SMALL.tensors().keys()
    assert all(torch.equal(detail[name], value) for name, value in generator.weights.items())
    assert generator.kind == SMALL.kind


def test_its_marks_are_those_of_the_small_one():
    facts = dataclasses.replace(FACTS, seeded=True, private=False)
    marked = EnlargedGenerator(dataclasses.replace(SMALL, facts=facts), OWN, {}).facts
    assert marked.seeded
    assert not marked.private
    assert marked.size == OWN.size
