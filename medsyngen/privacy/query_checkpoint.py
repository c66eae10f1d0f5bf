"""What rounds of votes keep on disk: a state made from noisy votes, the last of them, the ledger position; no key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from medsyngen.privacy.checkpoint import kept_in, write_atomically

_STATE, _VOTES = "state.", "noisy_votes"


@dataclass(frozen=True, eq=False)
class VoteCheckpoint:
    """The state of the last round whose votes were noised, and those votes; clean counts are never in it.

    Args:
        state: What the round voted on, by name.
        noisy_votes: float64 (members,).
        round: Number of that round.
        recipe_sha256: The recipe that is running.
        run: The run's name in the ledger.
        ledger_line: Number of the ledger's last line when this was written.
        ledger_hash: Its hash.
        seeded: Whether any draw so far came from a seed (sticky).
    """

    state: Mapping[str, Tensor] = field(repr=False)
    noisy_votes: Tensor = field(repr=False)
    round: int
    recipe_sha256: str
    run: str
    ledger_line: int
    ledger_hash: str
    seeded: bool

    def save(self, path: Path) -> None:
        """Writes atomically: the file is the old or the new checkpoint, never half of one.

        Raises:
            MedsyngenError: It can't be written; the old one stays.
        """
        from safetensors.torch import save

        facts = {n: getattr(self, n) for n in self.__dataclass_fields__ if n not in ("state", _VOTES)}
        tensors = {f"{_STATE}{name}": value.cpu().contiguous() for name, value in self.state.items()}
        write_atomically(path, save({**tensors, _VOTES: self.noisy_votes}, metadata={"medsyngen": json.dumps(facts)}))

    @classmethod
    def load(cls, path: Path) -> VoteCheckpoint:
        """Reads a checkpoint.

        Raises:
            VerificationFailed: The file is not a checkpoint of this kind.
        """
        with kept_in(path, "is not a checkpoint of votes") as (tensors, facts):
            votes = tensors.pop(_VOTES).to(torch.float64)
            return cls({name.removeprefix(_STATE): value for name, value in tensors.items()}, votes, **facts)
