"""Arguments and options that several commands share, so that they are spelled and explained alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped recipe (see `recipes`).")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The run folder that `fit` made.")]
ScansArgument = Annotated[
    Path,
    typer.Argument(metavar="SCANS", help="The folder of private scans, a .zip of it, or one .npz file. Only read."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="Overrides one value of the recipe; may be repeated."),
]
PatientsAtMostOption = Annotated[
    int | None,
    typer.Option(
        "--patients-at-most",
        metavar="N",
        min=1,
        help="N_max: a public upper bound on the number of patients, over the recipe's. Never taken from the scans.",
    ),
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="CSV with the column `label` and `patient_id` or `path`. Left out: labels.csv in SCANS, if it is there.",
    ),
]
PatientMapOption = Annotated[
    Path | None,
    typer.Option(
        "--patient-map",
        metavar="FILE",
        help="CSV with `path,patient_id` or `patient_id,mapped_to`: who is who, where the headers don't say it.",
    ),
]
LedgerOption = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        metavar="FILE",
        help="The ledger of the site. Left out: $MEDSYNGEN_LEDGER, else ledger.jsonl in the user's data folder.",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="Where to compute: auto, cpu, cuda, or such as cuda:1.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Prints the result as JSON to stdout; all text goes to stderr.")
]


def refuse_options(why: str, given: Mapping[str, bool], *, do: str = "") -> None:
    """Refuses options that mean nothing for a recipe.

    Args:
        why: With ``{}`` where the options are named.
        given: Name of each option's argument, and whether it was given.
        do: What to do beside leaving them out.

    Raises:
        UsageError: Some were given.
    """
    from medsyngen.errors import UsageError

    options = ", ".join(f"--{name.replace('_', '-')}" for name, is_given in given.items() if is_given)
    if options:
        raise UsageError(why.format(options), do=f"leave out {options}{do}")
