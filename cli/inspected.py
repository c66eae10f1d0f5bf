"""What `inspect` found, for people: shortest first, and no word that stood in a header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medsyngen.cohort.preflight import Preflight

    from .console import Console

MOST_ROWS = 6
"""Values of one kind that are listed; the others are one row."""
MOST_CASES = 40
"""Cases of one reason that are named."""


def tell(console: Console, found: Preflight) -> None:
    """Prints what was found; no path, no name, no date."""
    console.say("INSIDE ONLY: exact figures of private scans, not for release")
    console.say(_summary(found))
    console.table(("", "what", "scans"), _counts(found))
    console.table(("left out", "files", "why", "what mends it", "cases"), _refused(found))
    console.table(("object without an image", "files"), [(name, str(n)) for name, n in found.objects.items()])
    console.table(("text in the picture?", "scans"), [(why, str(n)) for why, n in found.text_risks.items()])
    if found.searched_for_text is not None:
        cases = _list(found.cases_with_text)
        console.say(
            f"text was searched for in {found.searched_for_text} pictures and found in {len(found.cases_with_text)}"
            f"{': ' + cases if cases else ''} (small or faint text is missed)"
        )
    console.table(("privacy unit", "found", "do"), [(f.severity, f.what, f.do) for f in found.findings])
    console.table(("look at", "do"), [(f.what, f.do) for f in found.advice])
    if found.patients:
        console.say(
            f"patients_at_most: {found.suggested_patients_at_most} would hold them all; better a round number that "
            "was known before"
        )


def _summary(found: Preflight) -> str:
    spread, series, files = found.scans_per_patient, found.scans_per_series, found.files
    left_out = sum(refusal.scans for refusal in found.refusals)
    return (
        f"{found.patients} patients, {found.series} series, {found.scans} usable scans\n"
        f"scans a patient: {spread['min']:g} to {spread['max']:g}, median {spread['median']:g}; "
        f"a series: {series['min']:g} to {series['max']:g}, median {series['median']:g}\n"
        f"{files['found']} files = {files['accepted']} accepted + {files['refused']} refused"
        f"{f' ({left_out} scans)' if left_out != files['refused'] else ''}; {files['beside']} others lie beside them"
    )


def _counts(found: Preflight) -> list[tuple[str, str, str]]:
    counts = {
        "modality": found.modalities,
        "size": found.sizes,
        "spacing": found.spacings,
        "orientation": found.orientations,
        "bits": found.bits,
        "photometric": found.photometric,
        "format": found.formats,
        "maker": found.makers,
        "body part": found.body_parts,
        "label": found.labels,
    }
    return [row for name, values in counts.items() for row in _rows(name, values)]


def _rows(name: str, values: Mapping[str, int]) -> list[tuple[str, str, str]]:
    if set(values) == {"(not said)"}:
        return []
    often = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    shown = often if len(often) <= MOST_ROWS else often[: MOST_ROWS - 1]
    rest = often[len(shown) :]
    rows = [*shown, *([(f"({len(rest)} others)", sum(n for _, n in rest))] if rest else [])]
    return [(name if i == 0 else "", each, f"{count:,}") for i, (each, count) in enumerate(rows)]


def _refused(found: Preflight) -> list[tuple[str, str, str, str, str]]:
    """Returns a row for each reason, the most frequent first."""
    groups: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
    for refusal in found.refusals:
        key = (refusal.reason, refusal.explanation, refusal.do)
        groups.setdefault(key, []).append((refusal.case_id, refusal.scans))
    often = sorted(groups.items(), key=lambda group: (-sum(n for _, n in group[1]), group[0]))
    return [
        (reason, f"{sum(n for _, n in cases):,}", why, do, _list([case for case, _ in cases]))
        for (reason, why, do), cases in often
    ]


def _list(cases: list[str] | tuple[str, ...]) -> str:
    numbers = [case.removeprefix("case ") for case in cases[:MOST_CASES]]
    more = len(cases) - len(numbers)
    return ("case " + ", ".join(numbers) + (f" and {more} more" if more else "")) if numbers else ""
