"""Class proportions that are bought: a vector of norm 1 a patient, one event, shares that every class has a part of."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_evolution import patient

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Composed, Gaussian, SelfComposed
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.purposes import PROPORTIONS, VOTES
from medsyngen.randomness import secure_generator, seeded_generator_for_tests
from medsyngen.scan import PatientKey
from medsyngen.synthesis.bought_shares import BOUGHT_FILE, SHARES, ClassVector, shares_of, with_bought
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.evolved_dp_syngen import EvolvedDPSynGen
from medsyngen.synthesis.private_evolution import PrivateEvolution
from medsyngen.synthesis.synthesizer import Target

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "privacy"))
from elections import Clean, Recorder
from ledgers import RECIPE, new

CPU = torch.device("cpu")
TARGET = Target(size=16, classes=("a", "b", "c"), shares=(0.2, 0.4, 0.4))
METHOD = PrivateEvolution(
    source={"kind": "phantom-simulator", "phantom": "dead_leaves"},
    iterations=2,
    degrees=(0.3, 0.1),
    members=40,
    proportions="bought",
    proportions_noise=0.5,
)
CELLS = Cells(TARGET.conditioning)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_a_patient_brings_norm_one_at_most_whatever_the_scans(classes: list[int]):
    vector = ClassVector(CELLS)(patient(*((0.0, label) for label in classes)))
    assert vector.norm().item() <= 1 + 1e-12
    assert vector.sum().item() == pytest.approx(1)
    known = [label for label in classes if label < 3]
    if len(known) == len(classes):
        np.testing.assert_allclose(vector, np.bincount(known, minlength=3) / len(known))


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3), st.integers(6, 500))
def test_shares_add_up_and_no_class_has_less_than_a_member(noised: list[float], members: int):
    shares = shares_of(np.array(noised), CELLS.shares, members)
    assert shares.sum() == pytest.approx(1)
    sizes = Cells(replace(TARGET, shares=tuple(shares)).conditioning).sizes(members)
    assert min(sizes) >= 1
    assert sum(sizes) == members  # as many as the report says
    if max(noised) <= 0:
        np.testing.assert_allclose(shares, CELLS.shares, atol=3 / members)


def sixty(labels: tuple[int, ...] = (0, 0, 0, 1)) -> Cohort:
    """Three quarters of the first class, none of the third."""
    pictures = METHOD.images(16).random(60, 0, np.random.default_rng(0)).pixels
    record = type(patient((0.0, 0)))
    return Cohort(
        {PatientKey(f"p{i}"): record(pictures[i : i + 1], np.array([labels[i % len(labels)]])) for i in range(60)}
    )


def fitted(folder: Path, cohort: Cohort, *, sigma: float = 0.3, mechanism=None, keys=None, method=METHOD):
    keys = keys or secure_generator()
    path = folder / "ledger.jsonl"
    with Ledger.open(path) if path.exists() else new(folder, Budget(900.0, 1e-5)) as ledger:
        plan = method.plan(patients_at_most=100, noise_multiplier=sigma)
        return method.fit(
            cohort,
            TARGET,
            patients_at_most=100,
            noise_multiplier=sigma,
            account=ledger.begin("run", recipe_sha256=RECIPE, plan=plan, seeded=keys.seeded),
            keys=keys,
            private_folder=folder,
            device=CPU,
            mechanism=mechanism,
        )


def charged(folder: Path) -> list[tuple[str, dict]]:
    with Ledger.open(folder / "ledger.jsonl", read_only=True) as ledger:
        return [(line["purpose"], line["event"]) for line in ledger.lines if line["kind"] == "charge"]


def test_images_come_in_the_patients_proportions(tmp_path: Path):
    recorder = Recorder()
    generator = fitted(tmp_path, sixty(), mechanism=recorder)
    np.testing.assert_allclose(generator.facts.shares, (0.75, 0.25, 0.0), atol=0.05)
    assert np.bincount(generator.population.classes).tolist() == Cells(generator.facts.conditioning).sizes(40)
    assert generator.dealt(100)["class"].count("a") == pytest.approx(75, abs=6)
    events = [(PROPORTIONS, 0.15), (VOTES, 0.3), (VOTES, 0.3)]  # before the votes, with noise of its own
    assert [(purpose, event["noise_multiplier"]) for purpose, event in charged(tmp_path)] == events
    assert recorder.stds == [sigma for _, sigma in events]
    again = METHOD.restore(generator.tensors(), TARGET, seeded=False, private=True, device=CPU)
    assert again.facts == generator.facts
    np.testing.assert_array_equal(again.draw(5).pixels, generator.draw(5).pixels)


def test_a_run_that_goes_on_has_the_shares_that_it_bought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr("medsyngen.synthesis.private_evolution.vote_privately", lambda *a, **more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fitted(tmp_path, sixty())
    assert [purpose for purpose, _ in charged(tmp_path)] == [PROPORTIONS]
    assert (tmp_path / BOUGHT_FILE).exists()
    generator = fitted(tmp_path, sixty((2,)))  # whoever is there now: it was asked once
    np.testing.assert_allclose(generator.facts.shares, (0.75, 0.25, 0.0), atol=0.05)
    assert [purpose for purpose, _ in charged(tmp_path)] == [PROPORTIONS, VOTES, VOTES]


def test_the_marks_of_the_sum_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr("medsyngen.synthesis.private_evolution.vote_privately", lambda *a, **more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fitted(tmp_path, sixty(), mechanism=Clean(), keys=seeded_generator_for_tests(1))
    facts = fitted(tmp_path, sixty()).facts
    assert (facts.private, facts.seeded) == (False, True)


def test_everything_is_planned_and_fits_the_budget():
    for noise in (0.5, 1.0, 3.0):
        method, budget = replace(METHOD, proportions_noise=noise), Budget(2.0, 1e-5)
        sigma = method.calibrate(budget, 300)
        plan = method.plan(patients_at_most=300, noise_multiplier=sigma)
        assert plan == Composed((Gaussian(noise * sigma), SelfComposed(Gaussian(sigma), 2)))
        assert 1.99 < epsilon_spent([plan], 1e-5) <= 2.0
    queries = METHOD.describe_queries(TARGET)
    assert queries[0] == {"kind": "shares", "planned": 1, "classes": 3}
    assert queries[1]["members"] == 40


def test_equal_noise_is_charged_alike(tmp_path: Path):
    fitted(tmp_path, sixty(), method=replace(METHOD, proportions_noise=1.0))
    assert [purpose for purpose, _ in charged(tmp_path)] == [PROPORTIONS, VOTES, VOTES]


def test_what_has_no_proportions_to_buy_is_refused():
    sex = Attribute("sex", (ClassDefinition("f", "F", 0.5), ClassDefinition("m", "M", 0.5)))
    for target in (Target(16), Target(16, ("a",), (1.0,)), Target(16, conditions=(sex,))):
        with pytest.raises(UsageError, match="two classes or more"):
            METHOD.describe_queries(target)
    with pytest.raises(UsageError, match="too small for 3 classes"):
        replace(METHOD, members=5).describe_queries(TARGET)
    with pytest.raises(ValueError, match="proportions must be recipe"):
        EvolvedDPSynGen(evolution=METHOD)
    for noise in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="proportions_noise"):
            replace(METHOD, proportions_noise=noise)


@pytest.mark.parametrize("shares", [None, [0.5, 0.5], [0.9, 0.2, -0.1], [0.5, 0.5, 0.5]])
def test_a_generator_without_its_shares_is_refused(shares: list[float] | None):
    tensors = {} if shares is None else {SHARES: torch.tensor(shares, dtype=torch.float64)}
    with pytest.raises(VerificationFailed, match="class proportions"):
        with_bought(tensors, TARGET)
