"""An election small enough for exact answers: the patients vote for numbers, and the winner is written down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Gaussian, SelfComposed
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.vote_rounds import VoteResult, vote_privately
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.scan import PatientKey

MEMBERS, SIGMA, N_MAX, SHA = 6, 1.5, 20, "ab" * 32


def voters(count: int = 5) -> Cohort:
    """Patient i has i % 3 + 1 scans, of brightness i."""
    return Cohort(
        {
            PatientKey(f"p{i:02d}"): PatientRecord(
                np.full((i % 3 + 1, 1, 2, 2), i, np.float32), np.zeros(i % 3 + 1, np.int64)
            )
            for i in range(count)
        }
    )


@dataclass
class Tally:
    """Every scan votes for its brightness; each round adds its noisy votes to the state and notes its number."""

    cohort: Cohort
    rounds: int = 4

    def first(self):
        return {"sum": torch.zeros(MEMBERS, dtype=torch.float64), "took": torch.zeros(0, dtype=torch.int64)}

    def candidates(self, number, state):
        return MEMBERS

    def ballots(self, candidates):
        chosen = {p: np.round(r.pixels[:, 0, 0, 0]).astype(np.int64) for p, r in self.cohort.items()}
        return chosen, candidates

    def elected(self, number, state, noisy):
        took = torch.cat([state["took"], torch.tensor([number])])
        return {"sum": state["sum"] + torch.from_numpy(noisy), "took": took}


class Recorder(GaussianSum):
    """Notes every sum before and after its noise, and what the noise was drawn with."""

    def __init__(self) -> None:
        self.sums, self.noised, self.stds, self.seeded = [], [], [], []

    def release(self, total, std, stream):
        self.sums.append(total.clone())
        self.stds.append(std)
        self.seeded.append(stream.seeded)
        self.noised.append(super().release(total, std, stream))
        return self.noised[-1]


class Clean(GaussianSum):
    """Nothing is noised, and its mark says so."""

    private = False

    def release(self, total, std, stream):
        return total


def ledger_in(folder: Path, epsilon: float = 50.0) -> Ledger:
    path = folder / "ledger.jsonl"
    if path.exists():
        return Ledger.open(path)
    return Ledger.create(path, budget=Budget(epsilon, 1e-4), patients_at_most=N_MAX, reason="a test")


def vote(
    folder: Path,
    cohort: Cohort,
    *,
    election=None,
    keys: SecureStream | None = None,
    mechanism=None,
    after_charge=None,
    planned: int = 4,
    epsilon: float = 50.0,
) -> VoteResult:
    """Votes in a folder, and goes on there when called again."""
    keys = keys or secure_generator()
    with ledger_in(folder, epsilon) as ledger:
        plan = SelfComposed(Gaussian(SIGMA), planned)
        account = ledger.begin("run", recipe_sha256=SHA, plan=plan, seeded=keys.seeded)
        return vote_privately(
            election or Tally(cohort),
            cohort,
            patients_at_most=N_MAX,
            noise_multiplier=SIGMA,
            account=account,
            keys=keys,
            checkpoint=folder / "checkpoint.safetensors",
            mechanism=mechanism,
            after_charge=after_charge,
        )


def rounds_charged(folder: Path) -> int:
    with Ledger.open(folder / "ledger.jsonl", read_only=True) as ledger:
        return sum(last - first for run in ledger.runs.values() for _, first, last in run.blocks)
