"""What a private training keeps on disk: weights and the ledger position, never a key, a gradient or a loss."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from medsyngen.errors import MedsyngenError, VerificationFailed

_VECTORS = ("weights", "average", "first_moment", "second_moment")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state after a block of steps; everything in it is computed from noised sums.

    Args:
        weights: Flat float32 weights.
        average: Their moving average.
        first_moment: Adam's.
        second_moment: Adam's.
        steps_done: Steps that ran.
        recipe_sha256: The recipe that is running.
        run: The run's name in the ledger.
        ledger_line: Number of the ledger's last line when this was written.
        ledger_hash: Its hash.
        seeded: Whether any draw so far came from a seed (sticky).
        private: Whether every step so far went through differential privacy (its absence is sticky).
        levers: What noise correction and filter remember, by name; empty without them, and in older checkpoints.
    """

    weights: Tensor = field(repr=False)
    average: Tensor = field(repr=False)
    first_moment: Tensor = field(repr=False)
    second_moment: Tensor = field(repr=False)
    steps_done: int
    recipe_sha256: str
    run: str
    ledger_line: int
    ledger_hash: str
    seeded: bool
    private: bool
    levers: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    def save(self, path: Path) -> None:
        """Writes atomically: the file is the old or the new checkpoint, never half of one.

        Raises:
            MedsyngenError: It can't be written; the old one stays.
        """
        from safetensors.torch import save

        facts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in (*_VECTORS, "levers")}
        tensors = {name: getattr(self, name) for name in _VECTORS} | dict(self.levers)
        tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
        data = save(tensors, metadata={"medsyngen": json.dumps(facts)})
        write_atomically(path, data)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Reads a checkpoint.

        Raises:
            VerificationFailed: The file is not a checkpoint of this kind, or does not say whether it is private.
        """
        with kept_in(path, "is not a checkpoint of this version") as (tensors, facts):
            fields: dict[str, Any] = {**facts, **{name: tensors.pop(name) for name in _VECTORS}}
            return cls(**fields, levers=tensors)


def head_of_checkpoint(path: Path) -> tuple[int, str]:
    """Returns number and hash of the ledger's last line when a checkpoint was written, of whichever method.

    Raises:
        VerificationFailed: The file is no checkpoint.
    """
    with kept_in(path, "is not a checkpoint of this version", tensors=False) as (_, facts):
        return int(facts["ledger_line"]), str(facts["ledger_hash"])


@contextmanager
def kept_in(path: Path, what: str, *, tensors: bool = True) -> Iterator[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Reads the tensors and the facts of a file in ``RUN/private/``; what the body can't make of them is refused.

    Args:
        path: The file.
        what: What is wrong with it if it can't be read, behind its name.
        tensors: Whether to read the tensors; if not there are none.

    Raises:
        VerificationFailed: The file is damaged, or does not hold what the body looks for.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["medsyngen"])
            found = {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118
        yield found, facts
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise VerificationFailed(
            f"{path.name} {what} ({type(error).__name__})",
            do="start again in a new run folder; what was charged stays charged",
        ) from error


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes ``data`` beside ``path``, flushes it to disk and renames it into place.

    Raises:
        MedsyngenError: It can't be written: the file stays what it was, and nothing half-written is left.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            # In a read-only folder this fails, too: the first failure is the one to tell.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise MedsyngenError(
            f"{path.name} can't be written: {os.strerror(error.errno or 0)}",
            do="free disk space or mend the folder's permissions, then run the same command again: it goes on where it "
            "can, and what was charged stays charged",
        ) from error
