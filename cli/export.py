"""``medsyngen export``: draws a synthetic cohort and writes it through the release gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .guarantee import guarantee_json
from .options import DeviceOption, JsonOption, LedgerOption, RunArgument, refuse_options

if TYPE_CHECKING:
    from medsyngen.pipeline import ExportOutcome


def export(
    run: RunArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="COHORT", help="The cohort folder; must not exist yet.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="How many synthetic images to draw.")
    ] = None,
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
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="DIR",
            help="In place of a cohort: the generator itself as a MONAI bundle; a new folder.",
        ),
    ] = None,
    licence: Annotated[
        Path | None, typer.Option("--licence", metavar="FILE", help="Terms of use, a text that goes into the bundle.")
    ] = None,
    ledger: LedgerOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Draws a synthetic cohort, checks every byte of it, and puts it into place.

    Reads no private scan and spends no privacy. The folder appears whole or not at all. Under torchrun, many processes
    share the drawing.
    """
    from medsyngen.errors import UsageError
    from medsyngen.parallel import joined
    from medsyngen.pipeline import export_cohort, help_export

    console = Console(machine=json)
    if bundle is not None:
        _check_bundle_options(out, count)
        _export_bundle(console, run, bundle, licence, ledger, sign)
        return
    if out is None or count is None or licence is not None:
        raise UsageError(
            "--licence belongs to --bundle" if licence else "a cohort needs --out COHORT and --count N",
            do="give both, or --bundle DIR for the generator itself",
        )
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


def _check_bundle_options(out: Path | None, count: int | None) -> None:
    from medsyngen.parallel import rank_here

    refuse_options(
        "{} can't go with --bundle: that is the generator itself, not a number of images",
        {"out": out is not None, "count": count is not None},
        do="; draw from it afterwards, or export a cohort without --bundle",
    )
    if rank_here():
        raise typer.Exit  # nothing is drawn that could be shared


def _export_bundle(
    console: Console, run: Path, out: Path, licence: Path | None, ledger: Path | None, sign: Path | None
) -> None:
    from medsyngen.pipeline import export_bundle

    with console.progress() as progress:
        outcome = export_bundle(run, out=out, licence=licence, ledger=ledger, sign=sign, progress=progress)
    console.result(
        {
            "bundle": str(outcome.bundle),
            "signed": outcome.signed,
            "guarantee": guarantee_json(outcome.guarantee),
        }
    )
    console.say(f"the generator is a MONAI bundle in {outcome.bundle}; the gate passed")
    console.say(f"{outcome.bundle}: {outcome.guarantee.sentence()}")


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
