"""``medsyngen phantoms bands``: at which noise levels one family of phantoms can stand in for another."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console, spell_seconds
from .options import JsonOption

if TYPE_CHECKING:
    import numpy as np

    from medsyngen.diffusion.family_gaps import FamilyGaps
    from medsyngen.diffusion.training import PublicTraining
    from medsyngen.scan import Pixels

COLUMNS = ("ln σ", "band", "closed form", "measured", "floor", "excess loss", "its floor", "closed form, nats")

_MEASURING = 3200
"""Training passes of one image that take as long as measuring: 25 noise levels, 128 images, three networks, forward."""


def bands(
    first: Annotated[str, typer.Argument(metavar="NAME_A", help="Phantoms in the place of the scans.")],
    second: Annotated[str, typer.Argument(metavar="NAME_B", help="Phantoms that are to stand in for them.")],
    size: Annotated[int, typer.Option("--size", metavar="PIXELS", min=8, max=256, help="Pixels a side.")] = 28,
    steps: Annotated[int, typer.Option("--steps", metavar="T", min=1, help="Training steps of each network.")] = 600,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Draws the curves as SVG; replaced if it is there.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same table.")] = 0,
    json: JsonOption = False,
) -> None:
    """Shows at which noise levels NAME_B can stand in for NAME_A.

    Trains small networks on both, one of them twice, and prints how far they lie apart at each noise level: as the
    closed form for Gaussians says, as measured, and between the two of NAME_A (the floor). Minutes; nothing is kept.
    Reads no scan: edges found so are public.
    """
    from dataclasses import replace

    from medsyngen.diffusion.family_gaps import family_gaps
    from medsyngen.diffusion.measured_gaps import SHORT_TRAINING
    from medsyngen.phantoms.catalogue import phantom

    console = Console(machine=json)
    sources = phantom(first), phantom(second)
    _check(size, out)
    training = replace(SHORT_TRAINING, steps=steps)
    draws = _draw(sources[0], size), _draw(sources[1], size)
    seconds = (3 * steps + _MEASURING / training.batch_size) * _seconds_a_step(draws[0], size, training)
    console.say(f"three small networks of {steps} steps, one after the other: about {spell_seconds(seconds)}")
    with console.progress() as progress:
        found = family_gaps(*draws, size, seed=seed, training=training, names=(first, second), progress=progress)
    rows = _rows(found, size)
    if out:
        _plot(out, (first, second), size, rows)
    console.result(
        {
            "first": first,
            "second": second,
            "size": size,
            "steps": steps,
            "seed": seed,
            "edges": dict(zip(("cleaning", "context"), _edges(size), strict=True)),
            "coarse_nats": found.coarse_nats,
            "cleaning_nats": found.cleaning_nats,
            "rows": rows,
        }
    )
    _tell(console, (first, second), size, rows, found)
    if out:
        console.say(f"curves: {out}")


def _draw(source: Any, size: int) -> Callable[[int, np.random.Generator], Pixels]:
    from medsyngen.phantoms.source import draw_phantoms

    return lambda count, rng: draw_phantoms(source, count, size, rng)


def _check(size: int, out: Path | None) -> None:
    from medsyngen.diffusion.measured_gaps import SMALL_NETWORK
    from medsyngen.errors import UsageError

    step = 2 ** (len(SMALL_NETWORK.channels) - 1)
    if size % step:
        raise UsageError(f"--size {size} can't be halved as often as the network does", do=f"a multiple of {step}")
    if out and not out.resolve().parent.is_dir():  # said before minutes of training, not after
        raise UsageError("--out can't be written: its folder is not there", do="name a file that can be written")


def _seconds_a_step(draw: Callable[[int, np.random.Generator], Pixels], size: int, training: PublicTraining) -> float:
    import time
    from dataclasses import replace

    from medsyngen.diffusion.measured_gaps import train_denoiser
    from medsyngen.randomness import Streams

    began = 0.0
    for steps in (1, 3):  # the first one loads libraries
        began = time.perf_counter()
        train_denoiser(draw, size, streams=Streams(0), training=replace(training, steps=steps))
    return (time.perf_counter() - began) / 3


def _edges(size: int) -> tuple[float, float]:
    """Returns ln sigma of the cleaning and of the context edge."""
    import math

    from medsyngen.diffusion.bands import StageBands

    context = StageBands().split(size**2)[1]
    return math.log(context.low), math.log(context.high)


def _rows(found: FamilyGaps, size: int) -> list[dict[str, float]]:
    from medsyngen.diffusion.band_gaps import nats_of_network_gap

    closed = zip(found.closed.of_network.tolist(), found.closed.nats.tolist(), strict=True)
    return [
        {
            "log_sigma": gap.log_sigma,
            "closed_form": of_network,
            "measured": gap.gap,
            "measured_error": gap.error,
            "floor": floor.gap,
            "floor_error": floor.error,
            "excess": gap.excess,
            "excess_error": gap.excess_error,
            "excess_floor": floor.excess,
            "excess_floor_error": floor.excess_error,
            "closed_form_nats": nats,
            "excess_nats": nats_of_network_gap(gap.excess, gap.log_sigma, size**2),
        }
        for gap, floor, (of_network, nats) in zip(found.measured, found.floor, closed, strict=True)
    ]


def _tell(console: Console, names: tuple[str, str], size: int, rows: list[dict[str, float]], found: FamilyGaps) -> None:
    cleaning, context = _edges(size)

    def band(log_sigma: float) -> str:
        return "cleaning" if log_sigma < cleaning else "context" if log_sigma < context else "coarse"

    cells = [
        [
            f"{row['log_sigma']:+.1f}",
            band(row["log_sigma"]),
            f"{row['closed_form']:.4f}",
            *(f"{row[key]:.4f} ± {2 * row[f'{key}_error']:.4f}" for key in ("measured", "floor", "excess")),
            f"{row['excess_floor']:.4f}",
            f"{row['closed_form_nats']:.3g}",
        ]
        for row in rows
    ]
    console.say(f"{names[1]} in the place of {names[0]}, {size} x {size} pixels: mean squared gap of the networks")
    console.table(COLUMNS, cells)
    console.say(f"edges: cleaning {cleaning:+.2f}, context {context:+.2f}; public, read off no scan")
    console.say(
        f"by the closed form {names[1]} costs {found.coarse_nats:.3g} nats an image in the coarse band and "
        f"{found.cleaning_nats:.3g} in the cleaning band"
    )
    console.say(
        textwrap.fill(
            "A gap near its floor is the networks' own error, not a difference of the families; the floor shows what "
            "varies with the seed, not what all three lack. Excess loss: how much worse the network of "
            f"{names[1]} does on {names[0]}; what both lack cancels. ±: two standard errors over images.",
            100,
        )
    )


def _plot(out: Path, names: tuple[str, str], size: int, rows: list[dict[str, float]]) -> None:
    from medsyngen.errors import UsageError
    from medsyngen.report.gap_plot import Curve, Panel, gaps_svg

    x = [row["log_sigma"] for row in rows]

    def curve(name: str, key: str, style: str, colour: int) -> Curve:
        errors = [row[f"{key}_error"] for row in rows] if f"{key}_error" in rows[0] else ()
        return Curve(name, x, [row[key] for row in rows], errors, style, colour)

    title, edges = f"{names[1]} in the place of {names[0]}, {size} x {size} pixels", _edges(size)
    networks = (
        curve("closed form", "closed_form", "line", 0),
        curve("measured", "measured", "points", 1),
        curve(f"floor: {names[0]} twice", "floor", "dashed", 2),
        curve("excess loss", "excess", "points", 3),
    )
    nats = curve("closed form", "closed_form_nats", "line", 0), curve("excess loss", "excess_nats", "points", 3)
    panels = (
        Panel(title, "gap of the networks, a pixel", networks, edges),
        Panel(title, "nats a unit of ln σ", nats, edges),
    )
    try:
        out.write_text(gaps_svg(panels), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out can't be written: {error.strerror}", do="name a file that can be written") from error
