"""Portraits against the phantoms that they start from: KID in lite2 features, and how well means and spreads come back.

    python -m tests.benchmarks.portrait [--sets simulated nih marginals] [--images 600] [--out FILE]

Development sets only. `nih` needs the public radiographs in MEDSYNGEN_TEST_DATA. `infinite` is without noise and NOT
PRIVATE; the placebo is the portrait of an empty cohort, at the noise of epsilon 1. `marginals` takes portraits of
phantoms whose parameters were drawn from known laws: mean error of each parameter's mean, in units of its range, over
the parameters that were shifted. One seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.evaluation.features import lite2_features
from medsyngen.evaluation.fidelity import kernel_distance
from medsyngen.formats.contact_sheet import contact_sheet
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.patient_sum import noised_mean
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.scan import PatientKey
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.portrait import Portrait
from medsyngen.synthesis.portrait_reading import PublicBank
from medsyngen.synthesis.portrait_vector import PortraitVector
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.variation import Population
from tests.benchmarks.learning import say
from tests.benchmarks.utility import ROOT, SIMULATED, TASKS, split_of

SIZE = 28
CPU = torch.device("cpu")
INFINITE = float("inf")
SHIFTED = ("shift_x", "zoom", "cage_width", "diaphragm_y", "level", "contrast", "lung_air", "heart_left", "white")
TRIALS = ((INFINITE, False), (3.0, False), (1.0, False), (1.0, True))
"""(epsilon, placebo)."""


class Bare(GaussianSum):
    """The clipped sum without noise. NOT PRIVATE."""

    private = False

    def release(self, total: torch.Tensor, std: float, stream: object) -> torch.Tensor:
        return total


@cache
def bank_of(method: Portrait) -> PublicBank:
    return method.public_bank(SIZE, device=CPU)


def portrait_of(
    method: Portrait, cohort: Cohort, target: Target, n_max: int, epsilon: float, seed: int
) -> tuple[Population, float]:
    """Returns the phantoms of a portrait, and sigma_DP, at delta = 1 / (10 N_max)."""
    bank = bank_of(method)
    vector = PortraitVector(bank.read, Cells(target.conditioning), method.share_weight)
    bare = epsilon == INFINITE
    sigma = 0.0 if bare else method.calibrate(Budget(epsilon, 0.0999 / n_max), n_max)
    noised = noised_mean(
        cohort,
        vector,
        entries=vector.length,
        clipping_norm=method.clipping_norm,
        noise_multiplier=sigma or 1.0,
        patients_at_most=n_max,
        stream=seeded_generator_for_tests(seed),
        mechanism=Bare() if bare else None,
    )
    noise = sigma * method.clipping_norm / n_max
    return method.rendered(np.asarray(noised.numpy()), noise, target, bank), sigma


def real_side(name: str, patients: int, seed: int) -> tuple[Cohort, Cohort, Target]:
    """Returns who is learned from, who judges (nobody is in both), and what is made."""
    task = SIMULATED if name == "simulated" else dataclasses.replace(TASKS["cxr-nih"], size=SIZE)
    split = split_of(task, seed)
    records = dict(list(split.private.items())[:patients])
    judges = {key: record for key, record in split.private.items() if key not in records}
    target = Target(SIZE, tuple(c.name for c in task.classes), task.shares)
    return Cohort(records), Cohort({**split.test, **judges}), target


def features_of(cohort: Cohort, images: int, rng: np.random.Generator) -> NDArray[np.float64]:
    pixels = np.concatenate([record.pixels[:2] for record in cohort.values()])
    return lite2_features(pixels[rng.permutation(len(pixels))[:images]])


def fidelity(name: str, method: Portrait, images: int, seed: int, pictures: Path | None) -> dict[str, Any]:
    """KID of the prior's phantoms and of portraits, against patients who had no part in them."""
    cohort, judges, target = real_side(name, 264, seed)
    rng = np.random.default_rng(seed)
    judged = features_of(judges, images, rng)
    source = PhantomSimulator(method.phantom, SIZE)
    floor = kernel_distance(features_of(cohort, images, rng), judged)
    prior = kernel_distance(lite2_features(source.random(images, 0, rng).pixels), judged)
    found: dict[str, Any] = {
        "patients": len(cohort),
        "judges": len(judged),
        "images": images,
        "real against real": 1000 * floor,
        "phantoms only": 1000 * prior,
    }
    say(f"{name}: {json.dumps(found)}")
    for epsilon, placebo in TRIALS:
        start = time.perf_counter()
        learned = Cohort({}) if placebo else cohort
        population, sigma = portrait_of(method, learned, target, len(cohort), epsilon, seed)
        if pictures:
            sheet = np.concatenate([population.pixels[population.classes == k][:32] for k in (0, 1)])
            contact_sheet(sheet, 16, scale=2, caption=f"SYNTHETIC: {name}, portrait").save(
                pictures / f"portrait-{name}-{epsilon:g}{'-placebo' * placebo}.png"
            )
        learning = time.perf_counter() - start
        members = rng.permutation(len(population))[:images]
        kid = 1000 * kernel_distance(lite2_features(population.pixels[members]), judged)
        label = "placebo, epsilon 1" if placebo else f"epsilon {epsilon:g}".replace("inf", "infinite")
        found[label] = {"KID x 1000": kid, "sigma_DP": sigma, "seconds": round(learning)}
        say(f"{name}: {label}: {json.dumps(found[label])}")
    return found


def shifted_hospital(method: Portrait, patients: int, rng: np.random.Generator) -> tuple[Cohort, NDArray[np.float64]]:
    """Returns phantoms as patients, two pictures each, some parameters of which were drawn from part of their range."""
    source = PhantomSimulator(method.phantom, SIZE)
    names = list(source.source.space.names)
    places = np.repeat(rng.random((patients, len(names))), 2, axis=0)
    for number, name in enumerate(SHIFTED):
        drawn = rng.beta(*((6.0, 2.0) if number % 2 else (2.0, 6.0)), size=len(places))
        places[:, names.index(name)] = drawn
    pixels = source.rendered(places, np.zeros(len(places), np.int64), rng).pixels
    records = {
        PatientKey(f"p{i}"): PatientRecord(pixels[2 * i : 2 * i + 2], np.zeros(2, np.int64)) for i in range(patients)
    }
    return Cohort(records), places


def marginals(method: Portrait, seed: int) -> dict[str, Any]:
    """Mean absolute error of means and standard deviations of the shifted parameters, in units of their ranges."""
    names = list(PhantomSimulator(method.phantom, SIZE).source.space.names)
    columns = [names.index(name) for name in SHIFTED]
    found: dict[str, Any] = {}
    for patients in (264, 3000):
        rng = np.random.default_rng(seed)
        cohort, places = shifted_hospital(method, patients, rng)
        true = places[:, columns]

        def errors(drawn: NDArray[np.float64], true: NDArray[np.float64] = true) -> dict[str, float]:
            return {
                "mean": float(np.abs(drawn.mean(0) - true.mean(0)).mean()),
                "spread": float(np.abs(drawn.std(0) - true.std(0)).mean()),
            }

        found[f"{patients} patients"] = rows = {"prior": errors(rng.random(true.shape))}
        for epsilon in (INFINITE, 3.0, 1.0):
            population, _ = portrait_of(method, cohort, Target(SIZE), patients, epsilon, seed)
            if population.places is not None:
                rows[f"epsilon {epsilon:g}".replace("inf", "infinite")] = errors(population.places[:, columns])
            say(f"{patients} patients: {json.dumps(rows)}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=["simulated", "nih", "marginals"], default=["simulated", "nih"])
    parser.add_argument("--measures", nargs="+", default=list(Portrait().measures))
    parser.add_argument("--entries", type=int, default=Portrait().entries)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--pictures", type=Path, help="folder for sheets of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks" / "portrait.json")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    method = Portrait(measures=tuple(options.measures), entries=options.entries)
    rows = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.sets:
        key = f"{name}, {' and '.join(options.measures)}, {options.entries} entries"
        rows[key] = (
            marginals(method, options.seed)
            if name == "marginals"
            else fidelity(name, method, options.images, options.seed, options.pictures)
        )
        options.out.write_text(json.dumps(rows, indent=1) + "\n")
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
