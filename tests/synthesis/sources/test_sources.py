"""From the words of a recipe to a source, and two sources joined."""

from dataclasses import is_dataclass
from importlib import import_module

import numpy as np
import pytest
import yaml

from medsyngen.errors import UsageError
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.sources import SOURCES, source_from, with_defaults
from medsyngen.synthesis.sources.composite import Composite
from medsyngen.synthesis.sources.diffusion_variation import DiffusionVariation
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator
from medsyngen.synthesis.sources.user_command import UserCommand
from medsyngen.synthesis.variation import Population


class Darker:
    """A source that varies by making darker."""

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        raise AssertionError("the other source starts")

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        return Population(population.pixels - np.float32(degree), population.classes)


def test_one_source_starts_and_another_varies():
    joined = Composite(PhantomSimulator("speckle", 8), Darker())
    first = joined.random(3, 2, np.random.default_rng(0))
    np.testing.assert_array_equal(
        first.pixels, PhantomSimulator("speckle", 8).random(3, 2, np.random.default_rng(0)).pixels
    )
    varied = joined.vary(first, 0.25, np.random.default_rng(0))
    np.testing.assert_allclose(varied.pixels, first.pixels - 0.25)
    assert varied.classes.tolist() == [2, 2, 2]


def test_phantoms_vary_only_what_was_rendered_from_their_own_places():
    speckle = PhantomSimulator("speckle", 8)
    Composite(speckle, speckle)
    for start in (Darker(), PhantomSimulator("voronoi", 8)):
        with pytest.raises(UsageError, match="phantoms can't vary images of another source"):
            Composite(start, speckle)


def test_every_kind_is_there_and_is_a_dataclass_with_an_origin():
    for place in SOURCES.values():
        module, name = place.split(":")
        source = getattr(import_module(module), name)
        assert is_dataclass(source)
        assert all(hasattr(source, each) for each in ("random", "vary", "origin"))


def test_a_recipe_names_sources():
    assert source_from({"kind": "phantom-simulator", "phantom": "speckle"}, 8) == PhantomSimulator("speckle", 8)
    command = source_from({"kind": "user-command", "command": ["sh", "x.sh"], "attested_by": "us", "seconds": 5}, 8)
    assert command == UserCommand(("sh", "x.sh"), 8, "us", seconds=5)


def test_a_composite_is_named_by_its_parts_and_diffusion_takes_the_recipes_expert():
    expert = PhantomExpert({"speckle": 1.0})
    said = {
        "kind": "composite",
        "start": {"kind": "phantom-simulator", "phantom": "speckle"},
        "change": {"kind": "diffusion-variation"},
    }
    joined = source_from(said, 16, expert=expert)
    assert isinstance(joined, Composite)
    assert joined.start == PhantomSimulator("speckle", 16)
    assert isinstance(joined.change, DiffusionVariation)
    assert joined.change.expert is expert
    assert joined.origin == (
        "phantoms drawn by program (speckle, version 1) to start, a diffusion model trained on phantoms drawn by "
        "program (speckle) to vary"
    )


def test_an_expert_is_of_the_phantoms_that_the_source_names():
    named = source_from({"kind": "diffusion-variation", "phantoms": {"voronoi": 1.0}}, 16)
    assert isinstance(named, DiffusionVariation)
    assert named.expert == PhantomExpert({"voronoi": 1.0})


def test_defaults_are_written_out_and_make_the_same_source():
    said = {
        "kind": "composite",
        "start": {"kind": "phantom-simulator", "phantom": "speckle"},
        "change": {"kind": "user-command", "command": ["sh"], "attested_by": "us"},
    }
    whole = with_defaults(said)
    assert yaml.safe_load(yaml.safe_dump(whole)) == whole
    assert whole["change"]["seconds"] == 600
    assert source_from(whole, 16) == source_from(said, 16)
    assert with_defaults(whole) == whole
    assert with_defaults({"kind": "monai-bundle", "folder": "x", "attested_by": "us"})["value_range"] == [0.0, 1.0]
    assert set(with_defaults({"kind": "diffusion-variation"})) == {"kind", "sampler", "steps", "lowest_sigma"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "dream"}, "no kind of source named 'dream'"),
        ({}, "no kind of source named None"),
        ({"kind": ["phantom"]}, "no kind of source named"),
        (
            {"kind": "phantom-simulator", "phantoms": "speckle", "size": 9},
            "unknown: phantoms; unknown: size; missing: phantom$",
        ),
        ({"kind": "phantom-simulator", "phantom": "spekle"}, "did you mean 'speckle'"),
        ({"kind": "phantom-simulator", "phantom": ["speckle"]}, "no phantom named"),
        ({"kind": "image-pool", "folder": "nowhere"}, "missing: attested_by"),
        ({"kind": "image-pool", "folder": "nowhere", "attested_by": "us"}, "not there"),
        ({"kind": "diffusion-variation", "steps": 1}, "steps must be at least 2"),
        ({"kind": "diffusion-variation", "steps": "many"}, "can't be made"),
        ({"kind": "user-command", "command": ["sh"], "attested_by": 3}, "can't be made"),
        ({"kind": "monai-bundle", "folder": "https://host.example/x", "attested_by": "us"}, "no folder on this"),
        (
            {"kind": "composite", "start": "phantom-simulator", "change": {"kind": "diffusion-variation"}},
            "missing: phantom",
        ),
        ({"kind": "composite", "start": {"kind": "diffusion-variation"}}, "missing: change"),
    ],
)
def test_what_names_no_source_is_refused(said, why):
    with pytest.raises(UsageError, match=why):
        source_from(said, 16)
