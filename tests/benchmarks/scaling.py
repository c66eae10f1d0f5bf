"""What a private step is made of, as rates of this machine, and what larger cohorts, pictures and machines make of it.

    python -m tests.benchmarks.scaling

Measured: arithmetic of a picture (counted by torch), what a core does of it in a second, coins, Gaussians, noise.
Calculated: everything about machines that are not here; the assumption about a GPU stands in the result.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.denoiser import network_error
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.planning.cost import count_parameters, memory_estimate
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss
from tests.benchmarks.step import NETWORKS

SIDES = (28, 64, 128, 256)
SCENARIO = {"patients": 1_000_000, "scans a patient": 2, "side": 256, "patients a step": 4096, "steps": 500, "draws": 8}
ASSUMED = {
    "GPUs": 8,
    "useful float32 arithmetic of a GPU, FLOP/s": 1.0e13,
    "why": "an assumption, not measured: small networks reach a fifth or less of a data-centre GPU's peak",
    "book-keeping over plain": 1.25,
    "cores that draw": 8,
    "bytes a second between processes (loopback)": 1.0e9,
}


def flops(size: UNetSize, side: int) -> int:
    """Arithmetic of one picture, forward and backward, as torch counts it."""
    with torch.device("meta"):
        network = build_unet(size, image_channels=1, class_rows=3, seed=0)
        drawn = {name: torch.zeros(1, 1, side, side) for name in ("y", "noise")}
        drawn |= {"classes": torch.zeros(1, dtype=torch.int64), "sigma": torch.ones(1)}
    with FlopCounterMode(display=False) as counted:
        network_error(network, dict(network.named_parameters()), **drawn).mean().backward()
    return int(counted.get_total_flops())


def pictures_a_second(size: UNetSize, side: int, *, count: int) -> float:
    """Forward and backward on one core, the best of three."""
    network = build_unet(size, image_channels=1, class_rows=3, seed=0)
    drawn = {name: torch.randn(count, 1, side, side) for name in ("y", "noise")}
    drawn |= {"classes": torch.zeros(count, dtype=torch.int64), "sigma": torch.ones(count)}
    parameters = dict(network.named_parameters())
    return count / least(lambda: network_error(network, parameters, **drawn).mean().backward())


def least(work: Callable[[], Any], repeats: int = 3) -> float:
    """Processor seconds of the quickest of a few runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def rates() -> dict[str, float]:
    """What does not depend on the network: coins, Gaussians, noise, on one core."""
    stream, n = secure_generator(), 1_000_000
    patients = [PatientKey(f"patient {i}") for i in range(100_000)]
    total = torch.zeros(n, dtype=torch.float64)
    return {
        "coins": 100_000 / least(lambda: [stream.coin(p.to_bytes()) for p in patients]),
        "Gaussians": n / least(lambda: stream.normal(n)),
        "noised values": n / least(lambda: add_gaussian_noise(total, 1.0, stream)),
    }


def networks() -> list[dict[str, Any]]:
    """Each network at each size: arithmetic, speed of a core, memory of a micro-batch of 16 patients."""
    rows = []
    for name, size in NETWORKS.items():
        for side in SIDES:
            network = build_unet(size, image_channels=1, class_rows=3, seed=0).eval()
            loss = ContextLoss(network, StageBands().split(side**2)[1], NoiseLaw(0.0, 1.2), 2, 4)
            row = {"network": name, "parameters": count_parameters(network), "side": side, "flops": flops(size, side)}
            row["memory_gb"] = round(memory_estimate(loss, size=side, micro_batch=16, images=8) / 1e9, 2)
            if side <= 128:
                speed = pictures_a_second(size, side, count=max(2, 32 * 28**2 // side**2))
                row |= {"pictures_a_second": round(speed, 1), "gflops_a_second": round(speed * row["flops"] / 1e9, 1)}
            rows.append(row)
            sys.stderr.write(f"{json.dumps(row)}\n")
    return rows


def calculated(rows: list[dict[str, Any]], rate: dict[str, float]) -> dict[str, Any]:
    """Seconds of a step of the scenario, part by part, and what a whole run takes."""
    (row,) = (r for r in rows if r["network"] == "2 M" and r["side"] == SCENARIO["side"])
    pictures = SCENARIO["patients a step"] * SCENARIO["draws"]
    values = pictures * SCENARIO["side"] ** 2
    arithmetic = pictures * row["flops"] * ASSUMED["book-keeping over plain"]
    parts = {
        "network": arithmetic / (ASSUMED["GPUs"] * ASSUMED["useful float32 arithmetic of a GPU, FLOP/s"]),
        "a patient's noise, drawn on the CPU": values / rate["Gaussians"] / ASSUMED["cores that draw"],
        "coins, on rank 0": SCENARIO["patients"] / rate["coins"],
        "DP noise, on rank 0": row["parameters"] / rate["noised values"],
        "sums to rank 0 and weights back": 12.0
        * row["parameters"]
        * (ASSUMED["GPUs"] - 1)
        / ASSUMED["bytes a second between processes (loopback)"],
    }
    cohort = SCENARIO["patients"] * SCENARIO["scans a patient"] * SCENARIO["side"] ** 2 * 4
    step = sum(parts.values())
    return {
        "scenario": SCENARIO,
        "assumed": ASSUMED,
        "seconds_of_a_step": {name: round(seconds, 3) for name, seconds in parts.items()},
        "hours_of_a_run": round(SCENARIO["steps"] * step / 3600, 1),
        "cohort_gb": round(cohort / 1e9),
        "cohort_gb_in_memory_of_each_other_process": round(cohort / 1e9),
    }


def scaling() -> dict[str, Any]:
    """All of it."""
    torch.set_num_threads(1)
    rate, rows = rates(), networks()
    return {
        "a_second_on_one_core": {name: round(value) for name, value in rate.items()},
        "networks": rows,
        "a_million_patients": calculated(rows, rate),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(scaling(), indent=1) + "\n")
