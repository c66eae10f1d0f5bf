"""Two radial power spectra as an inline SVG; its numbers stand in the table behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 260, 56, 40, 12


def spectrum_svg(synthetic: Sequence[float], real: Sequence[float]) -> Markup:
    """Returns the plot: power in decibels against cycles a side; synthetic images dashed.

    Args:
        synthetic: Power at 1, 2 and so on cycles a side.
        real: The same of real images.
    """
    both = [[10 * math.log10(max(power, 1e-12)) for power in each] for each in (real, synthetic)]
    low, high = min(map(min, both)), max(map(max, both))
    low, high = math.floor(low / 10) * 10, max(math.ceil(high / 10) * 10, math.floor(low / 10) * 10 + 10)
    count = max(2, len(synthetic))

    def x(cycles: int) -> float:
        return round(_LEFT + (cycles - 1) / (count - 1) * (_WIDTH - _LEFT - 12), 1)

    def y(decibel: float) -> float:
        return round(_TOP + (high - decibel) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    lines = [
        f'<line x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{y(tick)}" y2="{y(tick)}" stroke="currentColor" opacity=".2"/>'
        f'<text x="{_LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>'
        for tick in range(int(low), int(high) + 1, 10)
    ]
    ticks = [
        f'<text x="{x(cycles)}" y="{_HEIGHT - 22}" text-anchor="middle">{cycles}</text>'
        for cycles in sorted({1, *range(4, count + 1, 4)})
    ]
    curves = [
        f'<polyline points="{" ".join(f"{x(i)},{y(v)}" for i, v in enumerate(each, start=1))}" fill="none" '
        f'stroke="currentColor" stroke-width="2"{dash}/>'
        for each, dash in zip(both, ("", ' stroke-dasharray="6 4"'), strict=True)
    ]
    return Markup(
        f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="12" fill="currentColor" aria-label="Power by '
        'spatial frequency: real images solid, synthetic images dashed">'
        + "".join([*lines, *ticks, *curves])
        + f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">cycles a side; power in dB; real solid, '
        "synthetic dashed</text></svg>"
    )  # numbers and our own words only
