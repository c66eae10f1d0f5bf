"""The open benchmark with our own methods: one JSON for each task, arm, budget and seed; what is there is not repeated.

    python -m tests.benchmarks.utility --task simulated [--arms default none] [--epsilon 3] [--seeds 0] [--out FOLDER]

Every run has B T = 12,800 patients, m K = 8, 36 network calls an image (as 18 steps of Heun's method) and 2,000 images,
and the public experts are shared, as docs/benchmarks/protocol.md says. `simulated`, `cxr-nih` and `cxr-nih-copies` are
for development; claims are made on `cxr-kermany` only, with the recipe frozen before its first run there, and each look
at it is listed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.evaluation.benchmark import ScoringSettings, score
from medsyngen.evaluation.claims import Claim, check_claim
from medsyngen.evaluation.labelled import LabelledImages
from medsyngen.evaluation.real_images import read_split, real_images
from medsyngen.evaluation.submission import Submission
from medsyngen.evaluation.tasks import TASKS, Split, Task
from medsyngen.formats.contact_sheet import contact_sheet
from medsyngen.pipeline.generator_file import target_of
from medsyngen.recipe import Recipe, load_recipe
from medsyngen.scan import PatientKey
from medsyngen.simulation.hospital import simulate_images
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.generator import StagedGenerator
from medsyngen.synthesis.population_generator import PopulationGenerator
from medsyngen.synthesis.population_tensors import joined, to_tensors
from tests.benchmarks.controls import Ceiling, Placebo
from tests.benchmarks.experts import BENCHMARK
from tests.benchmarks.learning import fitted, say

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MEDSYNGEN_TEST_DATA", ROOT.parent / "shared" / "data"))
SETS = {"cxr-nih": DATA / "nih_cxr_dicom", "cxr-kermany": DATA / "kermany_cxr64" / "kermany_cxr64.npz"}
CPU = torch.device("cpu")
SIMULATED = Task(
    name="simulated",
    source="npz",
    split="order",
    size=28,
    classes=(ClassDefinition("normal", "0", 0.6), ClassDefinition("opacity", "1", 0.4)),
    private_patients=3000,
    test_patients=300,
    patients_at_most=3000,
    lists_sha256="",
)
COPIES = dataclasses.replace(TASKS["cxr-nih"], name="cxr-nih-copies", patients_at_most=SIMULATED.patients_at_most)
"""Development on real scans at a hospital's size: copies of the NIH task's 200 patients; its test patients judge."""
TASKS_HERE = {SIMULATED.name: SIMULATED, COPIES.name: COPIES, **TASKS}
DEFAULT = (
    "synthesis.subspace=64",
    "synthesis.class_directions=16",
    "synthesis.class_gain=10",
    "synthesis.guidance=3",
    "synthesis.private.learning_rate=0.01",
    "synthesis.private.adam_damping=0.01",
    "synthesis.private.decay=cosine",
)
"""What the arms share that learn from phantoms: private steps along phantoms' gradients, in proportion to them."""
WHOLE = (
    "synthesis.subspace=0",
    "synthesis.class_directions=0",
    "synthesis.class_gain=1",
    "synthesis.private.learning_rate=0.002",
    "synthesis.private.adam_damping=1e-8",
)
"""DP-SGD as it is known: Adam on every weight."""
ARMS: dict[str, tuple[str, ...]] = {
    "default": (),
    "whole space": WHOLE,
    "undescribed": ("synthesis.public.described=0",),
    "no class directions": ("synthesis.class_directions=0", "synthesis.class_gain=1"),
    "Adam": ("synthesis.private.adam_damping=1e-8", "synthesis.private.learning_rate=0.002"),
    "one network": ("synthesis.replay=1",),
    "norms": (*WHOLE, "synthesis.trainable=norms"),
    "lora": (*WHOLE, "synthesis.trainable=lora"),
    "v": ("synthesis.prediction=v",),
    "noise correction": (*WHOLE, "synthesis.private.noise_correction=true"),
    "filter": ("synthesis.private.filter_gain=0.3",),
    "no guidance": ("synthesis.guidance=1",),
    "coarse": ("synthesis.public_bands=coarse",),
    "cleaning": ("synthesis.public_bands=cleaning",),
    "finetune": ("synthesis.public_bands=none",),
    "none": ("synthesis.public_bands=none", "synthesis.start=random", "synthesis.guidance=1", *WHOLE),
    "placebo": (),  # the same run with every patient's gradient replaced by zero
    "ceiling": (),
    "phantoms only": ("synthesis.public_bands=all",),
    "votes": (),
    "votes, lite0": ("synthesis.embedding=lite0",),
    "votes, lite0, placebo": ("synthesis.embedding=lite0",),
    "portrait": (),
    "portrait, placebo": (),
    "evolved": (),
    "central": (),
    "central, placebo": (),
    "central alone": ("synthesis.public_bands=all",),
    "central alone, placebo": ("synthesis.public_bands=all",),
    "rendered": (),  # phantoms as they are drawn, without a network: epsilon = 0
}
RECIPES = {
    "votes": "private-evolution-32",
    "portrait": "portrait-32",
    "evolved": "evolved-chest-radiograph-32",
    "central": "central-chest-radiograph-32",
    "central alone": "central-chest-radiograph-32",
    "rendered": "private-evolution-32",
}
"""The shipped recipe of an arm, by the first word of its name; else of staged diffusion."""
STAGED = ("chest-radiograph-32", RECIPES["evolved"], RECIPES["central"])
"""The recipes that train a network on phantoms; the first is the one of arms not named above."""
STEPS = ("synthesis.private.patients_per_step=128", "synthesis.private.steps=100", "synthesis.private.block=10")
"""B T = 12,800 patients."""
PLACEBOS = tuple(arm for arm in ARMS if arm.endswith("placebo"))
MECHANISMS = {"ceiling": Ceiling, **dict.fromkeys(PLACEBOS, Placebo)}


def split_of(task: Task, seed: int) -> Split:
    """The patients of a task; of the simulated hospital, those of this seed."""
    if task.name == COPIES.name:
        return split_of(dataclasses.replace(TASKS["cxr-nih"], size=task.size), seed)
    if task.name != SIMULATED.name:
        return read_split(task, SETS[task.name])
    parts = []
    for number, count in enumerate((task.private_patients, task.test_patients)):
        images, labels = simulate_images(count, task.size, np.random.default_rng([seed, number]))
        records = {
            f"{number} {i:05d}": PatientRecord(x, y) for i, (x, y) in enumerate(zip(images, labels, strict=True))
        }
        parts.append(Cohort({PatientKey(name): record for name, record in records.items()}))
    return Split(*parts)


def learned_from(task: Task, split: Split) -> Cohort:
    """Whom a generator learns from: the private patients, as often as the task's bound admits if it is of copies."""
    if task.name != COPIES.name:
        return split.private
    records = list(split.private.values())
    return Cohort({PatientKey(f"copy {i:05d}"): records[i % len(records)] for i in range(task.patients_at_most)})


def recipe_for(task: Task, arm: str, epsilon: float, overrides: tuple[str, ...]) -> Recipe:
    """The shipped recipe at the task's size, classes, bound and δ."""
    classes = ", ".join(f"{{name: {c.name}, label: '{c.label}', share: {c.share}}}" for c in task.classes)
    name = RECIPES.get(arm.split(",")[0], STAGED[0])
    method = (*BENCHMARK, *STEPS, *DEFAULT) if name in STAGED else ()
    public = (*method, f"scans.size={task.size}", f"classes=[{classes}]", f"privacy.epsilon={epsilon}")
    delta = f"privacy.delta={0.999 * task.delta:.3g}"  # 1 / (10 N_max) may not be exceeded by rounding
    return load_recipe(name, (*public, delta, *ARMS[arm], *overrides), patients_at_most=task.patients_at_most)


def generator_of(
    recipe: Recipe, arm: str, cohort: Cohort, seed: int, images: int
) -> StagedGenerator | PopulationGenerator:
    """Learns as the product does; the arm decides what is put in place of the mechanism."""
    method = recipe.synthesis
    if arm == "rendered":
        return rendered(recipe, images, seed)
    if not method.reads_scans:
        found = method.fit_on_phantoms(target_of(recipe), device=CPU)
    else:
        mechanism = MECHANISMS[arm]() if arm in MECHANISMS else None
        # A placebo needs no gradients: its sum is zero whatever they are.
        found = fitted(recipe, Cohort({}) if arm in PLACEBOS else cohort, mechanism)
    # Other starting noise for each seed: the generator's own seed would draw the same again.
    return dataclasses.replace(found, facts=dataclasses.replace(found.facts, seed=1000 + seed))


def rendered(recipe: Recipe, images: int, seed: int) -> PopulationGenerator:
    """As many phantoms as images, drawn from the whole space of their parameters and shown as they are."""
    source, rng = recipe.synthesis.images(recipe.scans.size), np.random.default_rng([seed, 2])
    sizes = Cells(recipe.target.conditioning).sizes(images)
    population = joined([source.random(size, cell, rng) for cell, size in enumerate(sizes)])
    made = recipe.synthesis.restore(to_tensors(population), recipe.target, seeded=False, private=True, device=CPU)
    return dataclasses.replace(made, facts=dataclasses.replace(made.facts, degree=None))


def run(
    task: Task, arm: str, epsilon: float, seed: int, overrides: tuple[str, ...], pictures: Path | None
) -> dict[str, Any]:
    """One row, with the recipe and the seconds it took."""
    split, recipe = split_of(task, seed), recipe_for(task, arm, epsilon, overrides)
    start = time.perf_counter()
    generator = generator_of(recipe, arm, learned_from(task, split), seed, task.images)
    learned = time.perf_counter()
    draws = generator.draw(task.images)
    drawn = time.perf_counter()
    names = [c.name for c in task.classes]
    classes = np.array([names.index(name) for name in draws.classes])
    images = LabelledImages(draws.pixels, classes, np.arange(len(classes)))
    counts = tuple(int(n) for n in np.bincount(classes, minlength=len(names)))
    submission = Submission(images, counts, ((task.size, task.size),), "")
    claim = _claim(task, arm, epsilon)
    row = score(submission, real_images(task, split), task, claim, name=arm, settings=ScoringSettings())
    if pictures:
        caption = f"SYNTHETIC: {task.name}, {arm}, epsilon = {claim.epsilon:g}"
        contact_sheet(draws.pixels[:64], 16, scale=2, caption=caption).save(pictures)
    seconds = {"learning": learned - start, "drawing": drawn - learned, "scoring": time.perf_counter() - drawn}
    return {
        **row,
        "arm": arm,
        "seed": seed,
        "commit": frozen_at(),
        "recipe": recipe.resolved(),
        "seconds": {name: round(value) for name, value in seconds.items()},
    }


def frozen_at() -> str:
    """The commit of the code that runs; with a mark if a tracked file differs from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()

    return git("rev-parse", "HEAD") + ("+changed" if git("status", "--porcelain", "--untracked-files=no") else "")


def _claim(task: Task, arm: str, epsilon: float) -> Claim:
    shown = {"phantoms only": 0.0, "rendered": 0.0, "ceiling": float("inf")}
    return check_claim(shown.get(arm, epsilon), None, delta=task.delta, unit=task.unit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=list(TASKS_HERE), default=SIMULATED.name)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--epsilon", type=float, nargs="+", default=[3.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--label", default="", help="added to the file's name, for arms with --set")
    parser.add_argument("--size", type=int, help="other than the task's, for trials")
    parser.add_argument("--images", type=int, help="fewer than the task's, for trials; marked incomplete")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks" / "utility")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    task = TASKS_HERE[options.task]
    changed = {"images": options.images, "size": options.size}
    trial = dataclasses.replace(task, **{name: value for name, value in changed.items() if value})
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for epsilon in options.epsilon:
            for arm in options.arms:
                words = [trial.name, arm, options.label, f"eps{epsilon:g}", f"seed{seed}"]
                name = "-".join(word.replace(",", "").replace(" ", "_") for word in words if word)
                path = options.out / f"{name}.json"
                if path.exists():
                    say(f"{name}: there already")
                    continue
                say(f"{name}: begins")
                row = run(trial, arm, epsilon, seed, tuple(options.overrides), path.with_suffix(".png"))
                row["label"] = options.label
                path.write_text(json.dumps(row, indent=1) + "\n")
                say(f"{name}: {json.dumps(row['fidelity'])[:300]} {json.dumps(row['seconds'])}")
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
