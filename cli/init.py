"""``medsyngen init``: writes a commented recipe from public facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import JsonOption


def init(
    modality: Annotated[
        str, typer.Option("--modality", metavar="CODE", help="DICOM modality of the scans, such as CR; or CR,DX.")
    ],
    size: Annotated[int, typer.Option("--size", metavar="N", help="Pixels a side of what is learned and released.")],
    patients_at_most: Annotated[
        int,
        typer.Option(
            "--patients-at-most",
            metavar="N",
            min=1,
            help="N_max: a bound on the number of patients that is public anyway. Never counted from the scans.",
        ),
    ],
    epsilon: Annotated[
        float, typer.Option("--epsilon", metavar="E", help="The whole budget of a run for one patient.")
    ] = 8.0,
    classes: Annotated[
        str | None,
        typer.Option("--classes", metavar="LIST", help='Such as "normal=0:0.6,abnormal=1:0.4": name=label:share.'),
    ] = None,
    phantom: Annotated[
        str | None, typer.Option("--phantom", metavar="NAME", help="What to draw, if not what the modality suggests.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it; must not exist yet.")] = Path(
        "recipe.yaml"
    ),
    json: JsonOption = False,
) -> None:
    """Writes a commented recipe from public facts. Reads no scan.

    It starts from the shipped recipe that `plan` proposes for so many patients and this budget. Everything in it is
    public, so give it nothing that was counted or measured on the scans.
    """
    from medsyngen.errors import UsageError
    from medsyngen.pipeline.first_recipe import PublicFacts, first_recipe, modalities_of, parse_classes

    console = Console(machine=json)
    if out.exists():
        raise UsageError(f"{out.name} exists already; nothing was written", do="name another file with --out")
    facts = PublicFacts(
        modalities=modalities_of(modality),
        size=size,
        patients_at_most=patients_at_most,
        epsilon=epsilon,
        classes=parse_classes(classes) if classes is not None else (),
        phantom=phantom,
    )
    text = first_recipe(facts)
    try:
        with out.open("x", encoding="utf-8") as file:  # never over a file that came meanwhile
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"{out.name} can't be written: {error.strerror}", do="name a file that can be, with --out"
        ) from error
    console.result({"recipe": str(out), "yaml": text})
    console.say(f"written: {out}")
    console.say(f"next: read it, then medsyngen plan {out}")
