"""What a verification says to people: every finding, what it proves, and what rests on somebody's word."""

from __future__ import annotations

from collections.abc import Iterator

from medsyngen.verification.findings import FAILS, NOT_CHECKED
from medsyngen.verification.report_check import sentence
from medsyngen.verification.verify import Verification

_SIGNS = {FAILS: "FAILS", NOT_CHECKED: "  -  "}
_PROVED = (
    "What this proves: files, report and events agree. The files are those that the manifest lists, unchanged, and "
    "say that they are synthetic; ε is what the events in the report cost, by an accountant of its own."
)
_RESTS = (
    "What it can't show: that exactly these events ran, that the patients were told apart rightly, and that no scan "
    "was used in another way. That rests on the hospital{}."
)
_SIGNED, _UNSIGNED = ", whose signature is on the manifest", "; here nobody known has signed for it"


def lines(found: Verification) -> Iterator[str]:
    """Yields the text, line by line."""
    width = max(len(finding.check) for finding in found.findings)
    for finding in found.findings:
        yield f"{_SIGNS.get(finding.verdict, 'holds')}  {finding.check:<{width}}  {finding.text}"
    yield ""
    yield verdict(found)
    if not found.failures:
        yield from (_PROVED, _RESTS.format(_SIGNED if found.signed else _UNSIGNED))


def verdict(found: Verification) -> str:
    """Returns the one line that counts."""
    count = len(found.failures)
    if count or found.claims is None:
        return f"verification failed: {count} problem{'s' if count != 1 else ''}"
    kind = found.claims.manifest["kind"]
    whose = "" if found.signed else " (not signed by anybody known here)"
    return f"verified: this {kind} is what it says it is{whose}; {sentence(found.claims)}, per patient"
