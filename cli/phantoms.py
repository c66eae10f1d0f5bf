"""``medsyngen phantoms``: pictures drawn by program, which train the public parts of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import phantom_bands
from .console import Console
from .options import JsonOption

app = typer.Typer(
    help="Pictures drawn by program: to look at, and what they can stand in for.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
COLUMNS = 8


@app.command()
def draw(
    sheet: Annotated[Path, typer.Option("--sheet", metavar="FILE", help="The PNG to write; replaced if it is there.")],
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Which phantoms.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All phantoms.")] = False,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=4096, help="How many of each.")] = 64,
    size: Annotated[int, typer.Option("--size", metavar="PIXELS", min=8, max=1024, help="Pixels a side.")] = 32,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed draws the same pictures.")] = 0,
    json: JsonOption = False,
) -> None:
    """Draws phantoms onto one sheet. Reads no scan: phantoms are made up, fixed before any look at the scans.

    Of those that draw volumes, which are not among --all, a plane is shown: axial, coronal and sagittal in turn.
    """
    import numpy as np

    from medsyngen.errors import UsageError
    from medsyngen.formats.contact_sheet import contact_sheet
    from medsyngen.phantoms.catalogue import PHANTOMS, VOLUME_PHANTOMS, any_phantom
    from medsyngen.phantoms.source import pictures_of
    from medsyngen.randomness import Streams

    console = Console(machine=json)
    chosen = list(PHANTOMS) if everything else list(dict.fromkeys(names or ()))
    if not chosen:
        raise UsageError(
            "no phantom is named", do=f"name some of: {', '.join((*PHANTOMS, *VOLUME_PHANTOMS))}, or write --all"
        )
    sources = [any_phantom(name) for name in chosen]
    streams = Streams(seed)
    pixels = np.concatenate(
        [
            pictures_of(source, count, size, streams.numpy(f"phantoms on a sheet: {name}"))
            for name, source in zip(chosen, sources, strict=True)
        ]
    )
    try:
        contact_sheet(pixels, COLUMNS, caption=f"PHANTOMS {', '.join(chosen)}").save(sheet, "PNG")
    except OSError as error:
        raise UsageError(f"--sheet can't be written: {error.strerror}", do="name a file that can be written") from error
    console.result({"sheet": str(sheet), "phantoms": chosen, "count": count, "size": size, "seed": seed})
    console.say(f"{sheet}: {count} each of {', '.join(chosen)}, {size} x {size} pixels, seed {seed}")


app.command()(phantom_bands.bands)
