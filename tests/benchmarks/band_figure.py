"""The figure of docs/benchmarks/bands.json: curves only."""

from __future__ import annotations

import math
from typing import Any

from medsyngen.diffusion.bands import StageBands
from medsyngen.report.gap_plot import Curve, Panel, gaps_svg

NIH_CHEST, NIH_LEAVES, NIH_NIH = "nih / chest_radiograph", "nih / dead_leaves", "nih / nih"


def figure(result: dict[str, Any]) -> str:
    """Returns the SVG: gaps of networks at each size, then nats at both sizes, the larger one moved by the rule."""
    panels = [panel(result, size) for size in result["closed_form"] for panel in (_networks, _excess)]
    return gaps_svg([*panels, _nats(result)])


def edges(size: str) -> tuple[float, float]:
    """Returns ln sigma of the cleaning and of the context edge."""
    context = StageBands().split(int(size) ** 2)[1]
    return math.log(context.low), math.log(context.high)


def _networks(result: dict[str, Any], size: str) -> Panel:
    curves = [
        _closed(result, size, NIH_CHEST, "chest phantoms, closed form", 0),
        _closed(result, size, NIH_LEAVES, "dead leaves, closed form", 1),
    ]
    for pair, name, style, colour in (
        (NIH_CHEST, "chest phantoms, measured", "points", 0),
        (NIH_LEAVES, "dead leaves, measured", "points", 1),
        (NIH_NIH, "floor: NIH twice, measured", "dashed", 2),
    ):
        if rows := result["measured"][size].get(pair):
            curves.append(_of(rows, "gap", "error", name, style, colour))
    title = f"On NIH radiographs, {size} x {size} pixels: gap"
    return Panel(title, "gap of the networks, a pixel", curves, edges(size))


def _excess(result: dict[str, Any], size: str) -> Panel:
    curves = [
        _closed(result, size, NIH_CHEST, "chest phantoms, closed form", 0),
        _closed(result, size, NIH_LEAVES, "dead leaves, closed form", 1),
    ]
    for pair, name, colour in (
        (NIH_CHEST, "chest phantoms, excess loss", 0),
        (NIH_LEAVES, "dead leaves, excess loss", 1),
    ):
        if rows := result["measured"][size].get(pair):
            curves.append(_of(rows, "excess_over_both", "excess_error", name, "points", colour))
    title = f"On NIH radiographs, {size} x {size} pixels: excess loss (hollow: not above 0)"
    return Panel(title, "excess loss, a pixel", curves, edges(size))


def _nats(result: dict[str, Any]) -> Panel:
    curves = []
    for colour, (pair, name) in enumerate(((NIH_CHEST, "chest phantoms"), (NIH_LEAVES, "dead leaves"))):
        for size, style in zip(result["closed_form"], ("line", "dashed"), strict=False):
            moved = math.log(int(size) / 28)
            row = result["closed_form"][size][pair]
            x = [value - moved for value in row["log_sigma"]]
            told = f"{name}, {size} pixels" + (f", moved by {-moved:.2f}" if moved else "")
            curves.append(Curve(told, x, row["nats"], (), style, colour))
    return Panel(
        "Closed form in nats of a whole image, 64 pixels moved by the edge rule",
        "nats a unit of ln σ",
        curves,
        edges("28"),
    )


def _closed(result: dict[str, Any], size: str, pair: str, name: str, colour: int) -> Curve:
    row = result["closed_form"][size][pair]
    return Curve(name, row["log_sigma"], row["of_network"], (), "line", colour)


def _of(rows: list[dict[str, float]], key: str, error: str, name: str, style: str, colour: int) -> Curve:
    columns = ([row[k] for row in rows] for k in ("log_sigma", key, error))
    return Curve(name, *columns, style, colour)
