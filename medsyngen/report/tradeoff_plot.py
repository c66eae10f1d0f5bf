"""How many members an attack can find, against its false alarms, as inline SVG; the axis is logarithmic.

The curve is 1 - f(α) of the trade-off f (misses at least, at a rate α of false alarms). Its numbers stand in the table
behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from medsyngen.report.curves import pairs_of
from medsyngen.report.numbers import percent_text
from medsyngen.report.svg import opened
from medsyngen.report.trade_off import misses_at_least

_HEIGHT, _TOP, _AXIS = 250, 24, 44
_LEAST = 1e-4
"""Rates of false alarms below are left out of the plot, not of the table."""
_DRAWN = [10 ** (math.log10(_LEAST) * (1 - step / 200)) for step in range(200)] + [1.0]
"""Rates at which a curve is drawn; it is recomputed there, as lines between the table's few would flatter it."""
_RATES = [10.0**power for power in range(round(math.log10(_LEAST)), 1)]
"""Rates that the axis names."""

Named = tuple[str, Mapping[str, Any]]
"""What a curve is called, and ``curves`` of its report."""


def tradeoff_svg(curves: Sequence[Named], name: str = "tradeoff") -> Markup:
    """Returns the plot; six curves can be told apart, the seventh looks like the first.

    Args:
        curves: ``curves`` of one or more reports, each with its name.
        name: Unlike that of any other plot on the page.
    """
    bottom = _TOP + _HEIGHT
    legend = 22 * (len(curves) if len(curves) > 1 else 0)
    parts = [
        opened(
            name,
            title="What an attack can reach: members found against false alarms",
            description=_described(curves),
            size=f'width="100%" height="{bottom + _AXIS + legend}"',
        ),
        _AREA.format(top=_TOP, height=_HEIGHT),
        *(_EXCLUDED.format(points=f"{_bound(told)} 100,0 0,0") for _, told in curves[:1] if len(curves) == 1),
        Markup("</svg>"),
        *(_SHARE.format(y=_TOP + _HEIGHT * (1 - tick / 4)) for tick in range(5)),
        *(_RATE.format(x=_x(rate), top=_TOP, bottom=bottom) for rate in _RATES),
        _AREA.format(top=_TOP, height=_HEIGHT),
        _COIN.format(points=_points(lambda rate: 1 - rate)),
        *(_CURVE.format(points=_bound(told), number=n % 6) for n, (_, told) in enumerate(curves)),
        Markup("</svg>"),
        *(_SHARE_TEXT.format(y=_TOP + _HEIGHT * (1 - tick / 4), text=_share_text(tick)) for tick in range(5)),
        *(_RATE_TEXT.format(x=_x(rate), y=bottom + 18, anchor=_anchor(rate), text=_rate(rate)) for rate in _RATES),
    ]
    if len(curves) == 1:
        parts.append(_WORD.format(y=_TOP + 24))
    parts.append(_FOOT.format(y=bottom + 38, bottom=bottom))
    for number, (label, _) in enumerate(curves if legend else ()):
        parts.append(
            _LEGEND.format(
                y=bottom + _AXIS + 22 * number,
                text=bottom + _AXIS + 22 * number + 5,
                number=number % 6,
                label=label,
            )
        )
    return Markup("").join([*parts, Markup("</svg>")])


def found_rows(points: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Returns false alarms, members found at most, misses at least, as the table behind the plot prints them."""
    return [
        (
            _rate(p["false_alarms"]),
            percent_text(1 - p["misses_at_least"]),
            f"{math.floor(1e4 * p['misses_at_least']) / 100:.2f} %",
        )
        for p in points
    ]


def _points(misses: Callable[[float], float]) -> str:
    return " ".join(f"{_x(rate)},{round(100 * misses(rate), 2)}" for rate in _DRAWN)


def _bound(told: Mapping[str, Any]) -> str:
    pairs = pairs_of(told)
    return _points(lambda rate: misses_at_least(pairs, rate))


def _x(rate: float) -> float:
    return round(100 * (1 - math.log10(rate) / math.log10(_LEAST)), 2)


def _rate(rate: float) -> str:
    return f"{100 * rate:g} %"


def _share_text(quarter: int) -> str:
    return "100 % of members found" if quarter == 4 else f"{25 * quarter} %"


def _anchor(rate: float) -> str:
    return "start" if rate == _LEAST else "end" if rate == 1 else "middle"


def _described(curves: Sequence[Named]) -> str:
    parts = []
    for label, told_of in curves:
        told = [p for p in told_of["trade_off"] if p["false_alarms"] in (0.001, 0.01, 0.1)]
        found = "; ".join(
            f"at {_rate(p['false_alarms'])} false alarms at most {percent_text(1 - p['misses_at_least'])} are found"
            for p in told
        )
        parts.append(f"{label}: {found}.")
    return " ".join([*parts, "Blind guessing finds as many members as it raises false alarms."])


_SHARE = Markup('<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
_SHARE_TEXT = Markup('<text class="tick" x="0" y="{y}" dy="-4">{text}</text>')
_RATE = Markup('<line class="grid" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>')
_RATE_TEXT = Markup('<text class="tick" x="{x}%" y="{y}" text-anchor="{anchor}">{text}</text>')
_AREA = Markup(
    '<svg x="0" y="{top}" width="100%" height="{height}" viewBox="0 0 100 100" preserveAspectRatio="none" '
    'overflow="visible">'
)
_EXCLUDED = Markup('<polygon class="excluded" points="{points}"/>')
_COIN = Markup('<polyline class="coin" points="{points}" vector-effect="non-scaling-stroke"/>')
_CURVE = Markup('<polyline class="curve curve-{number}" points="{points}" vector-effect="non-scaling-stroke"/>')
_WORD = Markup('<text class="tick name" x="60" y="{y}">excluded by the guarantee</text>')
_FOOT = Markup(
    '<line class="axis" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>'
    '<text class="tick" x="50%" y="{y}" text-anchor="middle">false alarms: others taken for members</text>'
)
_LEGEND = Markup(
    '<line class="curve curve-{number}" x1="0" x2="34" y1="{y}" y2="{y}"/><text x="44" y="{text}">{label}</text>'
)
