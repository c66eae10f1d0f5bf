"""Does private training learn? Distance to held-out simulated patients beside floor, ceiling, placebo and phantoms.

    python -m tests.benchmarks.learning [--seeds 0 1 2] [--out docs/benchmarks/learning.json] [--set a.b=c]

KID (times 1000) in EfficientNet-lite0 features between drawn images and images of held-out simulated patients.
Ordering that must hold, by more than the spread over seeds: ceiling < private < min(placebo, phantoms only).
"""

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.reading import read_cohort
from medsyngen.evaluation.features import lite0_features
from medsyngen.evaluation.fidelity import kernel_distance
from medsyngen.formats.contact_sheet import contact_sheet
from medsyngen.formats.png import read_png
from medsyngen.pipeline.generator_file import target_of
from medsyngen.privacy.budget import Budget, checked_delta
from medsyngen.privacy.ledger import Ledger
from medsyngen.randomness import secure_generator
from medsyngen.recipe import Recipe, load_recipe
from medsyngen.scan import PatientKey
from medsyngen.simulation.hospital import simulate_images
from medsyngen.synthesis.generator import StagedGenerator
from tests.benchmarks.controls import Ceiling, Placebo

CPU = torch.device("cpu")


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def hospital(patients: int, size: int, seed: int) -> tuple[Cohort, np.ndarray]:
    """Simulated patients, and as many images of others for the judge."""
    images, labels = simulate_images(patients, size, np.random.default_rng([seed, 0]))
    records = {PatientKey(f"{i}"): PatientRecord(x, y) for i, (x, y) in enumerate(zip(images, labels, strict=True))}
    held_out, _ = simulate_images(800, size, np.random.default_rng([seed, 1]))
    return Cohort(records), np.concatenate([x[:1] for x in held_out])


def fitted(recipe: Recipe, cohort: Cohort, mechanism) -> StagedGenerator:
    """The same call as the product's, with a mechanism from the test-only door."""
    n_max = recipe.n_max
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    sigma = recipe.synthesis.calibrate(budget, n_max)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Ledger.create(folder / "l.jsonl", budget=budget, patients_at_most=n_max, reason="benchmark") as ledger:
            plan = recipe.synthesis.plan(patients_at_most=n_max, noise_multiplier=sigma)
            account = ledger.begin("benchmark", recipe_sha256=recipe.sha256, plan=plan, seeded=False)
            return recipe.synthesis.fit(
                cohort,
                target_of(recipe),
                patients_at_most=n_max,
                noise_multiplier=sigma,
                account=account,
                keys=secure_generator(),
                private_folder=folder,
                device=CPU,
                mechanism=mechanism,
            )


def run(recipe: Recipe, seed: int, count: int, arms: tuple[str, ...]) -> dict[str, float]:
    """KID x 1000 of every arm, for one seed of the hospital."""
    cohort, judge_images = hospital(recipe.n_max, recipe.scans.size, seed)
    half = len(judge_images) // 2
    judge = lite0_features(judge_images)
    found = {"floor": kernel_distance(judge[:half], judge[half:])}
    mechanisms = {"ceiling": Ceiling(), "private": None, "placebo": Placebo()}
    for arm in arms:
        start = time.perf_counter()
        if arm == "phantoms only":
            method, size = recipe.synthesis, recipe.scans.size
            facts = method.generator_facts(target_of(recipe), seeded=False, private=True)
            generator = StagedGenerator(facts, method.public_expert(size, device=CPU), None)
        else:
            # A placebo needs no gradients: its sum is zero whatever they are.
            generator = fitted(recipe, Cohort({}) if arm == "placebo" else cohort, mechanisms[arm])
        # Another seed of the hospital, other images: the generator's own seed would give the same noise again.
        facts = dataclasses.replace(generator.facts, seed=1000 + seed)
        draws = dataclasses.replace(generator, facts=facts).draw(count)
        found[arm] = kernel_distance(lite0_features(draws.pixels), judge)
        say(f"seed {seed} {arm}: KID x 1000 = {1000 * found[arm]:.1f} ({time.perf_counter() - start:.0f} s)")
    return {arm: 1000 * value for arm, value in found.items()}


def beside_real(scans: Path, n_max: int, classes: str, cohort: Path, sheet: Path) -> dict[str, float]:
    """KID x 1000 to real scans: floor (real against real), synthetic cohort, phantoms only. A look inside: no release.

    Args:
        scans: The real scans.
        n_max: Public bound on the patients.
        classes: The recipe's classes.
        cohort: An exported cohort with png/.
        sheet: Where the real scans beside the synthetic ones go, for looking at.
    """
    recipe = load_recipe("chest-radiograph-32", [f"classes={classes}"], patients_at_most=n_max)
    reading = read_cohort(scans, form=recipe.scans, classes=recipe.classes)
    ones = np.stack([record.pixels[0] for record in reading.cohort.values()])[:1000]  # one scan of each patient
    synthetic = np.stack([read_png(path) for path in sorted((cohort / "png").rglob("*.png"))])[:, None]
    method = recipe.synthesis
    facts = method.generator_facts(target_of(recipe), seeded=False, private=True)
    phantoms = StagedGenerator(facts, method.public_expert(32, device=CPU), None).draw(len(synthetic)).pixels
    rows = np.concatenate([ones[:32], synthetic[:32], phantoms[:32]])
    contact_sheet(rows, 16, scale=2, caption="REAL (2 rows), synthetic (2 rows), phantoms only: INSIDE ONLY").save(
        sheet
    )
    judge, half = lite0_features(ones), len(ones) // 2
    return {
        "floor": 1000 * kernel_distance(judge[:half], judge[half:]),
        "synthetic": 1000 * kernel_distance(lite0_features(synthetic), judge),
        "phantoms only": 1000 * kernel_distance(lite0_features(phantoms), judge),
    }


ARMS = ("phantoms only", "placebo", "private", "ceiling")


def verdict(rows: list[dict[str, float]]) -> dict[str, object]:
    """Means, spreads, and whether the order holds by more than the seeds' spread."""
    mean = {arm: statistics.mean(row[arm] for row in rows) for arm in rows[0]}
    spread = {arm: max(row[arm] for row in rows) - min(row[arm] for row in rows) for arm in rows[0]}
    rival = min(("placebo", "phantoms only"), key=mean.__getitem__)
    gaps = {
        "private below rival": (mean[rival] - mean["private"], max(spread[rival], spread["private"])),
        "ceiling below private": (mean["private"] - mean["ceiling"], max(spread["private"], spread["ceiling"])),
    }
    holds = {name: gap > width for name, (gap, width) in gaps.items()}
    return {"mean": mean, "spread": spread, "rival": rival, "gaps": gaps, "holds": holds}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    recipe = load_recipe("demo-32", options.overrides)
    rows = [run(recipe, seed, options.count, tuple(options.arms)) for seed in options.seeds]
    result = {
        "unit": "KID x 1000, EfficientNet-lite0, against held-out simulated patients",
        "recipe": recipe.resolved(),
        "seeds": options.seeds,
        "images": options.count,
        "rows": rows,
    }
    complete = set(ARMS) <= set(options.arms)
    if complete:
        result["verdict"] = verdict(rows)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(json.dumps({key: result[key] for key in result if key != "recipe"}, indent=1) + "\n")
    return 0 if not complete or all(result["verdict"]["holds"].values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
