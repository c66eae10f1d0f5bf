"""What a verification found: one line a check, and whether it holds, fails, or could not be looked at here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HOLDS: Final = "holds"
FAILS: Final = "fails"
NOT_CHECKED: Final = "not checked"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: What, in a word or two.
        verdict: ``holds``, ``fails`` or ``not checked``; what was not checked is never said to hold.
        text: What was found, in a sentence.
    """

    check: str
    verdict: str
    text: str

    @classmethod
    def of(cls, check: str, problems: Iterable[str], holds: str) -> list[Finding]:
        """Returns a failure for each problem, or that it holds."""
        found = [cls(check, FAILS, problem) for problem in problems]
        return found or [cls(check, HOLDS, holds)]


class Unreadable(ValueError):
    """A file that can't be what its name says; the message names no byte of it."""


@dataclass(frozen=True)
class Claims:
    """A cohort as it lies there, and what it says of itself.

    Args:
        folder: The cohort or bundle.
        manifest: manifest.json.
        report: privacy_report.json.
        files: SHA-256 and size of every other file, by our own walk and reading.
    """

    folder: Path
    manifest: dict[str, Any] = field(repr=False)
    report: dict[str, Any] = field(repr=False)
    files: dict[str, tuple[str, int]] = field(repr=False)
