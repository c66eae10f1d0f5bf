"""``medsyngen evaluate``: holds a finished run against real scans; an uncharged look, or a few charged figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import Console
from .options import DeviceOption, JsonOption, LabelsOption, LedgerOption, PatientMapOption, RunArgument

if TYPE_CHECKING:
    from medsyngen.pipeline.charged_evaluation import ChargedOutcome
    from medsyngen.pipeline.evaluate import EvaluationOutcome, ScansToRead

DEFAULT_COUNT = 2000


def evaluate(
    run: RunArgument,
    scans: Annotated[
        Path, typer.Option("--scans", metavar="SCANS", help="The scans that the run learned from. Only read.")
    ],
    holdout: Annotated[
        Path | None,
        typer.Option(
            "--holdout",
            metavar="SCANS2",
            help="Scans of other patients, whom the run never saw: test patients, and what copies are told by.",
        ),
    ] = None,
    cohort: Annotated[
        Path | None,
        typer.Option("--cohort", metavar="COHORT", help="Evaluates this exported cohort (PNG) in place of drawings."),
    ] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", min=20, help="Images to draw.")] = DEFAULT_COUNT,
    charge: Annotated[
        str | None,
        typer.Option(
            "--charge",
            metavar="NAMES",
            help="Buys figures with privacy instead of looking, out of: patients, recall, labels, accuracy.",
        ),
    ] = None,
    epsilon: Annotated[
        float | None, typer.Option("--epsilon", metavar="E", help="With --charge: what it may spend.")
    ] = None,
    labels: LabelsOption = None,
    patient_map: PatientMapOption = None,
    holdout_labels: Annotated[
        Path | None, typer.Option("--holdout-labels", metavar="FILE", help="As --labels, of SCANS2.")
    ] = None,
    holdout_patient_map: Annotated[
        Path | None, typer.Option("--holdout-patient-map", metavar="FILE", help="As --patient-map, of SCANS2.")
    ] = None,
    ledger: LedgerOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Holds a finished run against real scans: fidelity, utility, copies. For inside only.

    It charges nothing, but it is a look: noted in the ledger before a scan is read, and counted in every report of the
    run that is written afterwards. All it finds is exact and stays in RUN/private/evaluation. Needs medsyngen[metrics].

    With --charge nothing exact is shown and no look is noted: a few noised figures are charged to the ledger instead.
    """
    from medsyngen.pipeline.evaluate import ScansToRead, evaluate_run

    console = Console(machine=json)
    real = ScansToRead(scans, labels, patient_map)
    others = None if holdout is None else ScansToRead(holdout, holdout_labels, holdout_patient_map)
    _check(charge, epsilon, others, holdout_labels or holdout_patient_map)
    if charge is not None and epsilon is not None:
        _charge(console, run, real, charge, epsilon, cohort, count, ledger, device)
        return
    with console.progress() as progress:
        outcome = evaluate_run(
            run,
            real,
            holdout=others,
            cohort=cohort,
            count=count,
            ledger=ledger,
            device=device,
            progress=progress,
        )
    console.result(outcome.figures)
    _tell(console, outcome)


def _check(charge: str | None, epsilon: float | None, holdout: ScansToRead | None, of_holdout: Path | None) -> None:
    from medsyngen.errors import UsageError

    if (charge is None) != (epsilon is None):
        raise UsageError("--charge and --epsilon need each other", do="name figures, and what they may spend")
    if charge is not None and holdout is not None:
        raise UsageError(
            "--charge takes no --holdout: hold-out patients are patients, too, and no run was charged for them",
            do="leave out --holdout",
        )
    if of_holdout is not None and holdout is None:
        raise UsageError("--holdout-labels and --holdout-patient-map say something of --holdout", do="give --holdout")


def _charge(
    console: Console,
    run: Path,
    real: ScansToRead,
    charge: str,
    epsilon: float,
    cohort: Path | None,
    count: int,
    ledger: Path | None,
    device: str,
) -> None:
    from medsyngen.pipeline.charged_evaluation import charged_evaluation

    with console.progress() as progress:
        outcome = charged_evaluation(
            run,
            real,
            asked=charge.split(","),
            epsilon=epsilon,
            cohort=cohort,
            count=count,
            ledger=ledger,
            device=device,
            progress=progress,
        )
    console.result(outcome.figures)
    _tell_charged(console, outcome)


def _tell(console: Console, outcome: EvaluationOutcome) -> None:
    from medsyngen.report.evaluation_rows import COLUMNS, copy_lines, fidelity_rows, utility_rows

    found = outcome.figures
    console.say(found["notice"])
    console.say(
        f"{found['evaluated']['images']} synthetic images, {found['images']['training']} real ones, "
        f"{found['images']['test']} of test patients: {found['test_patients']['statement']}."
    )
    whole, *groups = found["fidelity"]
    rows = [*fidelity_rows(whole), *(row for group in groups for row in fidelity_rows(group)[:1])]
    console.table(COLUMNS, [*rows, *(row for each in found["utility"] for row in utility_rows(each))])
    for line in copy_lines(found["copies"]):
        console.say(line)
    for notice in outcome.notices:
        console.say(f"note: {notice}")
    console.say(f"Features: {found['backbones']['judge']}. Brackets: 95 % intervals over patients (and seeds).")
    console.say(f"written, for inside only: {outcome.folder}/evaluation.html, evaluation.json, closest-pairs.png")
    console.say(
        f"This look is number {outcome.looks} on the ledger. Reports written from now on count it (`medsyngen report "
        "RUN`, and every export); choices made after it are not covered by ε."
    )


def _tell_charged(console: Console, outcome: ChargedOutcome) -> None:
    rows = []
    for name, each in outcome.figures["figures"].items():
        value = "lost in the noise" if each["value"] is None else f"{each['value']:.3g}"
        noise = "" if each["noise"] is None else f"{each['noise']:.2g}"
        rows.append((name, value, noise, each["of"]))
    console.table(("figure", "noised", "noise, about (1 standard deviation)", ""), rows)
    console.say(f"charged to the ledger: {outcome.guarantee.sentence()}")
    if outcome.seeded:
        console.say("SEEDED: not for release")
    console.say(f"written: {outcome.file}; no look was noted, nothing exact was shown")
