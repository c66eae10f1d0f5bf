"""``medsyngen export``: draws a synthetic cohort and writes it through the release gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .guarantee import guarantee_json
from .options import DeviceOption, JsonOption, LedgerOption, RunArgument

if TYPE_CHECKING:
    from medsyngen.pipeline import ExportOutcome


def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", metavar="COHORT", help="The cohort folder; must not exist yet.")],
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, help="How many synthetic images to draw.")],
    formats: Annotated[
        str,
        typer.Option(
            "--format", metavar="LIST", help="Formats, separated by commas: dicom, nifti, bids (MR), png, npz."
        ),
    ] = "dicom,png",
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEY", help="The SSH key that signs the manifest (ssh-keygen -Y sign)."),
    ] = None,
    ledger: LedgerOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Draws a synthetic cohort, checks every byte of it, and puts it into place.

    Reads no private scan and spends no privacy. The folder appears whole or not at all. Under torchrun, many processes
    share the drawing.
    """
    from medsyngen.parallel import joined
    from medsyngen.pipeline import export_cohort, help_export

    console = Console(machine=json)
    with joined() as ranks:
        if not ranks.first:
            raise typer.Exit(help_export(ranks, device=device))
        with console.progress() as progress:
            outcome = export_cohort(
                run,
                out=out,
                count=count,
                formats=format_list(formats),
                device=device,
                ledger=ledger,
                sign=sign,
                ranks=ranks,
                progress=progress,
            )
    console.result(outcome_json(outcome))
    tell(console, outcome)


def format_list(text: str) -> tuple[str, ...]:
    """Returns ``dicom, PNG`` as ("dicom", "png"), each once."""
    from medsyngen.errors import UsageError

    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError("--format names no format", do="write for instance --format dicom,png")
    return names


def tell(console: Console, outcome: ExportOutcome) -> None:
    """Tells what was written."""
    console.say(f"{outcome.count} synthetic images ({', '.join(outcome.formats)}) in {outcome.cohort}; the gate passed")
    console.say(f"{outcome.cohort}: {outcome.guarantee.sentence()}")


def outcome_json(outcome: ExportOutcome) -> dict[str, Any]:
    """Returns the outcome for machines."""
    return {
        "cohort": str(outcome.cohort),
        "count": outcome.count,
        "formats": list(outcome.formats),
        "signed": outcome.signed,
        "guarantee": guarantee_json(outcome.guarantee),
    }
