"""Check: the privacy report is what its schema allows, its ledger holds together, and its page shows no more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from medsyngen.release.checks import Problem
from medsyngen.verification.json_schema import problems
from medsyngen.verification.ledger_chain import canonical_hash, chain_problems
from medsyngen.verification.parsing import schema
from medsyngen.verification.report_check import HTML, JSON, active

_DO = "export again; if it comes back, report it as a bug in medsyngen"


class ReportCheck:
    """Reads the report as the reviewer's verifier does, without the code that wrote it."""

    name = "privacy report"
    read = f"{JSON} and {HTML}, against the schema and each other"
    rules: tuple[str, ...] = ("G7", "G11", "G12")

    def __init__(self) -> None:
        self._digest = ""
        self._page: bytes | None = None

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads the two files of the report; leaves all other files."""
        if file == HTML:
            self._page = data
            if active(data.decode("utf-8")):
                yield Problem(f"{HTML} runs or loads something", _DO)
        elif file == JSON:
            self._digest = hashlib.sha256(data).hexdigest()
            for reason in self._wrong(json.loads(data)):
                yield Problem(f"{JSON} {reason}", _DO)

    def _wrong(self, report: Any) -> Iterator[str]:
        broken = problems(report, schema("report"))
        if broken:
            yield f"does not fit its schema ({len(broken)} places)"
            return
        yield from (f"does not hold together: {each}" for each in chain_problems(report["ledger"]["lines"]))
        if report["recipe_sha256"] != canonical_hash(report["recipe"]):
            yield "holds another recipe than its hash names"
        if any(report["status"].values()):
            yield "is that of a run that can't be released"

    def finish(self) -> Iterator[Problem]:
        """Holds the two files against each other; there must be both."""
        if not self._digest or self._page is None:
            yield Problem("the privacy report is missing", _DO)
        elif self._digest.encode() not in self._page:
            yield Problem(f"{HTML} is the page of another report than {JSON}", _DO)
