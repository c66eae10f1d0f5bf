"""The report against the manifest, against its own ledger, and against the page that people read."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from medsyngen.verification.figures import pair, two_decimals
from medsyngen.verification.findings import Claims, Finding, Unreadable
from medsyngen.verification.json_schema import problems
from medsyngen.verification.ledger_chain import canonical_hash, chain_problems, rule_problems
from medsyngen.verification.parsing import schema

JSON: Final = "privacy_report.json"
CURRENT: Final = 2
"""Version of the reports that this version writes; those of version 1 have no curves and no fields."""
HTML: Final = "privacy_report.html"
READMES: Final = {"cohort": "README.md", "bundle": "docs/README.md"}
"""Where the README lies, by kind of release."""
_SHOWN = re.compile(r"<i>ε</i> = ([0-9,.]+)</b>")
_ACTIVE = re.compile(
    r"<(script|iframe|object|embed|link|form)\b|(src|href)\s*=\s*[\"']?\s*(https?:|//|javascript:)", re.I
)


def schema_problems(report: Mapping[str, Any]) -> list[str]:
    """Returns where the report breaks the schema of its version, or that the version is none that is known here."""
    version = report.get("schema_version")
    if version not in (1, CURRENT) or isinstance(version, bool):
        return [f"{JSON} is of another version than this verifier knows; use that version's verifier"]
    known = schema("report" if version == CURRENT else "report.1")
    return [f"{JSON} does not fit its schema at {each}" for each in problems(report, known)]


def report_findings(claims: Claims) -> Iterator[Finding]:
    """Yields what manifest, report and ledger say of each other."""
    manifest, report = claims.manifest, claims.report
    yield from Finding.of("report", _agreement(manifest, report), "report and manifest say the same")
    if report["ledger"]["head"] == "":
        yield from Finding.of("ledger", _no_ledger(manifest, report), "no scan is said to have been read: no ledger")
        return
    yield from Finding.of("ledger", _ledger(manifest, report), "every line vouches for the one before; the heads agree")


def _agreement(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    said, told = manifest["guarantee"], report["guarantee"]
    budget = told["epsilon_budget"]
    rules = {
        "ε is another in the manifest than in the report": said["epsilon"] == told["epsilon"],
        "δ is another in the manifest than in the report": said["delta"] == told["delta"],
        "ε is above the budget": told["epsilon"] is not None and told["epsilon"] <= budget,
        "the run is marked as seeded or not private": not any(report["status"].values()),
        "the recipe is not the one that is named by its hash": report["recipe_sha256"]
        == canonical_hash(report["recipe"]),
        "the manifest names another recipe than the report": manifest["recipe_sha256"] == report["recipe_sha256"],
        "the report is that of a run, not of a release": report["release"] is not None,
        "the manifest says of scans read what the report does not": said["scans_read"]
        is bool(report["ledger"]["head"]),
    }
    yield from (problem for problem, holds in rules.items() if not holds)


def _no_ledger(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    if manifest["ledger_head"] != {"line": -1, "hash": ""}:
        yield "the manifest names the head of a ledger, the report has none"
    if (report["guarantee"]["epsilon"], report["guarantee"]["delta"]) != (0, 0):
        yield "nothing was charged, but ε or δ is not 0"


def _ledger(manifest: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    ledger = report["ledger"]
    lines = ledger["lines"]
    yield from chain_problems(lines)
    try:
        yield from rule_problems(ledger, report["recipe_sha256"])
    except Unreadable as error:
        yield str(error)
    head = {"line": len(lines) - 1, "hash": lines[-1]["hash"] if lines else ""}
    if ledger["head"] != head["hash"]:
        yield "the head that the report names is not its last line"
    if manifest["ledger_head"] != head:
        yield "the head of the ledger in the manifest is not the last line in the report"
    if lines and lines[0]["kind"] == "open":
        if lines[0]["delta"] != report["guarantee"]["delta"]:
            yield "δ of the report is not that of the ledger"
        if (report["guarantee"]["patients_at_most"] or 0) > lines[0]["patients_at_most"]:
            yield "the report bounds the patients by more than the ledger allows"


def page_problems(claims: Claims) -> Iterator[str]:
    """Yields where the page is not that of this report, or does more than show text."""
    try:
        page = (claims.folder / HTML).read_text("utf-8")
        digest = hashlib.sha256((claims.folder / JSON).read_bytes()).hexdigest()
    except (OSError, ValueError):
        yield f"{HTML} can't be read"
        return
    if digest not in page:
        yield f"{HTML} does not name the hash of {JSON}: it is the page of another report"
    shown = {html.unescape(each) for each in _SHOWN.findall(page)}
    if shown != {two_decimals(claims.report["guarantee"]["epsilon"] or 0)}:
        yield f"{HTML} shows another ε than {JSON} holds"
    if active(page):
        yield f"{HTML} runs or loads something; don't open it"


def active(page: str) -> bool:
    """Returns whether a page would run or load something."""
    return _ACTIVE.search(page) is not None


def sentence(claims: Claims) -> str:
    """Returns how the privacy sentence in README and images must begin."""
    said = claims.manifest["guarantee"]
    return pair(said["epsilon"], said["delta"], said["scans_read"])


def readme_problems(folder: Path, kind: str, wanted: str) -> Iterator[str]:
    """Yields it if the README states another guarantee than the report.

    Args:
        folder: The release.
        kind: ``cohort`` or ``bundle``.
        wanted: How its privacy sentence must begin.
    """
    name = READMES[kind]
    try:
        text = (folder / name).read_text("utf-8")
    except (OSError, ValueError):
        yield f"{name} can't be read"
        return
    if wanted not in text:
        yield f"{name} states another guarantee than the report"
