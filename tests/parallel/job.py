"""What each process of a job on toys does; each writes down what it saw. Run by torchrun: ``job.py FOLDER``."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "privacy"))

from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.parallel import ALONE, RankEnded, Ranks, joined
from medsyngen.privacy import dpsgd, mechanism, shared_sum
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import secure_generator, seeded_generator_for_tests

N_MAX, SIGMA, C = 20, 2.0, 0.5
TRAINING = DPSGD(patients_per_step=10, micro_batch=2, clipping_norm=C, learning_rate=1e-30)
"""A learning rate of nothing: the sums of all steps are taken at the same weights, to be compared to the last bits."""


def lead(folder: Path, ranks: Ranks, scene: dict[str, Any], *, patients: int, epsilon: float = 1e6) -> None:
    """Trains, resuming what is in the folder; the noiseless sums and what was applied are written down."""
    training = replace(TRAINING, steps=scene["steps"], block=scene["block"])
    keys = seeded_generator_for_tests(1) if scene.get("seeded") else secure_generator()
    sums, applied = [], []

    class Heard(dpsgd.TrainingState):
        def update(self, gradient, *more):
            applied.append(gradient * training.sampling_rate(N_MAX) * N_MAX)
            super().update(gradient, *more)

    class Mechanism(mechanism.GaussianSum):
        def release(self, total, std, stream):
            sums.append(total.clone())
            return super().release(total, scene.get("part_of_noise", 1.0) * std, stream)

    file, real = folder / "ledger.jsonl", dpsgd.TrainingState
    new = {"budget": Budget(epsilon, 1e-4), "patients_at_most": N_MAX, "reason": "test"}
    dpsgd.TrainingState = Heard
    try:
        with Ledger.open(file) if file.exists() else Ledger.create(file, **new) as ledger:
            plan = training.event(training.steps, patients_at_most=N_MAX, noise_multiplier=SIGMA)
            train_privately(
                LinearLoss(),
                toy_weights(),
                toy_cohort(patients),
                training,
                patients_at_most=N_MAX,
                noise_multiplier=SIGMA,
                account=ledger.begin("run", recipe_sha256="a" * 64, plan=plan, seeded=keys.seeded),
                keys=keys,
                checkpoint=folder / "checkpoint.safetensors",
                device=torch.device("cpu"),
                mechanism=Mechanism(),
                ranks=ranks,
            )
    finally:
        dpsgd.TrainingState = real
        np.savez(folder / "rank0.npz", sums=_stack(sums), applied=_stack(applied))


def serve(folder: Path, ranks: Ranks, scene: dict[str, Any], *, patients: int) -> None:
    """Serves; the weights and the patients of each step are written down."""
    weights, shares, real = [], [], shared_sum.clipped_sum

    def heard(loss, parameters, cohort, sampled, **more):
        weights.append(torch.cat([value.flatten() for value in parameters.values()]))
        shares.append(" ".join(p.patient_id for p in sampled))
        if len(weights) == scene.get("dies_in") and ranks.rank == 1:
            if scene.get("hangs"):
                time.sleep(600)  # not stopped by a signal: torchrun would wait half a minute before it kills it
            os.kill(os.getpid(), SIGKILL)
        total = real(loss, parameters, cohort, sampled, **more)
        if "noise_here" in scene:  # the mutants
            return add_gaussian_noise(total, scene["noise_here"] * SIGMA * C, secure_generator())
        return total

    shared_sum.clipped_sum = heard
    views = Views({name: value.shape for name, value in toy_weights().items()})
    here = {"clipping_norm": C, "micro_batch": TRAINING.micro_batch, "device": torch.device("cpu")}
    try:
        shared_sum.serve_sums(LinearLoss(), views, toy_cohort(patients), ranks, **here)
    except RankEnded as ended:
        if ended.exit_code:
            raise
    finally:
        shared_sum.clipped_sum = real
        np.savez(folder / f"rank{ranks.rank}.npz", weights=_stack(weights), shares=np.array(shares))


def play(folder: Path, ranks: Ranks, scene: dict[str, Any]) -> None:
    """Plays one scene: rank 0 leads, the others serve."""
    patients = scene.get("patients", 12)
    real = shared_sum.deal
    if scene.get("same_for_all"):
        shared_sum.deal = lambda sampled, micro_batch, count: [list(sampled)] * count
    if ranks.first:
        lead(folder, ranks, scene, patients=patients, epsilon=scene.get("epsilon", 1e6))
    else:
        serve(folder, ranks, scene, patients=patients)
    shared_sum.deal = real


def _stack(tensors: list[torch.Tensor]) -> np.ndarray:
    return torch.stack(tensors).numpy() if tensors else np.zeros((0, 15))


def main(folder: Path) -> None:
    scenarios = json.loads((folder / "scenarios.json").read_text())
    patience = timedelta(seconds=min(scene.get("patience", 60) for scene in scenarios.values()))
    with joined(patience) as job:
        for name, scene in scenarios.items():
            with ExitStack() as ending:
                ranks = Ranks(job.rank, job.count, patience=patience) if job.count > 1 else ALONE
                ending.push(ranks.leave)
                play(folder / name, ranks, scene)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
