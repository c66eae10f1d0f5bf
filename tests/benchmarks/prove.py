"""`make prove`: repeats the published figures and writes them to docs/benchmarks/. Not part of the tests.

    python -m tests.benchmarks.prove [demo] [learning] [nih] [kermany] [planning] [--again]

A part whose JSON is there already is skipped, so that a run that was cut short goes on; --again repeats it. Real
pictures are never kept: the sheet of real scans beside synthetic ones goes to a temporary folder, for looking at only.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from medsyngen.privacy.budget import Budget, default_delta
from medsyngen.privacy.calibration import calibrate_noise
from tests.benchmarks import (
    accountants,
    audit,
    evaluation,
    fuzzing,
    hostile_files,
    kills,
    learning,
    noise_share,
    processes,
    scaling,
    step,
)

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "docs" / "benchmarks"
DATA = Path(os.environ.get("MEDSYNGEN_TEST_DATA", ROOT.parent / "shared" / "data"))
TWO = "[{{name: {}, label: '0', share: {}}}, {{name: {}, label: '1', share: {}}}]"
REAL = {
    "nih": ("nih_cxr_dicom", 270, TWO.format("normal", 0.5, "abnormal", 0.5)),
    "kermany": ("kermany_cxr64/kermany_cxr64.npz", 3200, TWO.format("normal", 0.3, "pneumonia", 0.7)),
}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    packages = ("torch", "monai", "dp-accounting", "numpy")
    return {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def command(*words: object) -> tuple[float, str]:
    """Runs the real command; returns seconds and what it printed for machines."""
    start = time.perf_counter()
    program = Path(sys.executable).with_name("medsyngen")
    done = subprocess.run([program, *map(str, words)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"medsyngen {words[0]} ended with {done.returncode}")
    return round(time.perf_counter() - start, 1), done.stdout


def validate(cohort: Path) -> dict[str, int]:
    """Runs dciodvfy over every exported DICOM file."""
    validator = Path(sys.executable).with_name("dciodvfy")
    errors = warnings = files = 0
    for file in sorted((cohort / "dicom").rglob("*.dcm")):
        text = subprocess.run([validator, "-new", file], capture_output=True, text=True).stderr
        files, errors, warnings = files + 1, errors + text.count("Error"), warnings + text.count("Warning")
    return {"files": files, "errors": errors, "warnings": warnings}


def demo() -> dict[str, object]:
    """The whole demo in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, _ = command("demo", Path(folder) / "demo")
        cohort = Path(folder) / "demo" / "cohort"
        report = json.loads((cohort / "privacy_report.json").read_text())
        return {"seconds": seconds, "guarantee": report["guarantee"], "dciodvfy": validate(cohort)}


def real(name: str) -> dict[str, object]:
    """Fit, export and report on real scans; leak search over every byte; distances beside floor and phantoms."""
    sys.path.insert(0, str(ROOT / "tests"))
    from leaks import identifiers_of, leaks

    path, n_max, classes = REAL[name]
    scans = DATA / path
    folder = Path(tempfile.mkdtemp(prefix=f"medsyngen-{name}-"))
    run, cohort = folder / "run", folder / "cohort"
    options = ("--patients-at-most", n_max, "--set", f"classes={classes}")
    options = (*options, "--own-ledger", "a benchmark", "--json")
    fit, _ = command("fit", "chest-radiograph-32", "--scans", scans, "--run", run, *options)
    export, _ = command("export", run, "--out", cohort, "--count", 200, "--format", "dicom,png")
    report = json.loads((cohort / "privacy_report.json").read_text())
    identifiers = identifiers_of(scans)
    found = leaks(run, identifiers) + leaks(cohort, identifiers, leave_out="")
    distances = learning.beside_real(scans, n_max, classes, cohort, folder / "beside.png")
    learning.say(f"pictures to look at, inside only: {folder / 'beside.png'}")
    return {
        "fit_seconds": fit,
        "export_seconds": export,
        "guarantee": report["guarantee"],
        "dciodvfy": validate(cohort),
        "identifiers_searched": len(identifiers),
        "files_with_a_leak": found,
        "distances": distances,
    }


def planning() -> dict[str, object]:
    """Time of the calibration, and the noise that it finds."""
    rows = []
    for epsilon in (1.0, 3.0, 8.0):
        for patients, q, steps in ((264, 0.5, 60), (2500, 0.08, 60), (3103, 0.05, 200), (10000, 0.1, 500)):
            start = time.perf_counter()
            sigma = calibrate_noise(Budget(epsilon, default_delta(patients)), sampling_rate=q, steps=steps)
            row = {"epsilon": epsilon, "patients": patients, "q": q, "steps": steps, "noise_multiplier": sigma}
            rows.append({**row, "seconds": round(time.perf_counter() - start, 2)})
    return {"rows": rows}


def learns() -> dict[str, object]:
    """The ordering ceiling < private < min(placebo, phantoms only); three hospitals, one process a core."""
    seeds, jobs = (0, 1, 2), []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        for seed in seeds:
            for arm in ("private", "ceiling", "placebo", "phantoms only"):  # the long ones first
                out = Path(folder) / f"{seed}-{arm}.json"
                words = ("--seeds", str(seed), "--arms", arm, "--out", out)
                jobs.append((seed, out, pool.submit(_alone, *words)))
        rows: dict[int, dict[str, float]] = {seed: {} for seed in seeds}
        for seed, out, job in jobs:
            job.result()
            rows[seed].update(json.loads(out.read_text())["rows"][0])
    recipe = learning.load_recipe("demo-32")
    found = list(rows.values())
    return {"recipe": recipe.resolved(), "seeds": seeds, "rows": found, "verdict": learning.verdict(found)}


def _alone(*words: object) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.learning", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})


PARTS = {
    "planning": planning,
    "demo": demo,
    "accountants": accountants.accountants,
    "audit": audit.audit,
    "kills": kills.kills,
    "noise-share": noise_share.noise_share,
    "hostile-files": hostile_files.hostile,
    "fuzzing": lambda: fuzzing.fuzzing(DATA),
    "evaluation": evaluation.evaluation,
    "step": step.step,
    "processes": processes.processes,
    "scaling": scaling.scaling,
    "learning": learns,
    "nih": lambda: real("nih"),
    "kermany": lambda: real("kermany"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        path = OUT / f"{part}.json"
        if path.exists() and not options.again:
            learning.say(f"{part}: there already ({path.relative_to(ROOT)}); --again repeats it")
            continue
        learning.say(f"{part}: begins")
        result = {"part": part, "machine": machine(), **PARTS[part]()}
        path.write_text(json.dumps(result, indent=1, default=_plain) + "\n")
        learning.say(f"{part}: {path.relative_to(ROOT)}")


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else str(value)


if __name__ == "__main__":
    main()
