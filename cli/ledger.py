"""``medsyngen ledger``: what was ever spent on the patients, and what may still be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .guarantee import guarantee_json
from .options import JsonOption, LedgerOption

if TYPE_CHECKING:
    from medsyngen.privacy.ledger import Ledger

app = typer.Typer(
    help="What was ever spent on this site's patients, and what may still be.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def create(
    epsilon: Annotated[float, typer.Option("--epsilon", metavar="E", help="ε for everything ever released.")],
    patients_at_most: Annotated[
        int, typer.Option("--patients-at-most", metavar="N", min=1, help="N_max of the site: a public upper bound.")
    ],
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help="Who allows this budget.")],
    delta: Annotated[
        float | None,
        typer.Option("--delta", metavar="D", help="The one δ of the ledger. Left out: 1e-5 or 1/(100 N), if smaller."),
    ] = None,
    ledger: LedgerOption = None,
    json: JsonOption = False,
) -> None:
    """Makes the ledger of a site, once: the budget of its patients for everything ever released.

    Its ε covers all runs together, each chosen after seeing what earlier ones released; that costs more than one run
    alone. A patient has one budget: the ledger is never replaced.
    """
    from medsyngen.pipeline.ledgers import create_site_ledger
    from medsyngen.pipeline.site_ledger import network_notice, site_ledger

    console = Console(machine=json)
    path = site_ledger(ledger)
    with create_site_ledger(
        path, epsilon=epsilon, delta=delta, patients_at_most=patients_at_most, approved_by=approved_by
    ) as books:
        console.result({"ledger": str(path), **_budget(books), "head": _head(books)})
        console.say(f"{path}: {_budget_sentence(books)}")
    for notice in network_notice(path):
        console.say(f"note: {notice}")
    console.say(
        "keep backups of it with the scans; it shows accidents and edits, but not its owner putting back a copy"
    )


@app.command()
def show(
    place: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN|COHORT|FILE]", help="Whose ledger; left out: the ledger of the site."),
    ] = None,
    ledger: LedgerOption = None,
    json: JsonOption = False,
) -> None:
    """Checks a ledger line by line, and shows what was charged and what it adds up to.

    With a run or a cohort, also checks that the ledger still holds every line that they have seen.
    """
    from medsyngen.pipeline.ledgers import find_ledger

    console = Console(machine=json)
    with find_ledger(place, ledger) as books:
        after = _epsilon_after(books)
        console.result(_json(books, after))
        _tell(console, books, after)


@app.command()
def close(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run folder, or the run's name in the ledger.")],
    ledger: LedgerOption = None,
    json: JsonOption = False,
) -> None:
    """Gives back what an abandoned run reserved and was not charged; the run can't go on afterwards."""
    from medsyngen.pipeline.ledgers import close_run

    console = Console(machine=json)
    name = close_run(run, ledger)
    console.result({"closed": name})
    console.say(f"run {name} is closed; what it was charged stays charged")


def _epsilon_after(ledger: Ledger) -> list[float | None]:
    """Returns ε of its run after each charge, computed afresh from the events; None for other lines."""
    from medsyngen.privacy.accountant import epsilon_spent

    so_far = {run: 0 for run in ledger.runs}
    after: list[float | None] = []
    for line in ledger.lines:
        if line["kind"] != "charge":
            after.append(None)
            continue
        so_far[line["run"]] += 1
        events = ledger.runs[line["run"]].charged[: so_far[line["run"]]]
        after.append(epsilon_spent(events, ledger.account.budget.delta))
    return after


def _tell(console: Console, ledger: Ledger, after: list[float | None]) -> None:
    from medsyngen.privacy.budget import shown

    account, total = ledger.account, ledger.total()
    rows = [
        (str(line["n"] + 1), line["kind"], str(line.get("run", "")), _words(line), _steps(line), _shown(epsilon))
        for line, epsilon in zip(ledger.lines, after, strict=True)
    ]
    delta = f"δ = {shown(account.budget.delta)}"
    console.table(("line", "kind", "run", "what", "steps", f"ε of the run at {delta}"), rows)
    console.say(_budget_sentence(ledger))
    console.say(
        f"charged: {total.runs} run{'s' * (total.runs != 1)}; ε = {shown(total.in_advance)} at {delta} per patient, "
        "had all been fixed in advance (privacy loss distributions)"
    )
    if total.order is not None and account.reason is None:
        console.say(
            f"the Rényi filter (order {total.order}) counts ε = {shown(total.by_filter)} of it, and "
            + ("decides what still fits" if total.admits_more else "admits no second run: the first takes it all")
        )
    for record in ledger.runs.values():
        left = sum(record.left().values())
        if left:
            console.say(f"run {record.run} still holds {left} steps that it was not charged")
    if account.reason is not None:
        console.say(f"not the ledger of the site: {account.reason}")
    console.say(f"uncharged looks at private results: {len(ledger.looks)}")
    if any(record.seeded for record in ledger.runs.values()):
        console.say("SEEDED: a private draw came from a seed; nothing of that run may be released")
    console.say(f"head: line {ledger.head.n + 1}, {ledger.head.hash}")


def _budget_sentence(ledger: Ledger) -> str:
    from medsyngen.privacy.budget import ADJACENCY, shown

    account = ledger.account
    approved = f", approved by {account.approved_by}" if account.approved_by else ""
    return (
        f"budget: ε = {shown(account.budget.epsilon)} at δ = {shown(account.budget.delta)} per patient (neighbours: "
        f"{ADJACENCY}), for up to {account.patients_at_most} patients{approved}"
    )


def _shown(epsilon: float | None) -> str:
    from medsyngen.privacy.budget import shown

    return "" if epsilon is None else shown(epsilon)


def _words(line: Any) -> str:
    if line["kind"] == "reserve":
        return "its plan, reserved"
    return str(line.get("purpose") or line.get("text") or "opened")


def _steps(line: Any) -> str:
    return f"{line['block'][0]} to {line['block'][1]}" if line["kind"] == "charge" else ""


def _budget(ledger: Ledger) -> dict[str, Any]:
    account = ledger.account
    return {
        "budget": {"epsilon": account.budget.epsilon, "delta": account.budget.delta},
        "patients_at_most": account.patients_at_most,
        "approved_by": account.approved_by,
        "own_ledger_reason": account.reason,
    }


def _head(ledger: Ledger) -> dict[str, Any]:
    return {"line": ledger.head.n, "hash": ledger.head.hash}


def _json(ledger: Ledger, after: list[float | None]) -> dict[str, Any]:
    from medsyngen.privacy.accountant import guarantee_of

    total, delta = ledger.total(), ledger.account.budget.delta
    return {
        **_budget(ledger),
        "total": {
            "runs": total.runs,
            "epsilon_in_advance": _finite(total.in_advance),
            "epsilon_by_filter": _finite(total.by_filter),
            "order": total.order,
            "admits_more": total.admits_more,
        },
        "runs": {
            name: {
                "guarantee": guarantee_json(guarantee_of(run.charged, delta, ledger.account.reason)),
                "held": sum(run.left().values()),
                "closed": run.closed,
                "seeded": run.seeded,
            }
            for name, run in ledger.runs.items()
        },
        "looks": list(ledger.looks),
        "head": _head(ledger),
        "lines": [
            {**line, "epsilon_after": None if epsilon is None else _finite(epsilon)}
            for line, epsilon in zip(ledger.lines, after, strict=True)
        ],
    }


def _finite(epsilon: float) -> float | None:
    from medsyngen.privacy.budget import round_up

    return round_up(epsilon) if math.isfinite(epsilon) else None
