"""What the pages of this package share: templates, style sheet, and how text, numbers and values get into them."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from medsyngen.report.bands_plot import sigma_text
from medsyngen.report.field_values import grouped, shown
from medsyngen.report.numbers import count_text, delta_text, epsilon_text, number_text, percent_text

if TYPE_CHECKING:
    from jinja2 import Template

_PLAIN_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "−0123456789")


def template(name: str) -> Template:
    """Returns a template of this package, with all filters; text that it is given is escaped.

    Args:
        name: File name.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_text),
    )
    environment.filters.update(epsilon=epsilon_text, delta=delta_text, counted=count_text, sigma=sigma_text)
    environment.filters.update(maths=maths, number=number_text, percent=percent_text, shown=shown, grouped=grouped)
    return environment.get_template(name)


def style() -> Markup:
    """Returns the style sheet: our own file, no user's text."""
    return Markup(_text("report.css"))


def maths(text: str) -> Markup:
    """Returns the text with raised exponents and lowered indices, whatever glyphs the reader's fonts have."""
    marked = re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda run: f"<sup>{run[0].translate(_PLAIN_DIGITS)}</sup>", str(escape(text)))
    marked = (
        marked.replace("e^ε", "e<sup>ε</sup>").replace("σ_DP", "σ<sub>DP</sub>").replace("N_max", "N<sub>max</sub>")
    )
    marked = re.sub("`([^`]+)`", r"<code>\1</code>", marked)
    marked = re.sub(r" (=|×) (?=\d)", r"&nbsp;\1&nbsp;", marked)
    return Markup(marked)  # escaped at the top; only our own tags were added since


def _text(name: str) -> str:
    return files("medsyngen.report").joinpath(name).read_text(encoding="utf-8")
