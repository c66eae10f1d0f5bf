"""``medsyngen verify``: the reviewer's check of a cohort, without scans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .options import JsonOption

if TYPE_CHECKING:
    from medsyngen.verification.verify import Verification


def verify(
    cohort: Annotated[Path, typer.Argument(metavar="COHORT", help="The folder that was released, as received.")],
    signers: Annotated[
        Path | None,
        typer.Option("--signers", metavar="FILE", help="Whose signatures count: ssh-keygen's allowed_signers file."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Checks that a cohort is what its manifest, privacy report and events say; needs no scan.

    Every file is the one that was released and says that it is synthetic; somebody in FILE signed; ε is computed again
    from the events in the report. Exit code 7 with every reason otherwise.
    """
    from medsyngen.errors import VerificationFailed
    from medsyngen.verification import telling
    from medsyngen.verification.verify import verify as verified

    console = Console(machine=json)
    found = verified(cohort, signers=signers, more={"sentences": _sentences})
    console.result(_json(found))
    if found.failures:
        raise VerificationFailed(
            telling.verdict(found),
            do="don't use it; ask whoever released it for the untouched folder, and for a signature",
            details=[f"{finding.check}: {finding.text}" for finding in found.failures],
        )
    for line in telling.lines(found):
        console.say(line)


def _sentences(report: Mapping[str, Any]) -> list[str]:
    """Holds the report's sentences against its facts, as medsyngen itself would write them."""
    from medsyngen.errors import VerificationFailed
    from medsyngen.report.build import check_report

    try:
        check_report(report)
    except VerificationFailed as refused:
        return [refused.what]
    return []


def _json(found: Verification) -> dict[str, Any]:
    return {
        "verified": not found.failures,
        "signed": found.signed,
        "kind": found.claims.manifest["kind"] if found.claims else None,
        "guarantee": found.claims.manifest["guarantee"] if found.claims else None,
        "findings": [vars(finding) for finding in found.findings],
    }
