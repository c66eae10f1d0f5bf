"""How good are images after how many network calls? Heun beside DDIM and ancestral steps.

    python -m tests.benchmarks.sampling [--count 500] [--calls 9 13 17 25 35] [--out docs/benchmarks/sampling.json]

The public expert that ships with the package draws alone, from the same starting noise for every arm; each arm is held
against phantoms that no training saw. Fréchet distance and KID (times 1000) in EfficientNet-lite0 features at 96
pixels. Floor: as many further phantoms against the same ones. An arm that is in the file already is skipped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh

from medsyngen.diffusion.sampling import SAMPLERS, network_calls
from medsyngen.evaluation.features import lite0_features
from medsyngen.evaluation.fidelity import kernel_distance
from medsyngen.randomness import Streams
from medsyngen.synthesis.generator import StagedGenerator
from medsyngen.synthesis.staged_diffusion import StagedDiffusion
from medsyngen.synthesis.synthesizer import Target
from tests.benchmarks.prove import OUT, machine

SIZE = 32
REFERENCES = 2000
STREAMS = Streams(20_260)


def frechet(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The Fréchet distance of two Gaussians with the features' means and covariances (Heusel et al. 2017)."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values, vectors = eigh(b)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    # tr (A B)^(1/2) = tr (B^(1/2) A B^(1/2))^(1/2), whose matrix is symmetric.
    cross = np.sqrt(eigh(root @ a @ root, eigvals_only=True).clip(0)).sum()
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * cross)


def steps_of(sampler: str, calls: int) -> int:
    """Steps with that many network calls."""
    steps = (calls + 1) // 2 if sampler == "heun" else calls
    if network_calls(sampler, steps) != calls:
        raise SystemExit(f"{sampler} has no {calls} network calls")
    return steps


def distances(found: NDArray[np.float64], reference: NDArray[np.float64]) -> dict[str, float]:
    return {
        "frechet": round(frechet(found, reference), 2),
        "kid_x1000": round(1000 * kernel_distance(found, reference), 1),
    }


def curve(count: int, calls: list[int], out: Path) -> None:
    """Every arm, written as soon as it is known."""
    said: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    if said.get("images") != count or said.get("size") != SIZE:
        said = {"size": SIZE, "images": count, "references": REFERENCES, "machine": machine(), "arms": {}}
    method = StagedDiffusion()
    fresh = method.mix.draw(REFERENCES + count, SIZE, STREAMS.numpy("fresh phantoms"))
    reference = lite0_features(fresh[:REFERENCES])
    said["floor"] = distances(lite0_features(fresh[REFERENCES:]), reference)
    facts = method.generator_facts(Target(SIZE), seeded=False, private=False)
    public = method.public_expert(SIZE, device=torch.device("cpu"))
    for number in calls:
        for sampler in SAMPLERS:
            name = f"{sampler} {number}"
            if name in said["arms"]:
                continue
            start = time.process_time()
            arm = replace(facts, sampler=sampler, sampler_steps=steps_of(sampler, number))
            pixels = StagedGenerator(arm, public, None).draw(count).pixels
            took = time.process_time() - start
            said["arms"][name] = {
                **distances(lite0_features(pixels), reference),
                "processor_ms_an_image": round(1000 * took / count, 1),
            }
            sys.stderr.write(f"{name}: {said['arms'][name]}\n")
            out.write_text(json.dumps(said, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--calls", type=int, nargs="+", default=[9, 13, 17, 25, 35])
    parser.add_argument("--out", type=Path, default=OUT / "sampling.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    curve(options.count, options.calls, options.out)


if __name__ == "__main__":
    main()
