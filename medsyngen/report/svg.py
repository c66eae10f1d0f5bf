"""What all plots of the report share: a title and a description for who can't see them, and the page's one hatching."""

from __future__ import annotations

from markupsafe import Markup

HATCH = Markup(
    '<svg class="defs" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="private" width="7" height="7"/><rect class="stripe" width="2.4" height="7"/></pattern></defs></svg>'
)
"""Stands once on a page; private scans are hatched with it, for who can't tell the colours."""


def opened(name: str, *, title: str, description: str, size: str) -> Markup:
    """Returns the opening tag of a plot, with its title and its description.

    Args:
        name: Unlike that of any other plot on the page; ASCII letters, digits and hyphens.
        title: What the plot shows, in a few words.
        description: What it says, in words and figures.
        size: Attributes of width, height and view box; our own text, never a user's.
    """
    return Markup(
        '<svg class="plot {kind}" role="img" aria-labelledby="{name}-title {name}-text" {size}>'
        '<title id="{name}-title">{title}</title><desc id="{name}-text">{description}</desc>'
    ).format(kind=name.partition("-")[0], name=name, title=title, description=description, size=Markup(size))
