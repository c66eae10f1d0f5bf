"""Verification from top to bottom: manifest, signature, files, marks, table, report, ledger, ε, page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from medsyngen.verification import tree
from medsyngen.verification.epsilon_check import curve_findings, epsilon_findings
from medsyngen.verification.findings import FAILS, NOT_CHECKED, Claims, Finding, Unreadable
from medsyngen.verification.json_schema import problems
from medsyngen.verification.marks import mark_problems
from medsyngen.verification.parsing import read_json, schema
from medsyngen.verification.report_check import (
    CURRENT,
    JSON,
    page_problems,
    readme_problems,
    report_findings,
    schema_problems,
    sentence,
)
from medsyngen.verification.signature import SIGNATURE, check_signature
from medsyngen.verification.table import table_problems

MANIFEST: Final = "manifest.json"
More = Callable[[Mapping[str, Any]], list[str]]
"""A further check of the report's JSON: returns what is wrong."""


@dataclass(frozen=True)
class Verification:
    """What was found, all of it.

    Args:
        findings: In the order of the checks.
        claims: What the release says of itself; None if that can't even be read.
        signed: Whether a known signer vouches for it.
    """

    findings: tuple[Finding, ...]
    claims: Claims | None
    signed: bool

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What is wrong."""
        return tuple(finding for finding in self.findings if finding.verdict == FAILS)


def verify(folder: Path, *, signers: Path | None = None, more: Mapping[str, More] | None = None) -> Verification:
    """Looks at a cohort or bundle; reads nothing else, needs no scan and no other part of medsyngen.

    Args:
        folder: What was released.
        signers: Whose signatures count, in the form of ssh-keygen's ``allowed_signers``.
        more: Further checks of the report, by name, where more than the standard library is at hand.
    """
    try:
        claims, found = _claims(folder)
    except Unreadable as error:
        return Verification((Finding("manifest", FAILS, str(error)),), None, False)
    signature = check_signature(folder, MANIFEST, signers)
    found += [signature, *_of_files(claims)]
    if claims.report:
        found += [*_of_report(claims), *_of_more(claims, more or {})]
    found += _of_gate(claims)
    return Verification(tuple(found), claims, signature.verdict == "holds")


def _claims(folder: Path) -> tuple[Claims, list[Finding]]:
    """Returns what the release says of itself, and what is wrong with the saying.

    Raises:
        Unreadable: The manifest can't be used: then nothing else can be held against it.
    """
    if not folder.is_dir():
        raise Unreadable("there is no such folder")
    manifest = read_json(folder / MANIFEST)
    if manifest.get("schema_version") != schema("manifest")["properties"]["schema_version"]["const"]:
        raise Unreadable(f"{MANIFEST} is of another version than this verifier knows; use that version's verifier")
    broken = problems(manifest, schema("manifest"))
    if broken:
        raise Unreadable(f"{MANIFEST} does not fit its schema at {'; '.join(broken[:10])}")
    found = [Finding("manifest", "holds", "it fits its schema")]
    try:
        report = read_json(folder / JSON)
        broken = schema_problems(report)
    except Unreadable as error:
        report, broken = {}, [str(error)]
    found += [Finding("report", FAILS, problem) for problem in broken]
    try:
        walked = tree.walk(folder)
    except OSError:
        raise Unreadable("the folder can't be read") from None
    listed = {name: (entry["sha256"], entry["bytes"]) for name, entry in manifest["files"].items()}
    wrong = tree.tree_problems(walked, listed, frozenset((MANIFEST, SIGNATURE)))
    found += Finding.of("files", wrong, f"all {len(listed)} files are those that were released, and there is no other")
    claims = Claims(folder, manifest, {} if broken else report, {k: v for k, v in walked.files.items() if k in listed})
    return claims, found


def _of_files(claims: Claims) -> Iterator[Finding]:
    names, wanted, kind = sorted(claims.files), sentence(claims), claims.manifest["kind"]
    wrong, counted = mark_problems(claims.folder, names, wanted)
    told = ", ".join(f"{count} {of}" for of, count in sorted(counted.items())) or "there is none"
    yield from Finding.of("marks", wrong, f"every image file says that it is synthetic ({told})")
    yield from Finding.of(
        "README", readme_problems(claims.folder, kind, wanted), "it states the guarantee of the report"
    )
    if kind == "cohort":
        wrong_rows = table_problems(claims.folder, names)
        yield from Finding.of("table", wrong_rows, "every row names its own files and patient")


def _of_report(claims: Claims) -> Iterator[Finding]:
    yield from report_findings(claims)
    yield from epsilon_findings(claims.report)
    yield from curve_findings(claims.report)
    yield from Finding.of("page", page_problems(claims), "privacy_report.html is the page of privacy_report.json")


def _of_more(claims: Claims, more: Mapping[str, More]) -> Iterator[Finding]:
    if not more:
        text = "that the report's sentences follow from its facts: needs medsyngen itself on this machine"
        yield Finding("sentences", NOT_CHECKED, text)
    if claims.report["schema_version"] != CURRENT:
        text = "a report of an older version: its words can be made again only by the version that it names"
        yield Finding("sentences", NOT_CHECKED, text)
        return
    for name, check in more.items():
        yield from Finding.of(name, check(claims.report), "they follow from the report's own recipe and ledger")


def _of_gate(claims: Claims) -> Iterator[Finding]:
    absent = [
        entry.get("tool", {}).get("name", "") for entry in claims.manifest["gate"] if entry["verdict"] == "not run"
    ]
    passed = len(claims.manifest["gate"]) - len(absent)
    without = f"; not run, because it was not there: {', '.join(absent)}" if absent else ""
    text = f"the exporter's gate says that {passed} checks passed{without}; it can't be run again without the source"
    yield Finding("gate", NOT_CHECKED, text)
