"""Gaps of denoisers against noise level as an SVG file of its own: panels one below the other, gaps on a log scale.

Colours are told apart by dashes and marks as well. The file needs no style sheet and no font but the reader's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
_PANEL = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 16, 34, 60
_COLOURS = ("#0b5cad", "#b3400b", "#5d5d5d", "#2f7d32", "#7b3fa0", "#8a6d00")
_DASHES = {"line": "", "dashed": "6 4", "points": ""}


@dataclass(frozen=True)
class Curve:
    """One curve.

    Args:
        name: For the legend.
        log_sigma: ln sigma, rising.
        values: Gaps; at or below 0 they are drawn at the lower edge, as hollow marks.
        errors: Standard errors, drawn as bars, or empty.
        style: ``line``, ``dashed`` or ``points`` (joined by a thin line).
        colour: Which of the six colours.
    """

    name: str
    log_sigma: Sequence[float]
    values: Sequence[float]
    errors: Sequence[float] = ()
    style: str = "line"
    colour: int = 0


@dataclass(frozen=True)
class Panel:
    """One plot.

    Args:
        title: Above it.
        unit: Of the gaps.
        curves: At least one.
        edges: ln sigma of the cleaning and of the context edge.
    """

    title: str
    unit: str
    curves: Sequence[Curve]
    edges: tuple[float, float]


def gaps_svg(panels: Sequence[Panel]) -> str:
    """Returns the SVG file, for instance to write to ``gaps.svg``."""
    described = escape("; ".join(f"{p.title}: {', '.join(c.name for c in p.curves)}" for p in panels), {'"': "&quot;"})
    legend = 20 * max(math.ceil(len(p.curves) / 2) for p in panels)
    height = _PANEL + legend
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height * len(panels)}" '
        f'font-family="sans-serif" font-size="13" fill="#222" aria-label="Gaps. {described}">',
        f'<rect width="{WIDTH}" height="{height * len(panels)}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate(0 {number * height})">')
        parts += [*_frame(panel), *(part for curve in panel.curves for part in _curve(panel, curve)), *_legend(panel)]
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _frame(panel: Panel) -> list[str]:
    """Returns title, bands, edges and both axes."""
    left, right, low, high = _x(panel, _span(panel)[0]), _x(panel, _span(panel)[1]), _PANEL - _BOTTOM, _TOP
    edges = [_x(panel, edge) for edge in panel.edges]
    parts = [f'<text x="{_LEFT}" y="20" font-weight="bold">{escape(panel.title)}</text>']
    bands = zip(("cleaning", "context", "coarse"), (left, *edges), (*edges, right), strict=True)
    for name, start, end in bands:
        fill = "#f4ead9" if name == "context" else "#eef4ea"
        parts.append(
            f'<rect x="{start}" y="{high}" width="{round(end - start, 1)}" height="{low - high}" fill="{fill}"/>'
        )
        parts.append(f'<text x="{(start + end) / 2:.1f}" y="{low - 6}" text-anchor="middle" fill="#666">{name}</text>')
    for x in edges:
        parts.append(f'<line x1="{x}" x2="{x}" y1="{high}" y2="{low}" stroke="#222" stroke-dasharray="2 3"/>')
    bottom, top = _decades(panel)
    for decade in range(bottom, top + 1):
        y = _y(panel, 10.0**decade)
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="#ccc" stroke-width="0.7"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{10.0**decade:g}</text>')
    first, last = _span(panel)
    for tick in range(math.ceil(first), math.floor(last) + 1):
        parts.append(f'<text x="{_x(panel, tick)}" y="{low + 18}" text-anchor="middle">{tick}</text>')
    middle = (low + high) / 2
    parts.append(
        f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(panel.unit)}</text>'
    )
    parts.append(f'<text x="{(left + right) / 2:.1f}" y="{low + 38}" text-anchor="middle">ln σ</text>')
    return parts


def _curve(panel: Panel, curve: Curve) -> list[str]:
    colour, points = _COLOURS[curve.colour % len(_COLOURS)], curve.style == "points"
    places = [(_x(panel, x), _y(panel, v)) for x, v in zip(curve.log_sigma, curve.values, strict=True)]
    line = " ".join(f"{x},{y}" for x, y in places)
    dash = f' stroke-dasharray="{_DASHES[curve.style]}"' if _DASHES[curve.style] else ""
    width = 0.8 if points else 1.8
    parts = [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>']
    if points:
        for (x, y), value in zip(places, curve.values, strict=True):
            fill = colour if value > 0 else "#fff"
            parts.append(f'<circle cx="{x}" cy="{y}" r="2.6" fill="{fill}" stroke="{colour}"/>')
    for (x, _), value, error in zip(places, curve.values, curve.errors, strict=False):
        low, high = _y(panel, value - 2 * error), _y(panel, value + 2 * error)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" stroke="{colour}"/>')
    return parts


def _legend(panel: Panel) -> list[str]:
    """Returns two entries a row, below the axis."""
    parts = []
    for number, curve in enumerate(panel.curves):
        x, y = _LEFT + number % 2 * (WIDTH - _LEFT) // 2, _PANEL - 4 + number // 2 * 20
        colour = _COLOURS[curve.colour % len(_COLOURS)]
        dash = f' stroke-dasharray="{_DASHES[curve.style]}"' if _DASHES[curve.style] else ""
        parts.append(f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="1.8"{dash}/>')
        if curve.style == "points":
            parts.append(f'<circle cx="{x + 13}" cy="{y}" r="2.6" fill="{colour}"/>')
        parts.append(f'<text x="{x + 33}" y="{y + 4}">{escape(curve.name)}</text>')
    return parts


def _span(panel: Panel) -> tuple[float, float]:
    every = [x for curve in panel.curves for x in curve.log_sigma]
    return min(every), max(every)


def _decades(panel: Panel) -> tuple[int, int]:
    """Returns the exponents of 10 between which all gaps lie; at most six decades, the highest ones."""
    every = [v for curve in panel.curves for v in curve.values if v > 0] or [1.0]
    top = math.ceil(math.log10(max(every)))
    return max(top - 6, min(math.floor(math.log10(min(every))), top - 1)), top


def _x(panel: Panel, log_sigma: float) -> float:
    first, last = _span(panel)
    share = (min(max(log_sigma, first), last) - first) / ((last - first) or 1.0)
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(panel: Panel, value: float) -> float:
    bottom, top = _decades(panel)
    at = min(max(math.log10(value) if value > 0 else bottom, bottom), top)
    return round(_PANEL - _BOTTOM - (at - bottom) / (top - bottom) * (_PANEL - _BOTTOM - _TOP), 1)
