"""``medsyngen inspect``: what is in a folder of scans, and whether `fit` could use it."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .options import JsonOption, LabelsOption, LedgerOption, PatientMapOption, ScansArgument, SetOption

if TYPE_CHECKING:
    from medsyngen.cohort.preflight import Preflight
    from medsyngen.cohort.transforms import ScanForm

PURPOSE = "inspect: exact counts of the scans were shown inside"


def inspect(
    scans: ScansArgument,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="RECIPE", help="Holds the scans against this recipe's modalities and limits."),
    ] = None,
    overrides: SetOption = None,
    labels: LabelsOption = None,
    patient_map: PatientMapOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="Also writes RUN/private/preflight.json, for the data team only."),
    ] = None,
    ledger: LedgerOption = None,
    json: JsonOption = False,
) -> None:
    """Tells what is in a folder of scans, what is wrong with it and why.

    Patients, scans, every file that can't be used, and whether patients can be told apart. Changes nothing. What it
    prints is exact, so it is for inside only. It spends no privacy, but it is a look at the scans: choose a recipe's
    numbers from public facts, not from what you see here. The look is noted in the ledger of the site.
    """
    from medsyngen.cohort.labels import LabelTable
    from medsyngen.cohort.patient_map import PatientMap
    from medsyngen.cohort.preflight import inspect_scans
    from medsyngen.cohort.transforms import ScanForm

    console = Console(machine=json)
    form = _form(recipe, overrides or ())
    with console.progress() as progress:
        found = inspect_scans(
            scans,
            modalities=form.modalities if form else None,
            labels=LabelTable.read(labels) if labels else None,
            patient_map=PatientMap.read(patient_map) if patient_map else None,
            progress=progress,
        )
    booked = _book(ledger)
    values = {**found.to_json(), "look_booked": booked}
    console.result(values)
    _tell(console, found)
    if not booked:
        console.say("the site has no ledger yet, so this look is noted nowhere: make it with `medsyngen ledger create`")
    if out is not None:
        console.say(f"written: {_keep(out, values)}")
    _refuse(found, form or ScanForm())


def _book(ledger: Path | None) -> bool:
    """Notes the look in the ledger of the site, if there is one."""
    from medsyngen.pipeline.site_ledger import site_ledger
    from medsyngen.privacy.ledger import Ledger

    path = site_ledger(ledger)
    if not path.is_file():
        return False
    with Ledger.open(path) as books:
        books.look(PURPOSE)
    return True


def _form(recipe: str | None, overrides: list[str] | tuple[()]) -> ScanForm | None:
    if recipe is None:
        return None
    from medsyngen.recipe import load_recipe

    return load_recipe(recipe, overrides).scans


def _tell(console: Console, found: Preflight) -> None:
    spread = found.scans_per_patient
    console.say("INSIDE ONLY: exact figures of private scans, not for release")
    console.say(
        f"{found.patients} patients, {found.scans} usable scans ({spread['min']:g} to {spread['max']:g} a patient, "
        f"median {spread['median']:g})"
    )
    counts = {
        "modality": found.modalities,
        "size": found.sizes,
        "bits": found.bits,
        "photometric": found.photometric,
        "label": found.labels,
        "left out": found.refused,
    }
    console.table(("", "what", "scans"), [row for name, values in counts.items() for row in _rows(name, values)])
    refusals = [(r.case_id, str(r.scans), f"{r.reason}: {r.explanation}", r.do) for r in found.refusals]
    console.table(("case", "scans", "why it is left out", "what mends it"), refusals)
    console.table(("privacy unit", "found", "do"), [(f.severity, f.what, f.do) for f in found.findings])
    if found.patients:
        console.say(
            f"patients_at_most: {found.suggested_patients_at_most} would hold them all; better a round number that "
            "was known before"
        )


def _rows(name: str, values: Mapping[str, int]) -> list[tuple[str, str, str]]:
    return [(name if i == 0 else "", each, str(count)) for i, (each, count) in enumerate(values.items())]


def _keep(run: Path, values: Mapping[str, Any]) -> Path:
    """Writes the preflight where only its owner reads it; a run that begins there notes the look if it wasn't."""
    import os

    from medsyngen.errors import UsageError

    private = run / "private"
    try:
        private.mkdir(parents=True, exist_ok=True)
        private.chmod(0o700)
        path = private / "preflight.json"
        temporary = private / ".preflight.json.part"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json_text.dumps(values, indent=2, ensure_ascii=False) + "\n")
        os.replace(temporary, path)
    except OSError as error:
        raise UsageError(f"--out can't be written: {error.strerror}", do="name a folder that can be written") from error
    return path


def _refuse(found: Preflight, form: ScanForm) -> None:
    from medsyngen.errors import InputUnusable, TooManySkipped

    blocking = [finding for finding in found.findings if finding.severity == "blocks"]
    if blocking:
        details = [f"{finding.what}; {finding.do}" for finding in blocking[1:]]
        raise InputUnusable(f"`fit` will refuse these scans: {blocking[0].what}", do=blocking[0].do, details=details)
    lost = sum(refusal.scans for refusal in found.refusals)
    share = lost / max(1, lost + found.scans)
    if share > form.max_skipped_share:
        raise TooManySkipped(
            f"`fit` will refuse these scans: {lost} of {lost + found.scans} are left out, more than the allowed share "
            f"of {form.max_skipped_share:g}",
            do="mend or take out the cases listed, or allow a larger max_skipped_share in the recipe",
        )
