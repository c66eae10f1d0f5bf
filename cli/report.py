"""``medsyngen report``: writes the privacy report of a run."""

from __future__ import annotations

from .console import Console
from .options import JsonOption, LedgerOption, RunArgument


def report(run: RunArgument, ledger: LedgerOption = None, json: JsonOption = False) -> None:
    """Writes report.html and report.json of a run, from its recipe and ledger alone."""
    from medsyngen.pipeline import write_report

    console = Console(machine=json)
    html, machine = write_report(run, ledger=ledger)
    console.result({"html": str(html), "json": str(machine)})
    console.say(f"for people:   {html}\nfor machines: {machine}")
