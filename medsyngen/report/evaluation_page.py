"""From evaluation.json to one self-contained page for the data team: no script, nothing external. Inside only."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from medsyngen.formats.contact_sheet import contact_sheet
from medsyngen.report.evaluation_rows import COLUMNS, copy_lines, fidelity_rows, utility_rows
from medsyngen.report.spectrum_plot import spectrum_svg
from medsyngen.scan import Pixels

_GROUPS_A_ROW = 4
_SCREEN = 96
"""Each image is shown at about so many screen pixels."""


def evaluation_page(figures: Mapping[str, Any], pairs_png: bytes) -> bytes:
    """Returns the page, UTF-8.

    Args:
        figures: The content of evaluation.json.
        pairs_png: The closest pairs.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    here, spectrum = files("medsyngen.report"), figures["spectrum"]
    page = environment.from_string(here.joinpath("evaluation.html.j2").read_text(encoding="utf-8")).render(
        found=figures,
        columns=COLUMNS,
        fidelity=[row for group in figures["fidelity"] for row in fidelity_rows(group)],
        utility=[row for group in figures["utility"] for row in utility_rows(group, every=True)],
        copies=copy_lines(figures["copies"]),
        triples=figures["copies"]["test"] is not None,
        spectrum=spectrum_svg(spectrum["synthetic"], spectrum["training"]),
        powers=list(zip(*(spectrum[name] for name in ("cycles_a_side", "synthetic", "training")), strict=True)),
        style=Markup(here.joinpath("report.css").read_text(encoding="utf-8")),  # our own file, no user's text
        pairs=base64.b64encode(pairs_png).decode(),
    )
    return page.encode()


def closest_pairs_png(pairs: Pixels) -> bytes:
    """Returns a sheet of the closest pairs as PNG.

    Args:
        pairs: float32 (pairs, 2 or 3, height, width): synthetic image, nearest training image, nearest hold-out image.
    """
    count, beside, height, width = pairs.shape
    order = ("synthetic", "nearest training image", "nearest hold-out image")[:beside]
    caption = f"INSIDE ONLY, real patients. In turn: {', '.join(order)}"
    scale = max(2, round(_SCREEN / height))
    sheet = contact_sheet(
        pairs.reshape(count * beside, 1, height, width), _GROUPS_A_ROW * beside, scale=scale, caption=caption
    )
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()
