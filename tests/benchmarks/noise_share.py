"""What the noise costs: add_gaussian_noise beside the clipped sum of one private step, in one run, on phantoms.

    python -m tests.benchmarks.noise_share

The network is that of staged diffusion, widened to about a million parameters. The clipped sum grows with the patients
of the step and the noise doesn't, so the share at 128 patients a step is scaled from fewer, and the report says so.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.privacy.gradient_sum import Views, clipped_sum, patient_streams
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import Streams, secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss

SIZE = 32
WIDE = UNetSize(channels=(32, 56, 64))
PATIENTS_A_STEP = 128
BOUND = 0.05


def noise_share(*, patients: int = 32, repeats: int = 3, threads: int = 1) -> dict[str, object]:
    """Measures both parts of a step in turn, so that a busy machine slows both.

    Args:
        patients: Sampled in the measured step.
        repeats: Steps measured; the medians are reported.
        threads: Of the clipped sum; the noise uses one whatever this says.

    Returns:
        Milliseconds of both, the share of the noise in the measured step and, scaled, at 128 patients a step.
    """
    torch.set_num_threads(threads)
    streams, device = Streams(0), torch.device("cpu")
    network = build_unet(WIDE, image_channels=1, class_rows=3, seed=0).eval()
    loss = ContextLoss(network, StageBands().split(SIZE**2)[1], NoiseLaw(0.0, 1.2), 2, 4)
    phantoms = PhantomMix((("chest_radiograph", 0.9), ("dead_leaves", 0.1)))
    pixels = phantoms.draw(patients, SIZE, streams.numpy("noise share"))
    cohort = Cohort(
        {PatientKey(f"phantom {i}"): PatientRecord(pixels[i : i + 1], np.zeros(1, np.int64)) for i in range(patients)}
    )
    weights = {name: value.detach() for name, value in network.named_parameters()}
    views = Views({name: value.shape for name, value in weights.items()})
    flat, step = views.flatten(weights), secure_generator()
    total = torch.zeros(flat.numel(), dtype=torch.float64)

    def sum_of(sampled: list[PatientKey]) -> None:
        clipped_sum(
            loss,
            views(flat),
            cohort,
            sampled,
            clipping_norm=0.3,
            micro_batch=16,
            streams=patient_streams(step),
            device=device,
        )

    add_gaussian_noise(total, 1.0, step)
    sum_of(list(cohort)[:1])  # the first call of each is slower
    sums, noises = [], []
    for _ in range(repeats):
        sums.append(_milliseconds(lambda: sum_of(list(cohort))))
        noises += [_milliseconds(lambda: add_gaussian_noise(total, 1.0, step)) for _ in range(5)]
    clipped, noise = statistics.median(sums), statistics.median(noises)
    scaled = clipped * PATIENTS_A_STEP / patients
    return {
        "parameters": flat.numel(),
        "patients_measured": patients,
        "threads": threads,
        "clipped_sum_ms": round(clipped, 1),
        "noise_ms": round(noise, 1),
        "noise_ms_per_million_parameters": round(noise * 1e6 / flat.numel(), 1),
        "share_measured": noise / (noise + clipped),
        "share_at_128_patients": noise / (noise + scaled),
        "note": f"share_at_128_patients: the sum is scaled from {patients} to {PATIENTS_A_STEP} patients, not measured",
        "bound": BOUND,
    }


def _milliseconds(work: Callable[[], torch.Tensor | None]) -> float:
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


if __name__ == "__main__":
    json.dump(noise_share(), sys.stdout, indent=1)
    sys.stdout.write("\n")
