"""The method and its generator: numbers that can't be, what it charges, images that depend on their number alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_evolution import SIZE, TWO_CLASSES, Flat

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.synthesis.generator import generator_bytes, read_tensors
from medsyngen.synthesis.population_generator import PopulationFacts, PopulationGenerator
from medsyngen.synthesis.private_evolution import PrivateEvolution
from medsyngen.synthesis.staged_diffusion import StagedDiffusion
from medsyngen.synthesis.synthesizer import Target

CPU = torch.device("cpu")


def generator(degree: float | None = 0.05) -> PopulationGenerator:
    places = np.array([[0.1], [0.2], [0.3], [0.8], [0.9]])
    members = Flat().at(places, np.array([0, 0, 0, 1, 1]))
    facts = PopulationFacts(
        size=SIZE,
        classes=TWO_CLASSES.values[0],
        shares=TWO_CLASSES.shares[0],
        seed=1,
        degree=degree,
        seeded=False,
        private=True,
    )
    return PopulationGenerator(facts, members, Flat())


def test_an_image_depends_on_its_number_alone():
    many, few, by_fives = generator().draw(80), generator().draw(7), generator().draw(80, batch=5)
    np.testing.assert_array_equal(many.pixels[:7], few.pixels)
    np.testing.assert_array_equal(many.pixels, by_fives.pixels)
    np.testing.assert_array_equal(generator().image_drawer(70)(range(29, 66)), many.pixels[29:66])
    assert len({image.tobytes() for image in many.pixels}) == 80  # no image twice, though there are five members
    assert many.pixels.dtype == np.float32
    assert np.abs(many.pixels).max() <= 1


def test_classes_are_as_dealt_and_images_of_a_class_come_from_its_members():
    drawn = generator().draw(40)
    assert drawn.classes.count("light") == 10
    light = drawn.pixels.mean((1, 2, 3)) > 0
    assert [name == "light" for name in drawn.classes] == light.tolist()


def test_kept_members_are_drawn_as_they_are():
    drawn, members = generator(None).draw(20).pixels, generator().population.pixels
    assert {image.tobytes() for image in drawn} == {image.tobytes() for image in members}


def test_the_file_brings_back_the_population_and_nothing_else(tmp_path):
    path = tmp_path / "generator.safetensors"
    path.write_bytes(generator_bytes(generator(), {"seeded": False, "private": True}))
    tensors, facts = read_tensors(path)
    assert facts["kind"] == "population"
    assert set(tensors) == {"pixels", "classes", "places"}
    target = Target(size=SIZE, classes=("dark", "light"), shares=(0.75, 0.25))
    again = PrivateEvolution(source=PHANTOM).restore(tensors, target, seeded=True, private=False, device=CPU)
    np.testing.assert_array_equal(again.population.places, generator().population.places)
    assert (again.facts.seeded, again.facts.private) == (True, False)


PHANTOM = {"kind": "phantom-simulator", "phantom": "dead_leaves"}


def test_neither_method_takes_the_others_generator():
    target = Target(size=16)
    with pytest.raises(VerificationFailed, match="no population"):
        PrivateEvolution().restore({"public.a": torch.zeros(1)}, target, seeded=False, private=True, device=CPU)
    with pytest.raises(VerificationFailed, match="does not belong to the recipe"):
        StagedDiffusion().restore(generator().tensors(), target, seeded=False, private=True, device=CPU)


@pytest.mark.parametrize(
    "numbers",
    [
        {"iterations": 0, "degrees": ()},
        {"degrees": (0.5, 0.4, 0.3, 0.2), "iterations": 3},
        {"degrees": (0.5, 0.4, 0.3, 1.2)},
        {"degrees": (0.5, 0.4, 0.3, float("nan"))},
        {"members": 0},
        {"threshold": -1.0},
        {"threshold": float("nan")},
        {"lookahead": -1},
        {"neighbours": 0},
        {"selection": "best"},
        {"draw": "new"},
        {"embedding": "inception"},
        {"source": {"kind": "nature"}},
        {"source": {"kind": "phantom-simulator", "fantom": "dead_leaves"}},
        {"source": {"kind": "phantom-simulator", "phantom": "dead_leaves", "size": 16}},
        {"source": {"kind": "phantom-simulator", "phantom": "nothing"}},
        {"source": {"kind": "phantom-simulator"}},
    ],
)
def test_numbers_that_can_not_be(numbers):
    name = "source|kind|phantom" if "source" in numbers else next(iter(numbers))
    with pytest.raises((ValueError, UsageError), match=name):
        PrivateEvolution(**numbers)


def test_what_is_planned_is_every_round_and_spends_at_most_the_budget():
    method = PrivateEvolution(iterations=3, degrees=(0.4, 0.2, 0.1))
    budget = Budget(2.0, 1e-5)
    sigma = method.calibrate(budget, 300)
    event = method.plan(patients_at_most=300, noise_multiplier=sigma)
    assert (event.count, event.event.noise_multiplier) == (3, sigma)
    assert 1.99 < epsilon_spent([event], budget.delta) <= 2.0
    # a Gaussian mechanism's own delta at mu = sqrt(T) / sigma (Balle and Wang 2018, theorem 8): no accountant in it
    from scipy.stats import norm

    mu = 3**0.5 / sigma
    assert norm.cdf(mu / 2 - 2 / mu) - np.exp(2) * norm.cdf(-mu / 2 - 2 / mu) == pytest.approx(1e-5, rel=0.01)


def test_every_default_of_the_source_stands_in_the_recipe():
    assert PrivateEvolution().source == {"kind": "phantom-simulator", "phantom": "chest_radiograph"}
    (phantom,) = PrivateEvolution(source=PHANTOM).describe_phantoms()
    assert (phantom["name"], phantom["share"]) == ("dead_leaves", 1.0)


def test_members_of_every_class_are_counted_in_the_query():
    (query,) = PrivateEvolution(members=3).describe_queries(
        Target(size=16, classes=("a", "b", "c"), shares=(0.9, 0.05, 0.05))
    )
    assert query["members"] == 5  # at least one each
