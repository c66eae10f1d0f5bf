"""From the report's JSON to one self-contained page: no script, nothing external, nothing that is not in the JSON."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from medsyngen.errors import VerificationFailed
from medsyngen.report.bands_plot import bands_svg, sigma_text
from medsyngen.report.build import check_report, report_json_bytes
from medsyngen.report.guess_plot import guess_svg
from medsyngen.report.ledger_table import rows
from medsyngen.report.numbers import count_text, delta_text, epsilon_text, number_text

_FIRST = ("name", "description", "patients_at_most", "privacy", "scans", "classes", "synthesis", "release")
_PLAIN_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "−0123456789")


def render_html(report: Mapping[str, Any], json_sha256: str) -> bytes:
    """Returns the page, UTF-8.

    Args:
        report: From ``build_report``, or read back from its JSON.
        json_sha256: Of ``report_json_bytes(report)``; printed on the page, so that the two can be told to belong.

    Raises:
        VerificationFailed: The hash is another report's, or the report's sentences don't follow from its facts.
    """
    import yaml
    from jinja2 import Environment, StrictUndefined

    check_report(report)
    if hashlib.sha256(report_json_bytes(report)).hexdigest() != json_sha256:
        raise VerificationFailed(
            "the hash is not that of this report's JSON", do="make both files again with `medsyngen report`"
        )
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(epsilon=epsilon_text, delta=delta_text, counted=count_text, sigma=sigma_text)
    environment.filters.update(maths=_maths, number=number_text)
    here = files("medsyngen.report")
    page = environment.from_string(here.joinpath("report.html.j2").read_text(encoding="utf-8")).render(
        report=report,
        says=report["sentences"],
        style=Markup(here.joinpath("report.css").read_text(encoding="utf-8")),  # our own file, no user's text
        rows=rows(report["ledger"]["lines"], report["ledger"]["epsilon_after"]),
        bands=bands_svg(report["stages"]) if report["stages"] else "",
        guess=guess_svg(report["sentences"]["guess"]["bound"]) if report["sentences"]["guess"] else "",
        recipe=yaml.safe_dump(_ordered(report["recipe"]), sort_keys=False, allow_unicode=True, width=100),
        json_name="privacy_report.json" if report["release"] else "report.json",
        json_sha256=json_sha256,
    )
    return page.encode()


def _maths(text: str) -> Markup:
    """Returns the text with raised exponents and lowered indices, whatever glyphs the reader's fonts have."""
    marked = re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda run: f"<sup>{run[0].translate(_PLAIN_DIGITS)}</sup>", str(escape(text)))
    marked = (
        marked.replace("e^ε", "e<sup>ε</sup>").replace("σ_DP", "σ<sub>DP</sub>").replace("N_max", "N<sub>max</sub>")
    )
    marked = re.sub(r" (=|×) (?=\d)", r"&nbsp;\1&nbsp;", marked)
    return Markup(marked)  # escaped at the top; only our own tags were added since


def _ordered(value: Any) -> Any:
    """Returns the recipe in reading order: the known sections first, the rest by name, whatever order it came in."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (_FIRST.index(key) if key in _FIRST else len(_FIRST), key))
        return {key: _ordered(value[key]) for key in keys}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
