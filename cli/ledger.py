"""``medsyngen ledger``: what was spent on the patients."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .guarantee import guarantee_json
from .options import JsonOption

if TYPE_CHECKING:
    from medsyngen.privacy.ledger import Ledger

app = typer.Typer(help="What was ever spent on these patients.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _ledger() -> None:
    """Keeps `show` a word of its own while it is the only one."""


@app.command()
def show(
    place: Annotated[Path, typer.Argument(metavar="RUN|FILE", help="A run folder, or a ledger file.")],
    json: JsonOption = False,
) -> None:
    """Checks a ledger line by line, and shows what was charged and what it adds up to."""
    from medsyngen.privacy.ledger import Ledger

    console = Console(machine=json)
    path = place / "ledger.jsonl" if place.is_dir() else place
    with Ledger.open(path, read_only=True) as ledger:
        after = _epsilon_after(ledger)
        console.result(_json(ledger, after))
        _tell(console, ledger, after)


def _epsilon_after(ledger: Ledger) -> list[float]:
    """Returns ε after each line, computed afresh from the events."""
    from medsyngen.privacy.accountant import epsilon_spent

    events, delta = ledger.events(), ledger.account.budget.delta
    spent, charged, after = 0.0, 0, []
    for line in ledger.lines:
        if line["kind"] == "charge":
            charged += 1
            spent = epsilon_spent(events[:charged], delta)
        after.append(spent)
    return after


def _tell(console: Console, ledger: Ledger, after: list[float]) -> None:
    from medsyngen.privacy.budget import shown

    account = ledger.account
    rows = [
        (str(line["n"]), line["kind"], _words(line), _steps(line), shown(epsilon))
        for line, epsilon in zip(ledger.lines, after, strict=True)
    ]
    console.table(("line", "kind", "what", "steps", f"ε at δ = {shown(account.budget.delta)}"), rows)
    console.say(ledger.guarantee().sentence())
    console.say(
        f"budget: ε = {shown(account.budget.epsilon)} at δ = {shown(account.budget.delta)}, for up to "
        f"{account.patients_at_most} patients"
    )
    if account.reason is not None:
        console.say(f"not the ledger of the site: {account.reason}")
    console.say(f"uncharged looks at private results: {len(ledger.looks)}")
    if ledger.seeded:
        console.say("SEEDED: a private draw came from a seed; nothing of this may be released")
    console.say(f"head: line {ledger.head.n}, {ledger.head.hash}")


def _words(line: Any) -> str:
    return str(line.get("purpose") or line.get("text") or "opened")


def _steps(line: Any) -> str:
    return f"{line['block'][0]} to {line['block'][1]}" if line["kind"] == "charge" else ""


def _json(ledger: Ledger, after: list[float]) -> dict[str, Any]:
    from medsyngen.privacy.budget import round_up

    account = ledger.account
    return {
        "guarantee": guarantee_json(ledger.guarantee()),
        "budget": {"epsilon": account.budget.epsilon, "delta": account.budget.delta},
        "patients_at_most": account.patients_at_most,
        "own_ledger_reason": account.reason,
        "looks": list(ledger.looks),
        "seeded": ledger.seeded,
        "head": {"line": ledger.head.n, "hash": ledger.head.hash},
        "lines": [
            {**line, "epsilon_after": round_up(epsilon) if math.isfinite(epsilon) else None}
            for line, epsilon in zip(ledger.lines, after, strict=True)
        ],
    }
