"""From the report's JSON to one self-contained page: no script, nothing external, nothing that is not in the JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from medsyngen.errors import VerificationFailed
from medsyngen.report import page
from medsyngen.report.bands_plot import bands_svg
from medsyngen.report.build import check_report, report_json_bytes
from medsyngen.report.fields import in_order
from medsyngen.report.guess_plot import guess_svg
from medsyngen.report.ledger_table import rows
from medsyngen.report.svg import HATCH
from medsyngen.report.timeline_plot import timeline_svg
from medsyngen.report.tradeoff_plot import found_rows, tradeoff_svg

_FIRST = ("name", "description", "patients_at_most", "privacy", "scans", "classes", "synthesis", "release")
_ELSEWHERE = {"F": "tuning", "I": "audit", "J": "audit", "K": "utility"}
"""Letters of fields that have a section of their own on the page."""


def render_html(report: Mapping[str, Any], json_sha256: str) -> bytes:
    """Returns the page, UTF-8.

    Args:
        report: From ``build_report``, or read back from its JSON.
        json_sha256: Of ``report_json_bytes(report)``; printed on the page, so that the two can be told to belong.

    Raises:
        VerificationFailed: The hash is another report's, or the report's sentences don't follow from its facts.
    """
    check_report(report)
    if hashlib.sha256(report_json_bytes(report)).hexdigest() != json_sha256:
        raise VerificationFailed(
            "the hash is not that of this report's JSON", do="make both files again with `medsyngen report`"
        )
    fields = fields_by_letter(report)
    return (
        page.template("report.html.j2")
        .render(
            report=report,
            says=report["sentences"],
            style=page.style(),
            hatch=HATCH,
            rows=rows(report["ledger"]["lines"], report["ledger"]["epsilon_after"]),
            fields_by=fields,
            elsewhere=_ELSEWHERE,
            still_open=open_fields(fields),
            **_plots(report),
            recipe=recipe_text(report["recipe"]),
            json_name="privacy_report.json" if report["release"] else "report.json",
            json_sha256=json_sha256,
        )
        .encode()
    )


def fields_by_letter(report: Mapping[str, Any]) -> dict[str, Any]:
    """Returns letter -> title and entries, in reading order."""
    return {letter: {"title": title, "entries": entries} for letter, title, entries in in_order(report)}


def open_fields(fields: Mapping[str, Any]) -> int:
    """Returns how many fields the hospital still has to fill."""
    return sum("to_fill" in entry for section in fields.values() for entry in section["entries"].values())


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """Returns the recipe as YAML, in reading order."""
    import yaml

    return str(yaml.safe_dump(_ordered(recipe), sort_keys=False, allow_unicode=True, width=100))


def _plots(report: Mapping[str, Any]) -> dict[str, Any]:
    guess, curves = report["sentences"]["guess"], report["curves"]
    return {
        "bands": bands_svg(report["stages"]) if report["stages"] else "",
        "guess": guess_svg(guess["bound"]) if guess else "",
        "timeline": timeline_svg(report["ledger"]),
        "curves": curves,
        "tradeoff": tradeoff_svg([("This run", curves)]) if curves else "",
        "found_rows": found_rows(curves["trade_off"]) if curves else [],
    }


def _ordered(value: Any) -> Any:
    """Returns the recipe in reading order: the known sections first, the rest by name, whatever order it came in."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (_FIRST.index(key) if key in _FIRST else len(_FIRST), key))
        return {key: _ordered(value[key]) for key in keys}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
