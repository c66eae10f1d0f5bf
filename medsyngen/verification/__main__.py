"""The verifier on its own: ``python medsyngen-verify.pyz COHORT [--signers FILE]`` with bare Python 3.11 or newer."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

from medsyngen.verification.telling import lines
from medsyngen.verification.verify import verify

FAILED = 7


def main(arguments: list[str] | None = None) -> int:
    """Verifies, prints what was found, and returns 0, or 7 where something fails."""
    parser = argparse.ArgumentParser(
        prog="medsyngen-verify",
        description="Checks that a synthetic cohort is what its manifest, report and events say. Reads nothing else.",
        epilog="Exit codes: 0 verified, 2 usage, 7 verification failed.",
    )
    parser.add_argument("cohort", metavar="COHORT", type=Path, help="the folder that was released")
    parser.add_argument("--signers", metavar="FILE", type=Path, help="whose signatures count (allowed_signers)")
    parser.add_argument("--json", action="store_true", help="prints the findings as JSON")
    chosen = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Greek letters shows question marks
    found = verify(chosen.cohort, signers=chosen.signers)
    if chosen.json:
        sys.stdout.write(json.dumps([vars(finding) for finding in found.findings], indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(lines(found)) + "\n")
    return FAILED if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
