"""The ledger as a timeline, as inline SVG: a lane a run, in the order of the lines, and looks across all lanes.

A ledger holds no dates, so places along the axis are numbers of lines. The table of the ledger stands behind the plot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from medsyngen.report.ledger_table import Row, rows
from medsyngen.report.numbers import count_text
from medsyngen.report.svg import opened

_LANE, _TOP, _AXIS = 58, 26, 46


def timeline_svg(ledger: Mapping[str, Any], name: str = "timeline") -> Markup:
    """Returns the plot; nothing where the ledger holds no line.

    Args:
        ledger: Of a report: run and lines.
        name: Unlike that of any other plot on the page.
    """
    table, count = rows(ledger["lines"]), len(ledger["lines"])
    if not table:
        return Markup("")
    start = table[0].first
    lanes = [(label, [row for row in table if row.run == run]) for run, label in _labels(table, ledger["run"])]
    looks = [row.first for row in table if row.kind == "look"]
    top = _TOP if looks else 4
    bottom = top + _LANE * len(lanes)
    parts = [
        opened(
            name,
            title="The ledger as a timeline",
            description=_described(lanes, looks),
            size=f'width="100%" height="{bottom + _AXIS}"',
        )
    ]
    for number in _ticks(start, count):
        parts.append(
            _TICK.format(x=_middle(number, start, count), top=top, bottom=bottom, text=f"{number:,}", y=bottom + 18)
        )
    for lane, (label, lane_rows) in enumerate(lanes):
        y = top + lane * _LANE
        parts.append(_LANE_HEAD.format(text=y + 16, bar=y + 25, label=label, spent=_spent(lane_rows)))
        parts += [_bar(row, start, count, y + 25, own=label.startswith("this run")) for row in lane_rows]
    for number in looks:
        parts.append(_LOOK.format(x=_middle(number, start, count), top=6, bottom=bottom))
    parts.append(_FOOT.format(bottom=bottom, y=bottom + 38))
    return Markup("").join(parts)


def _labels(table: Sequence[Row], own: str) -> list[tuple[str, str]]:
    """Returns the runs in the order of their first lines, and what each is called."""
    runs = list(dict.fromkeys(row.run for row in table if row.run))
    return [(run, f"{'this run' if run == own else 'another run'} ({run[:8]})") for run in runs]


def _spent(lane: Sequence[Row]) -> str:
    steps = sum(row.mechanism.steps for row in lane if row.mechanism is not None)
    if not steps:
        return "nothing charged"
    kinds = list(dict.fromkeys(row.purpose for row in lane if row.mechanism is not None))
    return (
        f"{count_text(steps, 'step')} charged"
        if len(kinds) == 1
        else f"{count_text(steps, 'step')}, {len(kinds)} kinds"
    )


def _described(lanes: Sequence[tuple[str, Sequence[Row]]], looks: Sequence[int]) -> str:
    parts = [
        f"{label}: lines {min(row.first for row in lane)} to {max(row.last for row in lane)}, {_spent(lane)}"
        for label, lane in lanes
    ]
    return "; ".join([*parts, f"looks at private results: {', '.join(map(str, looks)) or 'none'}"])


def _bar(row: Row, start: int, count: int, y: int, *, own: bool) -> Markup:
    left = round(100 * (row.first - start) / count, 2)
    style = ("private bar" if own else "other bar") if row.kind == "charge" else "held"
    return _BAR.format(left=left, width=round(100 * (row.last - row.first + 1) / count, 2), y=y, style=style)


def _middle(number: int, start: int, count: int) -> float:
    return round(100 * (number - start + 0.5) / count, 2)


def _ticks(start: int, count: int) -> list[int]:
    """Returns at most eight numbers of lines, evenly spaced, the first one among them."""
    step = next(step for step in (10**power * lead for power in range(9) for lead in (1, 2, 5)) if count <= 8 * step)
    return list(range(start, start + count, step))


_TICK = Markup(
    '<line class="grid" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>'
    '<text class="tick" x="{x}%" y="{y}" text-anchor="middle">{text}</text>'
)
_LANE_HEAD = Markup(
    '<text class="lane name" x="0" y="{text}">{label}</text>'
    '<text class="lane" x="100%" y="{text}" text-anchor="end">{spent}</text>'
    '<rect class="track" x="0" width="100%" y="{bar}" height="18" rx="3"/>'
)
_BAR = Markup('<rect class="{style}" x="{left}%" width="{width}%" y="{y}" height="18" rx="3"/>')
_LOOK = Markup(
    '<line class="look" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>'
    '<svg x="{x}%" y="{top}" overflow="visible"><path class="look" d="M0 13 L-7 0 L7 0 Z"/></svg>'
)
_FOOT = Markup(
    '<line class="axis" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>'
    '<text class="tick" x="50%" y="{y}" text-anchor="middle">line of the ledger, first to last</text></svg>'
)
