"""How often the audit refutes the right mechanism (never) and broken ones (nearly always).

    python -m tests.benchmarks.audit [--repeats 20] [--variants NAME ...] [--out FILE]

A toy network at claimed ε = 1, so that a repeat takes seconds; new canaries, coins and keys in each. The broken
implementations are those of tests/evaluation/broken_training.py; none of them is in the product.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from medsyngen.evaluation.auditing import attack
from medsyngen.evaluation.guessing import clopper_pearson
from tests.evaluation.broken_training import VARIANTS

REPEATS = 20


def audit(repeats: int = REPEATS, variants: tuple[str, ...] = tuple(VARIANTS)) -> dict[str, object]:
    """Every variant, attacked so many times."""
    return {"repeats": repeats, "rows": [row(name, repeats) for name in variants]}


def row(name: str, repeats: int) -> dict[str, object]:
    """One variant: how often its claim was refuted at 99.9 % confidence, and by how much."""
    setting, implementation = VARIANTS[name]
    claim, start = setting.claim(), time.perf_counter()
    found = []
    for seed in range(repeats):
        # Keys come from the operating system: a repeat can't be repeated, the canaries can.
        found.append(
            attack(claim, setting.canary_patients(seed), implementation(setting.rate), device=torch.device("cpu"))
        )
        one = found[-1].figures
        print(
            f"{name}, {seed + 1} of {repeats}: {'VIOLATION' if found[-1].refutes else 'not refuted'}, "
            f"{one.right} of {one.guesses} right, ε >= {one.epsilon_999:.2f}, AUC {one.auc:.2f}",
            flush=True,
        )
    violations = sum(each.refutes for each in found)
    bounds = sorted(each.figures.epsilon_999 for each in found)
    return {
        "variant": name,
        "claimed_epsilon": found[0].epsilon,
        "delta": setting.delta,
        "sampling_rate": setting.rate,
        "steps": setting.steps,
        "noise_multiplier": claim.noise_multiplier,
        "canaries": setting.canaries,
        "scans_per_canary": list(setting.scans),
        "violations": violations,
        "share_interval_95": list(clopper_pearson(violations, repeats)),
        "epsilon_lower_bound_999": {"least": bounds[0], "median": bounds[len(bounds) // 2], "most": bounds[-1]},
        "mean_auc": sum(each.figures.auc for each in found) / repeats,
        "seconds_a_repeat": round((time.perf_counter() - start) / repeats, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = json.dumps(audit(options.repeats, tuple(options.variants)), indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
