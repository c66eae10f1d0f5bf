"""``medsyngen report``: writes the privacy report of a run, or puts several reports side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import Console
from .options import JsonOption, LedgerOption, refuse_options

_PAGE = Path("comparison.html")


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="The run folder that `fit` made. With --compare two or more: run folders, cohort folders, or files "
            "report.json.",
        ),
    ],
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Puts reports side by side on one page; reads nothing but their JSON."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="With --compare: the page. Left out: comparison.html, here."),
    ] = None,
    ledger: LedgerOption = None,
    statements: Annotated[
        Path | None,
        typer.Option(
            "--statements",
            metavar="FILE",
            help="What only the hospital can say (curator, intended_use, legal_basis ...), as YAML; kept in RUN.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Writes report.html and report.json of a run, from its recipe and ledger alone.

    Beside them registry.yaml, a record for the OpenDP registry of differential-privacy deployments. With --compare: one
    page that says what differs between reports, and what of it a reviewer should look at.
    """
    from medsyngen.errors import UsageError
    from medsyngen.pipeline import write_comparison, write_report

    console = Console(machine=json)
    if compare:
        given = {"ledger": ledger is not None, "statements": statements is not None}
        refuse_options("{} mean nothing with --compare: it reads reports as they are", given)
        page = write_comparison(runs, out or _PAGE)
        console.result({"html": str(page)})
        console.say(f"side by side: {page}")
        return
    if len(runs) != 1 or out is not None:
        raise UsageError(
            "--out belongs to --compare" if out else "a report is of one run",
            do="name one RUN, or put --compare before several",
        )
    html, machine = write_report(runs[0], ledger=ledger, statements=statements)
    console.result({"html": str(html), "json": str(machine)})
    console.say(f"for people:   {html}\nfor machines: {machine}")
