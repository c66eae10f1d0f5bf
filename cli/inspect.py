"""``medsyngen inspect``: what is in a folder of scans, and whether `fit` could use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
        typer.Option(
            "--out",
            metavar="RUN",
            help="Also writes preflight.json, contact-sheet.png and an index of the headers into RUN/private, for the "
            "data team only. With the index a second look, and `fit --run RUN`, read only files that changed.",
        ),
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Also writes RUN/private/cases.csv: which file each case number is.")
    ] = False,
    ocr: Annotated[
        int,
        typer.Option(
            "--ocr",
            metavar="N",
            min=0,
            help="Searches N pictures for text, those at risk first (1 to 10 s each). Needs medsyngen[ocr].",
        ),
    ] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Ends with exit code 4 if any file is refused.")] = False,
    ledger: LedgerOption = None,
    json: JsonOption = False,
) -> None:
    """Tells what is in a folder of scans (or a .zip of one), what is wrong with it and why.

    Patients, series, equipment, every file that can't be used, whether patients can be told apart, and what people
    should look at: text in pictures, faces, near duplicates. Changes nothing. What it prints is exact, so it is for
    inside only. It spends no privacy, but it is a look at the scans: choose a recipe's numbers from public facts, not
    from what you see here. The look is noted in the ledger of the site.
    """
    from medsyngen.cohort.labels import LabelTable
    from medsyngen.cohort.patient_map import PatientMap
    from medsyngen.cohort.preflight import inspect_scans
    from medsyngen.cohort.preflight_files import keep_preflight, private_folder
    from medsyngen.cohort.transforms import ScanForm

    from .inspected import tell

    console = Console(machine=json)
    _check(out, reveal)
    form = _form(recipe, overrides or ())
    with console.progress() as progress, private_folder(out) as kept:
        found = inspect_scans(
            scans,
            modalities=form.modalities if form else None,
            labels=LabelTable.read(labels) if labels else None,
            patient_map=PatientMap.read(patient_map) if patient_map else None,
            slices=form.volumes if form else None,
            any_volume=form is None,
            kept=kept,
            search_text_in=ocr,
            progress=progress,
        )
    booked = _book(ledger)
    values = {**found.to_json(), "look_booked": booked}
    console.result(values)
    tell(console, found)
    if not booked:
        console.say("the site has no ledger yet, so this look is noted nowhere: make it with `medsyngen ledger create`")
    if out is not None:
        for path in keep_preflight(out, found, values, reveal=reveal):
            console.say(f"written: {path}")
    _refuse(found, form or ScanForm(), strict=strict)


def _check(out: Path | None, reveal: bool) -> None:
    from medsyngen.errors import UsageError

    if reveal and out is None:
        raise UsageError("--reveal needs a place inside", do="name one with --out RUN")


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


def _refuse(found: Preflight, form: ScanForm, *, strict: bool) -> None:
    from medsyngen.errors import InputUnusable, TooManySkipped

    blocking = [finding for finding in found.findings if finding.severity == "blocks"]
    if blocking:
        details = [f"{finding.what}; {finding.do}" for finding in blocking[1:]]
        raise InputUnusable(f"`fit` will refuse these scans: {blocking[0].what}", do=blocking[0].do, details=details)
    lost = sum(refusal.scans for refusal in found.refusals)
    share = lost / max(1, lost + found.files["accepted"])
    if share > form.max_skipped_share:
        raise TooManySkipped(
            f"`fit` will refuse these scans: {lost} of {lost + found.files['accepted']} are left out, more than the "
            f"allowed share of {form.max_skipped_share:g}",
            do="mend or take out the cases listed, or allow a larger max_skipped_share in the recipe",
        )
    if strict and lost:
        raise TooManySkipped(f"--strict: {lost} scans are left out", do="mend or take out the cases listed")
