"""``medsyngen fit``: trains a generator on private scans, charged to the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medsyngen.errors import UsageError

from .console import Console
from .guarantee import guarantee_json
from .options import (
    DeviceOption,
    JsonOption,
    LabelsOption,
    LedgerOption,
    PatientMapOption,
    PatientsAtMostOption,
    RecipeArgument,
    SetOption,
)

if TYPE_CHECKING:
    from medsyngen.pipeline import FitOutcome


def fit(
    recipe: RecipeArgument,
    run: Annotated[Path, typer.Option("--run", metavar="RUN", help="The run folder: made, or gone on with.")],
    scans: Annotated[
        Path | None,
        typer.Option(
            "--scans",
            metavar="SCANS",
            help="The folder of private scans, or one .npz. Needed, unless phantoms serve every band of the recipe.",
        ),
    ] = None,
    labels: LabelsOption = None,
    patient_map: PatientMapOption = None,
    patients_at_most: PatientsAtMostOption = None,
    overrides: SetOption = None,
    ledger: LedgerOption = None,
    own_ledger: Annotated[
        str | None,
        typer.Option(
            "--own-ledger", metavar="REASON", help="Counts this run on a ledger of its own; the reason stands beside ε."
        ),
    ] = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Trains a generator on private scans within the recipe's privacy budget.

    The one command that spends privacy, charged to the ledger of the site. Interrupted, it goes on when it is called
    again; a run that is finished stays as it is and costs nothing. Under torchrun, many processes share the work.

    With synthesis.public_bands=all phantoms serve every band: then no scan is read, nothing is charged and no ledger is
    needed.
    """
    from medsyngen.parallel import joined
    from medsyngen.pipeline import help_fit, run_recipe
    from medsyngen.recipe import load_recipe

    console = Console(machine=json)
    with joined() as ranks:
        if not ranks.first:
            raise typer.Exit(help_fit(ranks, device=device))
        if ledger is not None and own_ledger is not None:
            raise UsageError("--ledger and --own-ledger contradict each other", do="give one of them")
        loaded = load_recipe(recipe, overrides or (), patients_at_most=patients_at_most)
        with console.progress() as progress:
            outcome = run_recipe(
                loaded,
                scans=scans,
                run=run,
                labels=labels,
                patient_map=patient_map,
                device=device,
                ledger=ledger,
                own_ledger=own_ledger,
                ranks=ranks,
                progress=progress,
            )
    console.result(outcome_json(outcome))
    tell(console, outcome)
    console.say(f"next: medsyngen export {outcome.run} --out COHORT --count 200")


def tell(console: Console, outcome: FitOutcome) -> None:
    """Tells what a fit did, ending with what it promises."""
    if outcome.already_finished:
        console.say(f"{outcome.run} is finished already, with this very recipe: nothing was done, nothing was charged.")
    elif not outcome.guarantee.scans_read:
        console.say("made from phantoms alone: no scan was read, nothing was charged, no ledger was opened")
    else:
        console.say(f"learned from {outcome.patients} patients, {outcome.scans} scans (inside only, not for release)")
    if outcome.refusals:
        lost = sum(refusal.scans for refusal in outcome.refusals)
        console.say(f"{lost} scans were left out:")
        rows = [(r.case_id, str(r.scans), f"{r.reason}: {r.explanation}", r.do) for r in outcome.refusals]
        console.table(("case", "scans", "why", "what mends it"), rows)
    for notice in outcome.notices:
        console.say(f"note: {notice}")
    console.say(f"{outcome.run}: {outcome.guarantee.sentence()}")


def outcome_json(outcome: FitOutcome) -> dict[str, Any]:
    """Returns the outcome for machines; like all that `fit` prints, for inside only."""
    inside = "inside only: exact counts of private scans, not for release"
    return {
        "notice": inside if outcome.guarantee.scans_read else "no scan was read",
        "run": str(outcome.run),
        "already_finished": outcome.already_finished,
        "guarantee": guarantee_json(outcome.guarantee),
        "patients": outcome.patients,
        "scans": outcome.scans,
        "refusals": [
            {"case_id": r.case_id, "reason": r.reason, "explanation": r.explanation, "do": r.do, "scans": r.scans}
            for r in outcome.refusals
        ],
        "notices": list(outcome.notices),
    }
