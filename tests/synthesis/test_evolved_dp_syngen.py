"""The joined method's numbers, its event and its expert; whole runs are in tests/pipeline/test_evolved.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.unet import UNetSize
from medsyngen.diffusion.unfinished import Unfinished
from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD
from medsyngen.privacy.events import Composed, Gaussian, PoissonSampled, SelfComposed
from medsyngen.synthesis.evolved_dp_syngen import EvolvedDPSynGen
from medsyngen.synthesis.evolved_file import Evolved
from medsyngen.synthesis.evolved_training import EvolvedTraining
from medsyngen.synthesis.generator import GeneratorFacts, StagedGenerator
from medsyngen.synthesis.population_tensors import to_tensors
from medsyngen.synthesis.private_evolution import PrivateEvolution
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator
from medsyngen.synthesis.synthesizer import Target

CPU = torch.device("cpu")
LEAVES = {"kind": "phantom-simulator", "phantom": "dead_leaves"}
SMALL = EvolvedDPSynGen(
    phantoms={"dead_leaves": 1.0},
    network=UNetSize((8, 8), (False, False), norm_groups=4, head_channels=8),
    private=DPSGD(steps=5, patients_per_step=10),
    evolution=PrivateEvolution(source=LEAVES, iterations=2, degrees=(0.3, 0.1)),
    evolved=EvolvedTraining(start="random", steps=4, batch_size=8, ema_decay=0.5),
    votes_noise=2.0,
)
TARGET = Target(size=8, classes=("a", "b"), shares=(0.5, 0.5))


def evolved(**marks) -> Evolved:
    rng = np.random.default_rng(0)
    population = PhantomSimulator("dead_leaves", 8).random(6, 0, rng)
    classes = np.array([0, 0, 0, 1, 1, 1])
    usual = {"recipe_sha256": "0" * 64, "run": "r", "ledger_line": 1, "ledger_hash": "h"}
    marks = {**usual, "seeded": False, "private": True, **marks}
    return Evolved(to_tensors(replace(population, classes=classes)), {}, **marks)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"evolution": PrivateEvolution(source={"kind": "diffusion-variation"})}, "phantom-simulator"),
        ({"votes_noise": 0.0}, "votes_noise"),
        ({"votes_noise": float("nan")}, "votes_noise"),
        ({"votes_noise": float("inf")}, "votes_noise"),
        ({"public_bands": "most"}, "public_bands"),
    ],
)
def test_numbers_that_can_not_be(numbers, words):
    with pytest.raises((ValueError, UsageError), match=words):
        replace(SMALL, **numbers)


@pytest.mark.parametrize(
    "numbers", [{"steps": 0}, {"start": "shipped"}, {"label_dropout": 0.0}, {"label_dropout": 1.0}, {"batch_size": 0}]
)
def test_numbers_of_training_that_can_not_be(numbers):
    with pytest.raises(ValueError, match=next(iter(numbers))):
        EvolvedTraining(**numbers)


def test_the_plan_is_both_parts_each_with_its_own_noise():
    plan = SMALL.plan(patients_at_most=20, noise_multiplier=3.0)
    votes, steps = SelfComposed(Gaussian(6.0), 2), SelfComposed(PoissonSampled(0.5, Gaussian(3.0)), 5)
    assert plan == Composed((votes, steps))
    alone = replace(SMALL, public_bands="all")
    assert alone.plan(patients_at_most=20, noise_multiplier=3.0) == SelfComposed(Gaussian(3.0), 2)
    assert alone.reads_scans
    budget = Budget(2.0, 1e-5)
    for method in (SMALL, alone):
        z = method.calibrate(budget, 20)
        assert 1.98 < epsilon_spent([method.plan(patients_at_most=20, noise_multiplier=z)], 1e-5) <= 2.0


def test_phantoms_are_those_that_evolve_and_those_that_it_began_with():
    both = replace(
        SMALL, evolved=EvolvedTraining(), phantoms={"dead_leaves": 0.5, "power_law": 0.5}
    ).describe_phantoms()
    assert {part["name"]: part["share"] for part in both} == {"dead_leaves": 0.75, "power_law": 0.25}
    assert [part["name"] for part in SMALL.describe_phantoms()] == ["dead_leaves"]


def test_the_expert_learns_its_classes_and_the_null_class():
    found = evolved()
    first = SMALL.evolved.first_weights(SMALL, TARGET, device=CPU)
    trained = SMALL.evolved.trained(SMALL.phantoms_of(found, TARGET), first, SMALL, TARGET, device=CPU)
    rows, before = trained["class_embedding.weight"], first["class_embedding.weight"]
    assert len(rows) == 3
    moved = (rows - before).abs().sum(1)
    assert bool((moved > 0).all())


def test_an_interrupted_training_ends_with_the_same_bits_and_another_sets_state_is_refused(tmp_path):
    found, other = evolved(), evolved(run="another")
    first = SMALL.evolved.first_weights(SMALL, TARGET, device=CPU)

    def train(of: Evolved, file: bool = True, die_after: int = 99):
        def progress(_, done, total):
            if done == die_after:
                raise KeyboardInterrupt

        unfinished = Unfinished(tmp_path / "evolved.unfinished", 1, of.marks) if file else None
        return SMALL.evolved.trained(
            SMALL.phantoms_of(of, TARGET), first, SMALL, TARGET, device=CPU, unfinished=unfinished, progress=progress
        )

    with pytest.raises(KeyboardInterrupt):
        train(found, die_after=2)
    with pytest.raises(VerificationFailed, match="can't be used"):
        train(other)
    whole, resumed = train(found, file=False), train(found)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize(("seeded", "private"), [(True, True), (False, False)])
def test_marks_of_the_votes_stay_with_whatever_follows(seeded, private):
    experts = SMALL.experts(evolved(seeded=seeded, private=private), TARGET)
    facts = experts.generator_facts(TARGET, seeded=False, private=True)
    assert (facts.seeded, facts.private) == (seeded, private)


def test_a_public_expert_is_called_with_classes_only_if_it_knows_them():
    first = SMALL.evolved.first_weights(SMALL, TARGET, device=CPU)
    weights = {name: value + 0.05 * torch.ones_like(value) for name, value in first.items()}  # no layer of zeros
    numbers = {"size": 8, "network": SMALL.network, "bands": StageBands(), "sampler_steps": 2, "classes": ("a", "b")}
    facts = GeneratorFacts(**numbers, shares=(0.5, 0.5), seed=0, seeded=False, private=True, public_bands="all")
    x, sigma = torch.ones((1, 1, 8, 8)), torch.tensor([1.0])

    def drawn(knows: bool):
        used = weights if knows else {**weights, "class_embedding.weight": weights["class_embedding.weight"][2:]}
        denoise = StagedGenerator(replace(facts, public_classes=knows), used, None).denoiser()
        return [denoise(x, sigma, torch.tensor([row])) for row in (0, 1, 2)]

    one, other, _ = drawn(True)
    assert not torch.equal(one, other)
    one, other, null = drawn(False)
    assert torch.equal(one, other)
    assert torch.equal(null, drawn(True)[2])


def test_another_methods_generator_is_refused():
    for public_bands in ("both", "all"):
        context = {} if public_bands == "both" else {"context.a": torch.zeros(1)}
        with pytest.raises(VerificationFailed, match="does not belong"):
            replace(SMALL, public_bands=public_bands).restore(
                {"public.a": torch.zeros(1), **context}, TARGET, seeded=False, private=True, device=CPU
            )


def test_a_file_that_holds_nothing_evolved_is_refused(tmp_path):
    path = tmp_path / "evolved.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(VerificationFailed, match="no evolved phantoms"):
        Evolved.load(path)
    evolved(run="x").save(path)
    assert Evolved.load(path).marks == evolved(run="x").marks
