"""Ledgers to try things on."""

from __future__ import annotations

from pathlib import Path

from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.events import Event
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.run_account import RunAccount

BUDGET = Budget(1.0, 1e-5)
RECIPE = "ab" * 32
Q, SIGMA = 0.2, 10.0
PURPOSE = "private training"


def new(folder: Path, budget: Budget = BUDGET, reason: str | None = "test", approved_by: str = "") -> Ledger:
    return Ledger.create(
        folder / "ledger.jsonl", budget=budget, patients_at_most=500, reason=reason, approved_by=approved_by
    )


def begin(ledger: Ledger, plan: Event | int = 20, run: str = "run", *, seeded: bool = False) -> RunAccount:
    """Reserves a plan, or so many steps at q and sigma."""
    event = sampled_gaussian(Q, SIGMA, plan) if isinstance(plan, int) else plan
    return ledger.begin(run, recipe_sha256=RECIPE, plan=event, seeded=seeded)


def pay(account: RunAccount, first: int, last: int, *, sigma: float = SIGMA):
    return account.charge(sampled_gaussian(Q, sigma, last - first), purpose=PURPOSE, block=(first, last))
