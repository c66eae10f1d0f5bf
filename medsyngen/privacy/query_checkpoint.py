"""What a query of the patients keeps on disk, votes or a sum: its noised answer and the ledger position; no key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from medsyngen.privacy.checkpoint import kept_in, write_atomically

_STATE, _NOISED = "state.", "noised"


@dataclass(frozen=True, eq=False)
class QueryCheckpoint:
    """The last answer that was noised, and what it was asked of; the answer without noise is never in it.

    Args:
        state: What was voted on, or how pictures were read, by name: public, or made from noised answers.
        noised: float64 (entries,): noisy votes, or a noised mean.
        round: Number of the round that it is of; of a sum 0.
        recipe_sha256: The recipe that is running.
        run: The run's name in the ledger.
        ledger_line: Number of the ledger's last line when this was written.
        ledger_hash: Its hash.
        seeded: Whether any draw so far came from a seed (sticky).
        private: Whether every answer so far went through differential privacy (its absence is sticky).
    """

    state: Mapping[str, Tensor] = field(repr=False)
    noised: Tensor = field(repr=False)
    round: int
    recipe_sha256: str
    run: str
    ledger_line: int
    ledger_hash: str
    seeded: bool
    private: bool

    def save(self, path: Path) -> None:
        """Writes atomically: the file is the old or the new checkpoint, never half of one.

        Raises:
            MedsyngenError: It can't be written; the old one stays.
        """
        from safetensors.torch import save

        facts = {n: getattr(self, n) for n in self.__dataclass_fields__ if n not in ("state", _NOISED)}
        tensors = {f"{_STATE}{name}": value.cpu().contiguous() for name, value in self.state.items()}
        write_atomically(path, save({**tensors, _NOISED: self.noised}, metadata={"medsyngen": json.dumps(facts)}))

    @classmethod
    def load(cls, path: Path) -> QueryCheckpoint:
        """Reads a checkpoint.

        Raises:
            VerificationFailed: The file is not a checkpoint of this kind, or does not say whether it is private.
        """
        with kept_in(path, "is not a checkpoint of this version") as (tensors, facts):
            noised = tensors.pop(_NOISED).to(torch.float64)
            return cls({name.removeprefix(_STATE): value for name, value in tensors.items()}, noised, **facts)
