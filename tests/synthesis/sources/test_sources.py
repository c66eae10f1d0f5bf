"""From the words of a recipe to a source, and two sources joined."""

from dataclasses import is_dataclass
from importlib import import_module

import numpy as np
import pytest
import yaml

from medsyngen.errors import UsageError
from medsyngen.recipe import load_recipe, recipe_from
from medsyngen.synthesis import experts
from medsyngen.synthesis.phantom_expert import PhantomExpert
from medsyngen.synthesis.private_evolution import PrivateEvolution
from medsyngen.synthesis.sources import SOURCES, source_from, with_defaults
from medsyngen.synthesis.sources.composite import Composite
from medsyngen.synthesis.sources.diffusion_variation import DiffusionVariation, key_of
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
    assert with_defaults({"kind": "monai-bundle", "folder": "/x", "attested_by": "us"})["value_range"] == [0.0, 1.0]


def test_what_a_diffusion_model_learned_is_written_out_with_it():
    default = with_defaults({"kind": "diffusion-variation"})
    assert set(default) == {"kind", "sampler", "steps", "lowest_sigma", "phantoms", "expert_key"}
    assert default["phantoms"] == {"chest_radiograph": 1.0}
    assert yaml.safe_load(yaml.safe_dump(default)) == default == with_defaults(default)
    other = with_defaults({"kind": "diffusion-variation", "phantoms": {"speckle": 1.0}})
    assert other["expert_key"] == key_of(PhantomExpert({"speckle": 1.0})) != default["expert_key"]
    made = source_from(other, 16)
    assert isinstance(made, DiffusionVariation)
    assert (made.expert, made.expert_key) == (PhantomExpert({"speckle": 1.0}), other["expert_key"])
    kept = {"kind": "diffusion-variation", "expert_key": "of another version"}
    assert with_defaults(kept)["expert_key"] == "of another version"


def test_a_recipes_hash_follows_what_its_diffusion_model_learns(monkeypatch):
    """As in a version whose experts are trained in another way: what was resolved by this one has another hash."""
    before = load_recipe("private-evolution-32", ("synthesis.source={kind: diffusion-variation}",))
    monkeypatch.setattr(experts, "EXPERT_FORMAT", experts.EXPERT_FORMAT + 1)
    after = load_recipe("private-evolution-32", ("synthesis.source={kind: diffusion-variation}",))
    assert before.sha256 != after.sha256
    assert recipe_from(yaml.safe_load(before.to_yaml())).sha256 == before.sha256  # its report and books stay readable


def test_a_composite_is_of_two_plain_sources():
    speckle = PhantomSimulator("speckle", 8)
    inner = Composite(speckle, Darker())
    for start, change in ((inner, Darker()), (Darker(), Composite(speckle, speckle))):
        with pytest.raises(UsageError, match="not composite themselves"):
            Composite(start, change)


POOL = {"kind": "image-pool", "folder": "/nowhere", "attested_by": "us"}
BUNDLE = {**POOL, "kind": "monai-bundle"}
COMMAND = {"kind": "user-command", "command": ["/nowhere/x"], "attested_by": "us"}


@pytest.mark.parametrize("said", [POOL, BUNDLE, COMMAND, {"kind": "composite", "start": POOL, "change": COMMAND}])
def test_a_source_whose_place_is_gone_is_missed_only_when_it_is_used(said):
    """Report, plan and resumption load recipes of runs that were paid for, on machines without their pools."""
    recipe = load_recipe("private-evolution-32", patients_at_most=20)
    asked = PrivateEvolution(source=said)
    assert recipe_from({**recipe.resolved(), "synthesis": {"method": recipe.method, "source": asked.source}}).sha256
    source = asked.images(16)
    assert source.origin
    with pytest.raises(UsageError, match="not there") as error:
        source.random(2, 0, np.random.default_rng(0))
    assert "recipe says" in error.value.do


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("phantom-simulator", "no 'phantom-simulator'"),
        (None, "no None"),
        ({"kind": "image-pool", 3: 4, "x": 5}, "unknown: 3; unknown: x; missing"),
        ({**POOL, "window": [0, 1, 2]}, "`window` of the source must be two rising"),
        ({**POOL, "window": "ab"}, "`window`"),
        ({**POOL, "window": [0.0, float("inf")]}, "`window`"),
        ({**POOL, "window": [3, 3]}, "`window`"),
        ({**BUNDLE, "value_range": [0]}, "`value_range`"),
        ({**BUNDLE, "value_range": [0, 1, 2]}, "`value_range`"),
        ({**BUNDLE, "value_range": [float("nan"), 1]}, "`value_range`"),
        ({**BUNDLE, "value_range": [True, 2]}, "`value_range`"),
        ({**BUNDLE, "value_range": None}, "`value_range`"),
        ({**BUNDLE, "sample": 3, "image": None}, "`sample`, `image` of the source must be a text"),
        ({**BUNDLE, "vary_with": 3}, "`vary_with`"),
        ({**BUNDLE, "folder": "bundles/x"}, "whole path"),
        ({**POOL, "folder": "bundles/x"}, "whole path"),
        ({**POOL, "folder": "/x\0"}, "whole path"),
        ({**COMMAND, "command": ["bin/x"]}, "whole path"),
        ({**COMMAND, "command": []}, "whole path"),
        ({**COMMAND, "command": "sh"}, "no list of texts"),
        ({**COMMAND, "command": ["sh", "\0"]}, "`command`"),
        ({**COMMAND, "path": 3}, "`path`"),
        ({**COMMAND, "seconds": float("inf")}, "no time"),
        ({"kind": "diffusion-variation", "phantoms": ["speckle"]}, "can't be made"),
        ({"kind": "diffusion-variation", "steps": 18.5}, "a whole number"),
        ({"kind": "composite", "start": POOL, "change": "diffusion-variation"}, "no 'diffusion-variation'"),
        (
            {"kind": "composite", "start": POOL, "change": {"kind": "composite", "start": POOL, "change": POOL}},
            "made of",
        ),
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
        ({"kind": "diffusion-variation", "steps": 1}, "steps must be at least 2"),
        ({"kind": "diffusion-variation", "steps": "many"}, "can't be made"),
        ({"kind": "user-command", "command": ["sh"], "attested_by": 3}, "`attested_by` of the source must be a text"),
        ({"kind": "monai-bundle", "folder": "https://host.example/x", "attested_by": "us"}, "no folder on this"),
        (
            {"kind": "composite", "start": {"kind": "phantom-simulator"}, "change": {"kind": "diffusion-variation"}},
            "missing: phantom",
        ),
        ({"kind": "composite", "start": {"kind": "diffusion-variation"}}, "missing: change"),
    ],
)
def test_what_names_no_source_is_refused(said, why):
    with pytest.raises(UsageError, match=why):
        source_from(said, 16)
    with pytest.raises(UsageError, match=why):
        source_from(with_defaults(said), 16)
