"""Which share of the time is spent in the network, and does memory grow with what passes through?

    python -m tests.benchmarks.data_path [--only public private export memory] [--out docs/benchmarks/data-path.json]

Public training with phantoms drawn in turn and drawn ahead; one private step; an export of 200 pictures; memory of a
cohort in memory and in a file. Recipe's default network and phantoms, 32 pixels. Wall time: what overlaps is meant to
show. ``network`` is the forward and backward passes (for the export: the forward passes) and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from released import sound_report

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.pixel_cache import PixelCache, ScanImages, cohort_in_memory
from medsyngen.cohort.plans import Plan
from medsyngen.diffusion import training
from medsyngen.diffusion.denoiser import Denoiser
from medsyngen.diffusion.training import PublicTraining, train_on_phantoms
from medsyngen.diffusion.unet import build_unet, with_classes
from medsyngen.privacy import gradient_sum
from medsyngen.privacy.gradient_sum import Views, clipped_sum, patient_streams
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import Streams, secure_generator
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import write_draft
from medsyngen.release.export import drafting, publish
from medsyngen.release.form import ReleaseForm
from medsyngen.release.gate import ReleaseGate
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.generator import StagedGenerator
from medsyngen.synthesis.staged_diffusion import StagedDiffusion
from medsyngen.synthesis.synthesizer import Target
from tests.benchmarks.memory import peak_mb
from tests.benchmarks.prove import OUT, machine

SIZE = 32
CPU = torch.device("cpu")
METHOD = StagedDiffusion()


class Clock:
    """Adds up the wall time inside functions."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **more: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **more)
            finally:
                self.seconds[name] += time.perf_counter() - start

        return timed

    def shares(self, total: float) -> dict[str, float]:
        known = {name: round(seconds / total, 3) for name, seconds in self.seconds.items()}
        return {**known, "rest": round(1 - sum(self.seconds.values()) / total, 3)}


def in_turn(make: Callable[[int], Any], count: int, **more: Any) -> Iterator[Any]:
    """As it was: each batch is drawn when its step begins."""
    for number in range(count):
        yield make(number)


def public(steps: int = 30) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, bank in (("in turn", in_turn), ("ahead", training.drawn_ahead)):
        clock = Clock()
        network = build_unet(METHOD.network, image_channels=1, class_rows=1, seed=0)
        with (
            mock.patch.object(training, "drawn_ahead", bank),
            mock.patch.object(training, "network_error", clock.around("forward", training.network_error)),
            mock.patch.object(torch.Tensor, "backward", clock.around("backward", torch.Tensor.backward)),
        ):
            start = time.perf_counter()
            train_on_phantoms(
                network,
                METHOD.draw_phantoms(SIZE),
                PublicTraining(steps=steps),
                sigma_range=(METHOD.bands.sigma_min, METHOD.bands.sigma_max(SIZE**2)),
                streams=Streams(0),
                device=CPU,
            )
            total = time.perf_counter() - start
        parts = clock.shares(total)
        share = round(parts["forward"] + parts["backward"], 3)
        said[name] = {"network": share, **parts, "ms_a_step": round(1000 * total / steps, 1)}
    return said


def phantom_cohort(patients: int) -> Cohort:
    pixels = METHOD.mix.draw(2 * patients, SIZE, np.random.default_rng(0)).reshape(patients, 2, 1, SIZE, SIZE)
    return Cohort({PatientKey(f"phantom {i}"): PatientRecord(p, np.zeros(2, np.int64)) for i, p in enumerate(pixels)})


def private(patients: int = 128) -> dict[str, Any]:
    cohort, clock, numbers = phantom_cohort(patients), Clock(), METHOD.private
    weights = with_classes(METHOD.public_expert(SIZE, device=CPU), 2)
    views = Views({name: value.shape for name, value in weights.items()})
    loss = METHOD.context_loss(build_unet(METHOD.network, image_channels=1, class_rows=3, seed=0).eval(), SIZE)
    parameters = views(views.flatten(weights))
    with (
        mock.patch.object(
            gradient_sum,
            "per_patient_gradients",
            clock.around("per-patient gradients", gradient_sum.per_patient_gradients),
        ),
        mock.patch.object(gradient_sum, "add_clipped", clock.around("adding clipped", gradient_sum.add_clipped)),
        mock.patch.object(ContextLoss, "draw", clock.around("private draws", ContextLoss.draw)),
    ):
        start = time.perf_counter()
        total = clipped_sum(
            loss,
            parameters,
            cohort,
            list(cohort),
            clipping_norm=numbers.clipping_norm,
            micro_batch=numbers.micro_batch,
            streams=patient_streams(secure_generator()),
            device=CPU,
        )
        clock.around("noise", add_gaussian_noise)(total, numbers.clipping_norm, secure_generator())
        took = time.perf_counter() - start
    parts = clock.shares(took)
    return {"patients": patients, "network": parts["per-patient gradients"], **parts, "seconds_a_step": round(took, 2)}


def export(count: int = 200) -> dict[str, Any]:
    clock = Clock()
    facts = METHOD.generator_facts(Target(SIZE), seeded=False, private=True)
    generator = StagedGenerator(facts, METHOD.public_expert(SIZE, device=CPU), None)
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch.object(Denoiser, "__call__", clock.around("network", Denoiser.__call__)),
        drafting(Path(name) / "cohort") as folder,
    ):
        start = time.perf_counter()
        batches = generator.batches(count)
        draft = write_draft(batches, ReleaseForm(), guarantee="ε = 8", report_files=sound_report(), folder=folder)
        written = time.perf_counter() - start
        passed = ReleaseGate(8.0, 1e-5).review(
            draft,
            guarantee=GuaranteeFacts(7.9, 1e-6, "patient", seeded=False, not_private=False),
            identifiers=frozenset(f"PATIENT-{i:06d}" for i in range(5000)),
            public_texts=[],
        )
        publish(passed, Path(name) / "cohort", ledger_head=(0, "ab" * 32), recipe_hash="cd" * 32)
        total = time.perf_counter() - start
    network = clock.seconds["network"]
    return {
        "pictures": count,
        "network_seconds": round(network, 1),
        "times_network_until_written": round(written / network, 3),
        "times_network_until_published": round(total / network, 3),
    }


def peak_of(kind: str, scans: int, side: int) -> float:
    words = (sys.executable, "-m", "tests.benchmarks.data_path", "--peak", kind, str(scans), str(side))
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def alone(kind: str, scans: int, side: int) -> float:
    """Reads that many made-up scans, two a patient, walks through them once, and returns its peak in MB."""
    owners = [PatientKey(f"p{i // 2}") for i in range(scans)]
    keys = tuple(map(str, range(scans)))
    stream = (
        ScanImages(owner, np.full((1, 1, side, side), i, np.float32), 0, keys[i]) for i, owner in enumerate(owners)
    )
    with tempfile.TemporaryDirectory() as name:
        if kind == "file":
            cohort = PixelCache(Path(name), Plan(keys, "")).cohort(stream, dict.fromkeys(owners, 2))
        else:
            cohort = cohort_in_memory(stream)
        rows = np.arange(2)
        if sum(float(cohort[p].pixels[rows].mean()) for p in cohort) <= 0:
            raise SystemExit("nothing was read back")
    status = Path("/proc/self/status")
    if status.exists():  # pages of a file that the system may drop at any time are no need of memory
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["RssAnon"].split()[0]) / 1024
    return peak_mb()


def memory() -> dict[str, Any]:
    said: dict[str, Any] = {"side": 64, "unit": "MB of anonymous memory of a process that holds the cohort"}
    for kind in ("memory", "file"):
        said[kind] = {scans: round(peak_of(kind, scans, 64), 1) for scans in (200, 5000)}
    return said


PARTS = {"public": public, "private": private, "export": export, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path, default=OUT / "data-path.json")
    parser.add_argument("--peak", nargs=3)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if options.peak:
        kind, scans, side = options.peak
        sys.stdout.write(f"{alone(kind, int(scans), int(side))}\n")
        return
    said: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.only:
        said[name] = PARTS[name]()
        sys.stderr.write(f"{name}: {json.dumps(said[name])}\n")
    options.out.write_text(json.dumps({**said, "size": SIZE, "machine": machine()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
