"""Reports side by side on one self-contained page: no script, nothing external, nothing that is not in the reports."""

from __future__ import annotations

from collections.abc import Sequence

from medsyngen.report import page
from medsyngen.report.bands_plot import bands_svg
from medsyngen.report.build import check_report
from medsyngen.report.compare import Report, groups, holds, letters
from medsyngen.report.compare_recipes import recipe_differences
from medsyngen.report.compare_sentences import to_look_at, together
from medsyngen.report.guess_plot import guess_svg
from medsyngen.report.svg import HATCH
from medsyngen.report.tradeoff_plot import found_rows, tradeoff_svg


def compare_html(reports: Sequence[Report], sha256: Sequence[str]) -> bytes:
    """Returns the page, UTF-8.

    Args:
        reports: Two to 26, as read from their JSON.
        sha256: Of each one's JSON, printed so that page and reports can be told to belong.

    Raises:
        VerificationFailed: A report doesn't fit the schema, or its sentences don't follow from its facts.
        UsageError: Too few or too many.
    """
    names = letters(reports)
    for report in reports:
        check_report(report)
    told = list(zip(reports, names, sha256, strict=True))
    curves = [(name, r["curves"]) for r, name, _ in told if r["curves"]]
    return (
        page.template("compare.html.j2")
        .render(
            told=told,
            names=names,
            style=page.style(),
            hatch=HATCH,
            guesses=[_guess(report, name) for report, name, _ in told],
            bands=[bands_svg(r["stages"], f"bands-{name}") if r["stages"] else "" for r, name, _ in told],
            look_at=to_look_at(reports, names),
            together=together(reports, names),
            groups=groups(reports),
            differences=recipe_differences([report["recipe"] for report in reports]),
            tradeoff=tradeoff_svg(curves) if curves else "",
            found={name: found_rows(each["trade_off"]) for name, each in curves},
            none_holds=not any(map(holds, reports)),
        )
        .encode()
    )


def _guess(report: Report, name: str) -> str:
    guess = report["sentences"]["guess"]
    return guess_svg(guess["bound"], f"guess-{name}") if guess else ""
