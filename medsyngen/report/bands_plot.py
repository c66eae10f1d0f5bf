"""The noise bands as inline SVG: which stage trained which noise levels, and from what.

Positions along the axis are percentages and sizes are pixels, so that the text keeps its size on a narrow screen.
Colours come from the page's style sheet by class; private scans are hatched as well, for who can't tell the colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from medsyngen.report.svg import opened

_LANE = 58
_AXIS = 46
_LOWEST, _HIGHEST = 1e-6, 1e6  # an edge beyond these is drawn at these


def bands_svg(stages: Sequence[Mapping[str, Any]], name: str = "bands") -> Markup:
    """Returns the plot.

    Args:
        stages: name, data, sigma_low (0 = open below), sigma_high (None = open above) of each stage.
        name: Unlike that of any other plot on the page.
    """
    low, high = _range(stages)
    bottom = _LANE * len(stages) + 4
    title, size = "Which noise levels were learned, and from what", f'width="100%" height="{bottom + _AXIS}"'
    parts = [opened(name, title=title, description=_described(stages), size=size)]
    for decade in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        x = _percent(10.0**decade, low, high)
        parts.append(_TICK.format(x=x, bottom=bottom, text=f"{10.0**decade:g}", y=bottom + 18))
    for lane, stage in enumerate(sorted(stages, key=_downwards)):  # the order in which sampling passes them
        left = _percent(stage["sigma_low"] or low, low, high)
        right = _percent(stage["sigma_high"] or high, low, high)
        parts.append(
            _BAR.format(
                y=lane * _LANE,
                text=lane * _LANE + 16,
                bar=lane * _LANE + 25,
                name=stage["name"],
                data=stage["data"],
                sigma=sigma_text(stage),
                left=left,
                width=right - left,
                style="private" if stage["data"] == "private scans" else "public",
            )
        )
    parts.append(_FOOT.format(bottom=bottom, y=bottom + 38))
    return Markup("").join(parts)


def sigma_text(stage: Mapping[str, Any]) -> str:
    """Returns a stage's noise levels, for instance "σ 0.05 to 7.4", "σ above 7.4"."""
    low, high = stage["sigma_low"], stage["sigma_high"]
    if not low and high is None:
        return "all σ"
    if not low:
        return f"σ below {high:.3g}"
    return f"σ above {low:.3g}" if high is None else f"σ {low:.3g} to {high:.3g}"


def _range(stages: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Returns the ends of the axis; a decade is left beyond an edge where a band is open."""
    edges = [edge for stage in stages for edge in (stage["sigma_low"], stage["sigma_high"]) if edge] or [1.0]
    edges = [min(max(edge, _LOWEST), _HIGHEST) for edge in edges]
    low, high = min(edges), max(edges)
    if any(not stage["sigma_low"] for stage in stages) or low == high:
        low /= 10
    if any(stage["sigma_high"] is None for stage in stages) or low == high:
        high *= 10
    return low, high


def _downwards(stage: Mapping[str, Any]) -> tuple[float, float]:
    high = math.inf if stage["sigma_high"] is None else stage["sigma_high"]
    return -high, -stage["sigma_low"]


def _percent(sigma: float, low: float, high: float) -> float:
    return round(100 * math.log(min(max(sigma, low), high) / low) / math.log(high / low), 2)


def _described(stages: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{s['name']}: {s['data']}, {sigma_text(s)}" for s in stages)


_TICK = Markup(
    '<line class="grid" x1="{x}%" x2="{x}%" y1="20" y2="{bottom}"/>'
    '<text class="tick" x="{x}%" y="{y}" text-anchor="middle">{text}</text>'
)
_BAR = Markup(
    '<text class="lane" x="0" y="{text}"><tspan class="name">{name}</tspan> · {data}</text>'
    '<text class="lane" x="100%" y="{text}" text-anchor="end">{sigma}</text>'
    '<rect class="track" x="0" width="100%" y="{bar}" height="18" rx="3"/>'
    '<rect class="{style} bar" x="{left}%" width="{width}%" y="{bar}" height="18" rx="3"/>'
)
_FOOT = Markup(
    '<line class="axis" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>'
    '<text class="tick" x="50%" y="{y}" text-anchor="middle">noise level σ of the diffusion (logarithmic)</text></svg>'
)
