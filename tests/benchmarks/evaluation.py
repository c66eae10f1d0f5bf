"""What may be trusted in an evaluation: do intervals hold the truth, and how many copies does the search find?

    python -m tests.benchmarks.evaluation [--sets 1000] [--splits 40] [--out docs/benchmarks/evaluation.json]

*Intervals*: test sets of laws whose AUC and KID are known in closed form; the share whose 95 % interval holds it, with
percentiles expanded for few patients (as `evaluate` gives them) and plain (as the open benchmark does).
*Copies*: simulated patients, split by chance into training and hold-out patients again and again; among images of other
simulated patients (the hardest case: the generator is perfect) stand noisy copies of one image of some training
patients. The share of splits with a joint p of at most 0.05, by pixels and by features of the judge, as `evaluate` does
it. With no copy that is the rate of false alarms.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsyngen.evaluation.copies import flat
from medsyngen.evaluation.copying import LEVEL, PatientLots, copy_figures, joint_p_value
from medsyngen.evaluation.features import JUDGE_NAME, lite2_features
from medsyngen.evaluation.kid import Interval
from medsyngen.evaluation.neighbours import Neighbours, nearest
from medsyngen.simulation.hospital import simulate_images
from tests.benchmarks.learning import say

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluation"))
from known_laws import auc_interval, holds, kid_interval, true_auc, true_kid

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "evaluation.json"
SIZE = 32
SYNTHETIC = 500
COPIES = (0, 1, 2, 5, 10, 20, 50)
NOISES = (0.02, 0.05, 0.1, 0.2, 0.4)
HOSPITALS = ((60, 60), (200, 200), (200, 50))
"""Training and hold-out patients."""


def intervals(sets: int) -> list[dict[str, Any]]:
    """Returns how often the interval of each kind holds the truth."""
    rows = []
    for number, (name, one, truth, repeats) in enumerate(_kinds(sets)):
        row = {"figure": name, "truth": truth, "sets": repeats}
        for kind, expanded in (("expanded", True), ("plain", False)):
            rng = np.random.default_rng([1, number])  # the same test sets for both
            found = [one(rng, expanded=expanded) for _ in range(repeats)]
            rate = float(np.mean([holds(each, truth) for each in found]))
            width = float(np.mean([each.high - each.low for each in found]))
            row[kind] = {"held": rate, "standard_error": _error(rate, repeats), "mean_width": width}
            say(f"{name}, {kind}: {rate:.3f}")
        rows.append(row)
    return rows


_Kind = tuple[str, Callable[..., Interval], float, int]


def _kinds(sets: int) -> Iterator[_Kind]:
    for patients in (20, 60, 200):
        yield f"AUC, {patients} test patients", partial(auc_interval, patients=patients), true_auc(), sets
    options = {"seeds": 3, "classifiers": 3}
    yield "AUC, 60, 3 x 3 alike", partial(auc_interval, patients=60, **options), true_auc(), sets
    differ = {**options, "seeds_differ": 0.2}
    yield "AUC, 60, 3 x 3 that differ", partial(auc_interval, patients=60, **differ), true_auc(0.2), sets
    for patients, images in ((20, 1), (60, 1), (200, 1), (60, 3)):
        name = f"KID, {patients} patients a side, {images} images each"
        yield name, partial(kid_interval, patients=patients, per_patient=images), true_kid(), sets // 2


def _error(rate: float, repeats: int) -> float:
    return float(np.sqrt(max(rate * (1 - rate), 1 / repeats) / repeats))


def copies(splits: int) -> list[dict[str, Any]]:
    """Returns how often copies are found, for every size of hospital, number of copies and noise."""
    rows = []
    for training, holdout in HOSPITALS:
        rows += _of_hospital(training, holdout, splits)
        say(f"copies: {training} and {holdout} patients done")
    return rows


def _of_hospital(training: int, holdout: int, splits: int) -> list[dict[str, Any]]:
    patients = training + holdout
    images, _ = simulate_images(patients, SIZE, np.random.default_rng([2, patients]))
    real = np.concatenate(images)
    owners = np.repeat(np.arange(patients), [len(each) for each in images])
    others, _ = simulate_images(SYNTHETIC, SIZE, np.random.default_rng([3, patients]))
    synthetic = np.concatenate([each[:1] for each in others])
    rng = np.random.default_rng([4, patients, training])
    firsts = np.unique(owners, return_index=True)[1]
    planted = {
        noise: np.clip(real[firsts] + rng.normal(0, noise, real[firsts].shape), -1, 1).astype(np.float32)
        for noise in NOISES
    }
    plain, copied = {}, {}
    for space, features in {"pixels": flat, "features": lite2_features}.items():
        targets = features(real)
        # Who is a training patient plays no part in who is near: neighbours are looked for once.
        plain[space] = nearest(features(synthetic), targets, owners, np.zeros(len(real), np.int64))
        for noise, pixels in planted.items():
            copied[space, noise] = nearest(features(pixels), targets, owners, np.zeros(len(real), np.int64))
    lots = []
    for _ in range(splits):
        chosen = rng.permutation(patients)[:training]
        lots.append((chosen, PatientLots.draw(np.isin(np.arange(patients), chosen), rng)))
    return [
        {
            "training_patients": training,
            "holdout_patients": holdout,
            "synthetic_images": SYNTHETIC,
            "copies": count,
            "noise": noise,
            "found": float(np.mean([_found(plain, copied, noise, count, *each) for each in lots])),
            "splits": splits,
        }
        for count in COPIES
        for noise in (NOISES if count else NOISES[:1])
    ]


def _found(
    plain: dict[str, Neighbours],
    copied: dict[tuple[str, float], Neighbours],
    noise: float,
    count: int,
    chosen: Sequence[int],
    lots: PatientLots,
) -> bool:
    rows = np.asarray(chosen[:count], np.int64)  # the first in a chance order
    figures = [copy_figures(each.joined(copied[space, noise].some(rows)), lots) for space, each in plain.items()]
    return joint_p_value(figures) <= LEVEL


def evaluation(sets: int = 1000, splits: int = 40) -> dict[str, Any]:
    """Returns both parts.

    Args:
        sets: Test sets for each interval of AUC; half as many for KID.
        splits: Of every hospital.
    """
    return {
        "judge": JUDGE_NAME,
        "size": SIZE,
        "noise_is": "standard deviation on grey values in [-1, 1]",
        "intervals": intervals(sets),
        "copies": copies(splits),
    }


def main() -> None:
    from tests.benchmarks.prove import machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    result = {"part": "evaluation", "machine": machine(), **evaluation(options.sets, options.splits)}
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
