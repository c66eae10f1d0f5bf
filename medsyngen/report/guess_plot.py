"""What ε leaves to a guesser, as inline SVG: from the coin's 50 % to the bound."""

from __future__ import annotations

from markupsafe import Markup

from medsyngen.report.numbers import percent_text


def guess_svg(bound: float) -> Markup:
    """Returns the plot.

    Args:
        bound: Largest chance of guessing one patient's membership right, 0.5 to 1.
    """
    return _SVG.format(bound=percent_text(bound), width=round(200 * (bound - 0.5), 2))


_SVG = Markup(
    '<svg class="guess" role="img" width="100%" height="44" '
    'aria-label="Chance of a right guess: 50 % for a coin, at most {bound} after every release, 100 % for certainty">'
    '<rect class="track" x="0" width="100%" y="4" height="14" rx="3"/>'
    '<rect class="private" x="0" width="{width}%" y="4" height="14" rx="3"/>'
    '<text class="tick" x="0" y="38">50 %: a coin</text>'
    '<text class="tick" x="50%" y="38" text-anchor="middle">at most {bound}</text>'
    '<text class="tick" x="100%" y="38" text-anchor="end">100 %: certain</text></svg>'
)
