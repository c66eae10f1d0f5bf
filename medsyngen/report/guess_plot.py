"""What ε leaves to a guesser, as inline SVG: from the coin's 50 % to the bound."""

from __future__ import annotations

from markupsafe import Markup

from medsyngen.report.numbers import percent_text
from medsyngen.report.svg import opened

_WIDE = 0.12  # of the axis: closer than that to an end, the bound's text would run into the end's


def guess_svg(bound: float, name: str = "guess") -> Markup:
    """Returns the plot.

    Args:
        bound: Largest chance of guessing one patient's membership right, 0.5 to 1.
        name: Unlike that of any other plot on the page.
    """
    most = percent_text(bound)
    return opened(
        name,
        title="Chance of guessing right whether your record was used",
        description=f"50 % for a coin, at most {most} after every release, 100 % for certainty.",
        size='width="100%" height="64"',
    ) + _BARS.format(bound=most, width=round(200 * (bound - 0.5), 2), anchor=_anchor(2 * bound - 1))


def _anchor(place: float) -> str:
    """Returns from which side the text is set, so that it stays inside the picture."""
    return "start" if place < _WIDE else "end" if place > 1 - _WIDE else "middle"


_BARS = Markup(
    '<text class="tick name" x="{width}%" y="13" text-anchor="{anchor}">at most {bound}</text>'
    '<rect class="track" x="0" width="100%" y="22" height="16" rx="3"/>'
    '<rect class="private" x="0" width="{width}%" y="22" height="16" rx="3"/>'
    '<text class="tick" x="0" y="58">50 %: a coin</text>'
    '<text class="tick" x="100%" y="58" text-anchor="end">100 %: certain</text></svg>'
)
