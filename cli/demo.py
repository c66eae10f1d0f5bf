"""``medsyngen demo``: the whole job on a simulated hospital."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medsyngen.errors import UsageError
from medsyngen.progress import Progress

from . import export, fit
from .console import Console
from .options import DeviceOption, JsonOption

OWN_LEDGER = "a demo on simulated patients; nobody real is in it"
SEED = 20250
"""Public seed of the simulated hospital."""


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; gets hospital/, run/ and cohort/.")] = Path(
        "medsyngen-demo"
    ),
    patients: Annotated[int, typer.Option("--patients", metavar="N", min=20, help="Simulated patients.")] = 2500,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, help="Synthetic images to draw.")] = 200,
    recipe: Annotated[str, typer.Option("--recipe", metavar="RECIPE", help="Which recipe to use.")] = "demo-32",
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Runs the whole job on a simulated hospital: fit, export, report.

    Nobody real is in it. What is there already is kept: an interrupted demo goes on, a finished one is only shown.
    """
    from medsyngen.pipeline import export_cohort, run_recipe
    from medsyngen.recipe import load_recipe

    console = Console(machine=json)
    hospital, run, cohort = folder / "hospital", folder / "run", folder / "cohort"
    # How many patients are simulated is a public fact, so it may be N_max.
    loaded = load_recipe(recipe, patients_at_most=patients)
    if not loaded.reads_scans:
        raise UsageError(
            "the demo shows how a generator learns from patients, and this recipe reads no scan",
            do="run `medsyngen fit RECIPE --run RUN`, then `medsyngen export RUN --out COHORT --count 200`",
        )
    # A bar and text would fight for the terminal: text between bars only.
    with console.progress() as progress:
        told = _hospital(hospital, patients, loaded.scans.side, progress)
    console.say(told)
    with console.progress() as progress:
        fitted = run_recipe(loaded, scans=hospital, run=run, device=device, own_ledger=OWN_LEDGER, progress=progress)
    fit.tell(console, fitted)
    if cohort.exists():
        console.say(f"{cohort} is there already and stays as it is.")
    else:
        with console.progress() as progress:
            exported = export_cohort(run, out=cohort, count=count, device=device, progress=progress)
        export.tell(console, exported)
    places = {
        "cohort": cohort,
        "privacy_report": cohort / "privacy_report.html",
        "preview": run / "preview.png",
        "hospital": hospital,
        "run": run,
    }
    console.result({"fit": fit.outcome_json(fitted), **{name: str(path) for name, path in places.items()}})
    console.say("\nWhere to look:")
    console.table(("", ""), _where_to_look(places))


def _hospital(folder: Path, patients: int, size: int, progress: Progress) -> str:
    from medsyngen.simulation.hospital import simulate_hospital

    if (folder / "README.txt").is_file():
        return f"{folder} is there already: a simulated hospital, nobody real is in it."
    facts = simulate_hospital(folder, patients=patients, size=size, seed=SEED, progress=progress)
    return (
        f"{folder}: a SIMULATED hospital, {facts.patients} patients, {facts.scans} radiographs; nobody real is in it."
    )


def _where_to_look(places: dict[str, Path]) -> list[tuple[str, str]]:
    words = {
        "privacy_report": "what is promised to the patients: open it in a browser",
        "preview": "64 synthetic images at a glance",
        "cohort": "what may leave: DICOM, PNG, table, manifest, report",
        "hospital": "the simulated private scans that it was learned from",
        "run": "inside: recipe, ledger, generator, report",
    }
    return [(str(places[name]), text) for name, text in words.items()]
