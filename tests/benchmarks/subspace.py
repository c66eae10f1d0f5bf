"""How much of what patients say lies between the gradients of phantoms: signal kept by k directions, noise left.

    python -m tests.benchmarks.subspace [--sets simulated nih] [--patients 160]

A measurement on public data at the public expert's weights, without noise: inside, it would be a look. |mean| is
estimated without bias, by the product of the means of two halves of the patients.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medsyngen.cohort.reading import read_cohort
from medsyngen.diffusion.unet import build_unet, with_classes
from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.randomness import Streams
from medsyngen.recipe import load_recipe
from medsyngen.scan import Pixels
from medsyngen.simulation.hospital import simulate_images
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.phantom_subspace import PhantomSubspace, orthonormal
from tests.benchmarks.learning import say
from tests.benchmarks.prove import DATA

SIZES = (16, 32, 64, 128, 256)
CPU = torch.device("cpu")


def pictures(name: str, count: int, size: int) -> Pixels:
    """One picture of each patient."""
    if name == "simulated":
        images, _ = simulate_images(count, size, np.random.default_rng(5))
        return np.stack([scans[0] for scans in images]).astype(np.float32)
    form = load_recipe("chest-radiograph-32", [f"scans.size={size}"], patients_at_most=300).scans
    cohort = read_cohort(DATA / "nih_cxr_dicom", form=form).cohort
    return np.stack([record.pixels[0] for record in cohort.values()])[:count]


def subspace(sets: tuple[str, ...] = ("simulated", "nih"), patients: int = 160) -> dict[str, Any]:
    """Signal and length that k directions keep, for each set."""
    recipe = load_recipe("demo-32")
    method, size = recipe.synthesis, recipe.scans.size
    weights = with_classes(method.public_expert(size, device=CPU), 2)
    network = build_unet(method.network, image_channels=1, class_rows=3, seed=0).eval().requires_grad_(False)
    loss = method.context_loss(network, size)
    drawn = PhantomDraws(method.draw_phantoms(size), ((0.0, 0.0, 1.0),), Streams(0), CPU)
    space = PhantomSubspace(max(SIZES), loss, drawn, 16)
    phantoms = space.gradients(0, weights)
    say("gradients of phantoms are there")
    rows: dict[str, Any] = {}
    for name in sets:
        found = _gradients(space, weights, pictures(name, patients, size))
        rows[name] = _kept(found, phantoms)
        say(f"{name}: {json.dumps(rows[name])}")
    return {"size": size, "parameters": phantoms.shape[1], "patients": patients, "sets": rows}


def _gradients(space: PhantomSubspace, weights: dict[str, Tensor], pixels: Pixels) -> Tensor:
    generator, found = torch.Generator().manual_seed(1), []
    for start in range(0, len(pixels) // 16 * 16, 16):
        y = torch.from_numpy(pixels[start : start + 16])
        drawn = space._drawn(y, torch.full((len(y),), 2), generator)
        found.append(per_patient_gradients(space.loss, weights, drawn))
    return torch.cat(found)


def _kept(gradients: Tensor, phantoms: Tensor) -> dict[str, Any]:
    first, second = gradients[0::2].mean(0), gradients[1::2].mean(0)
    energy, lengths = float(first @ second), gradients.norm(dim=1)
    kept = {}
    for k in SIZES:
        basis = orthonormal(phantoms[:k])
        coordinates = gradients @ basis
        kept[k] = {
            "of_the_means_energy": round(float((first @ basis) @ (second @ basis)) / energy, 3),
            "of_a_patients_length": round(float((coordinates.norm(dim=1) / lengths).median()), 3),
            "noise_against_the_whole_space": round((k / gradients.shape[1]) ** 0.5, 4),
        }
    return {
        "length_median": round(float(lengths.median()), 3),
        "mean_length": round(max(energy, 0.0) ** 0.5, 3),
        "k": kept,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=["simulated", "nih"])
    parser.add_argument("--patients", type=int, default=160)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    sys.stdout.write(json.dumps(subspace(tuple(options.sets), options.patients), indent=1) + "\n")


if __name__ == "__main__":
    main()
