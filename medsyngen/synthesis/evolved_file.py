"""What lies between votes and training: an evolved population, the expert that learned from it, and who paid for them.

The file stays in ``RUN/private/``. Evolved phantoms and what learned from them carry the events that they came from, so
both are good for the run that was charged, on a ledger that holds its charges, and for nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from medsyngen.errors import VerificationFailed
from medsyngen.privacy.chain import Head
from medsyngen.privacy.checkpoint import kept_in, write_atomically
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.vote_rounds import PURPOSE

VOTES, EVOLVED, UNFINISHED = "votes.safetensors", "evolved.safetensors", "evolved.unfinished"
"""In ``RUN/private/``: the rounds' checkpoint, what they made, the state of the training on it."""

_POPULATION, _EXPERT = "population.", "expert."


@dataclass(frozen=True, eq=False)
class Evolved:
    """A population that noisy votes made and, once it is trained, its expert.

    Args:
        population: As :func:`medsyngen.synthesis.population_tensors.to_tensors` names it.
        expert: Weights; empty until they are trained.
        recipe_sha256: The recipe that paid.
        run: The run's name in the ledger.
        ledger_line: Number of the ledger's last line when the votes were over.
        ledger_hash: Its hash.
        seeded: Whether any draw so far came from a seed (sticky).
        private: Whether the votes went through differential privacy.
    """

    population: Mapping[str, Tensor] = field(repr=False)
    expert: Mapping[str, Tensor] = field(repr=False)
    recipe_sha256: str
    run: str
    ledger_line: int
    ledger_hash: str
    seeded: bool
    private: bool

    @property
    def marks(self) -> dict[str, object]:
        """Everything but the tensors, as plain JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("population", "expert")}

    def save(self, path: Path) -> None:
        """Writes atomically: the file is the old or the new one, never half of one.

        Raises:
            MedsyngenError: It can't be written; the old one stays.
        """
        from safetensors.torch import save

        tensors = {f"{_POPULATION}{name}": value.contiguous() for name, value in self.population.items()}
        tensors |= {f"{_EXPERT}{name}": value.cpu().contiguous() for name, value in self.expert.items()}
        write_atomically(path, save(tensors, metadata={"medsyngen": json.dumps(self.marks)}))

    @classmethod
    def load(cls, path: Path) -> Evolved:
        """Reads the file.

        Raises:
            VerificationFailed: It holds no evolved phantoms.
        """
        with kept_in(path, "holds no evolved phantoms") as (tensors, facts):
            return cls(_part(tensors, _POPULATION), _part(tensors, _EXPERT), **facts)

    def check(self, account: RunAccount, rounds: int) -> None:
        """Refuses evolved phantoms that this run did not pay for, or not on this ledger.

        Args:
            account: The run that wants to go on with them.
            rounds: T, votes that they came from.

        Raises:
            VerificationFailed: They are of another run or recipe, or the ledger does not hold all their charges.
        """
        if (self.run, self.recipe_sha256) != (account.run, account.recipe_sha256):
            raise VerificationFailed(
                "the evolved phantoms in this run folder belong to another run: this one never paid for them",
                do="use a new run folder; what was charged stays charged",
            )
        account.check_head(Head(self.ledger_line, self.ledger_hash), "the evolved phantoms")
        if account.steps_charged(PURPOSE) < rounds:
            raise VerificationFailed(
                "the ledger does not hold every round of votes that the evolved phantoms came from",
                do="restore the ledger that the run was charged to",
            )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
