"""What a second process gains: private steps by one process with one and two threads, and by two with one thread each.

    python -m tests.benchmarks.processes

The same patients, all of them in every step; a step is all that training does: hand out, clipped sums, noise, Adam.
Each figure is the least of a few steps of a few jobs taken in turn, so that a busy machine slows all alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.parallel import RankEnded, joined
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.privacy.gradient_sum import Views
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.shared_sum import serve_sums
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss

PATIENTS, SIDE, REPEATS = 32, 28, 2
TRAINING = DPSGD(steps=4, patients_per_step=PATIENTS, micro_batch=8, block=4)
ROOT = Path(__file__).resolve().parents[2]
WAYS = {  # processes, threads of each
    "one process, one thread": (1, 1),
    "one process, two threads": (1, 2),
    "two processes, one thread each": (2, 1),
}


def processes() -> dict[str, Any]:
    """Measures every way and returns the seconds of a step and what the second core gains."""
    least: dict[str, float] = {}
    for _ in range(REPEATS):
        for way, (count, threads) in WAYS.items():
            least[way] = min(least.get(way, float("inf")), _job(count, threads))
    alone = least["one process, one thread"]
    return {
        "patients": PATIENTS,
        "pixels": SIDE**2,
        "parameters": sum(p.numel() for p in _network().parameters()),
        "draws": TRAINING.scans_per_patient * TRAINING.draws_per_scan,
        "seconds_a_step": {way: round(seconds, 3) for way, seconds in least.items()},
        "times_faster_than_one_thread": {way: round(alone / seconds, 2) for way, seconds in least.items()},
        "cores": os.cpu_count(),
        "load_when_done": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
    }


def _job(count: int, threads: int) -> float:
    command = [sys.executable, "-m"]
    if count > 1:
        command += ["torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "-m"]
    done = subprocess.run(
        [*command, "tests.benchmarks.processes", "--measure"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout)["least"])


def _network() -> torch.nn.Module:
    return build_unet(UNetSize(), image_channels=1, class_rows=1, seed=0).eval().requires_grad_(False)


def _measure() -> None:
    """Trains in this process, or with its job; rank 0 prints the time of its quickest step but the first."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    network, rng = _network(), np.random.default_rng(0)
    loss = ContextLoss(network, StageBands().split(SIDE**2)[1], NoiseLaw(0.0, 1.2), 2, 4)
    weights = {name: value.detach() for name, value in network.named_parameters()}
    pixels = rng.uniform(-1, 1, (PATIENTS, 2, 1, SIDE, SIDE)).astype(np.float32)
    cohort = Cohort({PatientKey(f"p{i}"): PatientRecord(p, np.zeros(2, np.int64)) for i, p in enumerate(pixels)})
    where, ends = torch.device("cpu"), []
    with joined() as ranks, tempfile.TemporaryDirectory() as folder:
        if not ranks.first:
            views = Views({name: value.shape for name, value in weights.items()})
            try:
                serve_sums(
                    loss,
                    views,
                    cohort,
                    ranks,
                    clipping_norm=TRAINING.clipping_norm,
                    micro_batch=TRAINING.micro_batch,
                    device=where,
                )
            except RankEnded:
                return
        file, budget = Path(folder) / "ledger.jsonl", Budget(1e6, 1e-4)
        with Ledger.create(file, budget=budget, patients_at_most=PATIENTS, reason="measured") as ledger:
            plan = TRAINING.event(TRAINING.steps, patients_at_most=PATIENTS, noise_multiplier=5.0)
            train_privately(
                loss,
                weights,
                cohort,
                TRAINING,
                patients_at_most=PATIENTS,
                noise_multiplier=5.0,
                account=ledger.begin("run", recipe_sha256="a" * 64, plan=plan, seeded=False),
                keys=secure_generator(),
                checkpoint=Path(folder) / "checkpoint.safetensors",
                device=where,
                ranks=ranks,
                progress=lambda phase, done, total: ends.append(time.perf_counter()),
            )
    sys.stdout.write(json.dumps({"least": min(np.diff(ends))}))


if __name__ == "__main__":
    if "--measure" in sys.argv:
        _measure()
    else:
        sys.stdout.write(json.dumps(processes(), indent=2) + "\n")
