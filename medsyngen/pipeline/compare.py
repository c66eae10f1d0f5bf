"""Reports of several runs or cohorts, read back and put side by side: from their JSON alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medsyngen.errors import UsageError
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.report import compare_html

_NAMES = ("privacy_report.json", "report.json")


def write_comparison(places: Sequence[Path], out: Path) -> Path:
    """Writes one page that puts reports side by side, and returns its path.

    Args:
        places: Two or more: each RUN, COHORT, or the JSON of a report.
        out: The page; must not exist yet.

    Raises:
        UsageError: A place holds no report, or the page exists.
        VerificationFailed: A report was changed, or another version wrote it.
    """
    if out.exists():
        raise UsageError("the page of --out exists already", do="name another file, or remove that one first")
    data = [_read(place, number) for number, place in enumerate(places, start=1)]
    page = compare_html([_parsed(each, number) for number, each in enumerate(data, start=1)], list(map(_sha256, data)))
    write_atomically(out, page, mode=0o644)
    return out


def _read(place: Path, number: int) -> bytes:
    found = place if place.is_file() else next((place / n for n in _NAMES if (place / n).is_file()), None)
    if found is None:
        raise UsageError(
            f"no report in place {number} of those to compare",
            do="name a run folder with report.json (`medsyngen report RUN` writes it), a cohort folder, or that file",
        )
    return found.read_bytes()


def _parsed(data: bytes, number: int) -> dict[str, Any]:
    try:
        report = json.loads(data)
    except ValueError as error:
        raise UsageError(f"place {number} of those to compare is no JSON", do="name report.json") from error
    if not isinstance(report, dict):
        raise UsageError(f"place {number} of those to compare is no report", do="name report.json")
    return report


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
