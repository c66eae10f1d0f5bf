"""Votes and training shared by two processes: both parts take place, and a run goes on behind its votes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from test_evolved_dp_syngen import SMALL

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.purposes import TRAINING, VOTES
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis import evolved_dp_syngen
from medsyngen.synthesis.synthesizer import Target

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "privacy"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from ledgers import RECIPE, new
from wired import together

CPU = torch.device("cpu")
TARGET = Target(size=8, classes=("a", "b"), shares=(0.5, 0.5))


class Killed(BaseException):
    """As a kill: nothing of the product catches it."""


def patients() -> Cohort:
    pixels = SMALL.evolution.images(8).random(12, 0, np.random.default_rng(0)).pixels
    return Cohort({PatientKey(f"p{i}"): PatientRecord(pixels[i : i + 1], np.array([i % 3])) for i in range(12)})


def fit(folder: Path, ranks: Ranks):
    path, keys = folder / "ledger.jsonl", secure_generator()
    with Ledger.open(path) if path.exists() else new(folder, Budget(500.0, 1e-5)) as ledger:
        plan = SMALL.plan(patients_at_most=20, noise_multiplier=2.0)
        return SMALL.fit(
            patients(),
            TARGET,
            patients_at_most=20,
            noise_multiplier=2.0,
            account=ledger.begin("run", recipe_sha256=RECIPE, plan=plan, seeded=False),
            keys=keys,
            private_folder=folder,
            device=CPU,
            ranks=ranks,
        )


def shared(folder: Path):
    return together(2, lambda first: fit(folder, first), lambda other: SMALL.serve(TARGET, other, device=CPU))


def charged(folder: Path) -> list[str]:
    with Ledger.open(folder / "ledger.jsonl", read_only=True) as ledger:
        return [line["purpose"] for line in ledger.lines if line["kind"] == "charge"]


@pytest.mark.parametrize("goes_on", [shared, lambda folder: fit(folder, ALONE)])
def test_a_run_killed_behind_its_votes_goes_on_with_as_many_processes_as_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_on
):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path / "cache"))

    def dies(*a, **more):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(evolved_dp_syngen.EvolvedTraining, "trained", dies)
        with pytest.raises(Killed):
            shared(tmp_path)
    assert charged(tmp_path) == [VOTES] * 2
    goes_on(tmp_path)
    assert charged(tmp_path) == [VOTES] * 2 + [TRAINING] * 2


def test_two_processes_share_votes_and_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path / "cache"))
    generator, ranks = shared(tmp_path)
    assert charged(tmp_path) == [VOTES] * 2 + [TRAINING] * 2
    assert bool(torch.cat([value.flatten() for value in generator.tensors().values()]).isfinite().all())
    assert len(ranks[1].sent) > 2 + 2  # votes of two rounds, and its part of the steps
