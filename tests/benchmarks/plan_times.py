"""How long `medsyngen plan` takes: as a process, and beyond its imports. Each setting in a fresh process.

python -m tests.benchmarks.plan_times
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

RECIPES = ("chest-radiograph-32", "demo-32")
PATIENTS = (264, 2500, 10000)
EXPENSIVE = (
    "--set",
    "synthesis.private.steps=1000",
    "--set",
    "synthesis.private.patients_per_step=1000",
    "--set",
    "privacy.delta=1e-6",
)
SETTINGS = [(recipe, patients, ()) for recipe in RECIPES for patients in PATIENTS]
SETTINGS.append(("chest-radiograph-32", 10000, EXPENSIVE))

BEYOND_IMPORTS = """
import json, sys, time
began = time.perf_counter(), time.process_time()
import scipy.special, scipy.stats, scipy.fft
from dp_accounting import rdp
from dp_accounting.pld import privacy_loss_distribution
from monai.networks.nets import DiffusionModelUNet
from medsyngen.cli import app, plan
import medsyngen.synthesis.staged_diffusion, medsyngen.planning
imported = time.perf_counter(), time.process_time()
sys.argv = ["medsyngen", *sys.argv[1:]]
try:
    app.main()
except SystemExit as stop:
    assert not stop.code, stop.code
ended = time.perf_counter(), time.process_time()
names = ("imports_seconds", "imports_cpu_seconds", "beyond_seconds", "beyond_cpu_seconds")
spent = [imported[0] - began[0], imported[1] - began[1], ended[0] - imported[0], ended[1] - imported[1]]
sys.stderr.write("TIMES " + json.dumps({n: round(s, 2) for n, s in zip(names, spent)}) + "\\n")
"""


def plan_times() -> dict[str, object]:
    """Returns seconds of wall and processor time for every setting, and the longest of each."""
    rows = [one(*setting) for setting in SETTINGS]
    longest = {name: max(row[name] for row in rows) for name in rows[0] if name.endswith("seconds")}
    return {"load_average_after": os.getloadavg()[0], "longest": longest, "rows": rows}


def one(recipe: str, patients: int, options: tuple[str, ...] = ()) -> dict[str, object]:
    words = ("plan", recipe, "--patients-at-most", str(patients), *options, "--json")
    program = Path(sys.executable).with_name("medsyngen")
    began, before = time.perf_counter(), os.times()
    whole = subprocess.run([program, *words], capture_output=True, text=True, check=True)
    seconds, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    inside = subprocess.run([sys.executable, "-c", BEYOND_IMPORTS, *words], capture_output=True, text=True, check=True)
    times = json.loads(inside.stderr.rpartition("TIMES ")[2])
    found = json.loads(whole.stdout)
    return {
        "recipe": recipe,
        "patients_at_most": patients,
        "q": found["sampling_rate"],
        "steps": found["steps"],
        "noise_multiplier": found["noise_multiplier"],
        "best": {name: found["search"]["best"][name] for name in ("steps", "patients_per_step", "gain")},
        "process_seconds": round(seconds, 2),
        "process_cpu_seconds": round(cpu, 2),
        **times,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(plan_times(), indent=1) + "\n")
