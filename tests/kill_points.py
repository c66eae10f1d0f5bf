"""Inside a process that is to be killed: it counts its Gaussian steps, and kills itself where it was told to.

Run ahead of the real command by :mod:`kills`. The count is kept apart from the ledger: one line a step, on disk before
the step's noise is made, with SHA-256 of the secret keys, never the keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

ORDERS = "MEDSYNGEN_TEST_KILL"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm() -> None:
    """Reads what to do from the environment, and patches this process."""
    orders = json.loads(os.environ[ORDERS])
    due = at_the(orders["nth"])
    count_steps(Path(orders["counted"]), orders["attempt"], due if orders["kind"] == "step" else lambda: None)
    if orders["kind"] in POINTS:
        POINTS[orders["kind"]](due, orders["share"])
    for mutant in orders["mutants"]:
        MUTANTS[mutant](Path(orders["run"]))


def at_the(nth: int) -> Callable[[], bool]:
    """Returns what to call at a point: it kills at the n-th call."""
    calls = iter(range(1, nth + 1))

    def due() -> bool:
        if next(calls, 0) == nth:
            die()
        return False

    return due


def count_steps(counted: Path, attempt: int, due: Callable[[], object]) -> None:
    """Writes a line for each real Gaussian step, at the one place where its noise is added."""
    from medsyngen.privacy import mechanism
    from medsyngen.randomness import SecureStream

    real_child, real_noise, now = SecureStream.child, mechanism.add_gaussian_noise, {}

    def mark(stream):
        return hashlib.sha256(stream._secret()).hexdigest()

    def child(self, label):
        stream = real_child(self, label)
        if label.startswith(b"step\x00"):
            now.update(step=int(label[5:]), above=[mark(self), mark(stream)])
        return stream

    def noise(total, std, stream):
        line = {"attempt": attempt, **now, "noise": mark(stream)}
        descriptor = os.open(counted, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, json.dumps(line).encode() + b"\n")
        os.fsync(descriptor)
        os.close(descriptor)
        due()
        return real_noise(total, std, stream)

    SecureStream.child = child
    mechanism.add_gaussian_noise = noise


def _rename(name: str, due: Callable[[], object], share: float) -> None:
    """Between the temporary file, which is whole and on disk, and its rename."""
    real = os.replace

    def replace(source, target, **more):
        if Path(target).name == name:
            due()
        return real(source, target, **more)

    os.replace = replace


def _write(kind: bytes, due: Callable[[], object], share: float) -> None:
    """In the middle of a line of the ledger: a part of it is on disk, and the rest follows unless the time has come."""
    from medsyngen.privacy import chain

    real = os.pwrite

    def pwrite(descriptor, data, offset):
        if b'"kind":"%s"' % kind not in data:
            return real(descriptor, data, offset)
        part = data[: max(1, int(share * len(data)))]
        real(descriptor, part, offset)
        os.fsync(descriptor)
        due()
        return len(part) + real(descriptor, data[len(part) :], offset + len(part))

    chain.os.pwrite = pwrite


def _reserved(due: Callable[[], object], share: float) -> None:
    from medsyngen.privacy.ledger import Ledger

    real = Ledger.begin

    def begin(*arguments, **keywords):
        account = real(*arguments, **keywords)
        due()
        return account

    Ledger.begin = begin


def _charged(due: Callable[[], object], share: float) -> None:
    from medsyngen.synthesis import staged_diffusion

    staged_diffusion.train_privately = partial(staged_diffusion.train_privately, after_charge=due)


def _before(name: str, due: Callable[[], object], share: float) -> None:
    from medsyngen.pipeline import fit

    real = getattr(fit, name)

    def patched(*arguments, **keywords):
        due()
        return real(*arguments, **keywords)

    setattr(fit, name, patched)


POINTS: dict[str, Callable[[Callable[[], object], float], None]] = {
    "recipe": partial(_rename, "recipe.yaml"),
    "line of the plan": partial(_write, b"reserve"),
    "reserved": _reserved,
    "charged": _charged,
    "line of a charge": partial(_write, b"charge"),
    "checkpoint": partial(_rename, "checkpoint.safetensors"),
    "trained": partial(_before, "write_preview"),
    "generator": partial(_rename, "generator.safetensors"),
    "report": partial(_before, "write_report"),
}


def _charges_after_its_steps(run: Path) -> None:
    """A wrong product: a block is charged when it has run."""
    from medsyngen.privacy.run_account import RunAccount
    from medsyngen.privacy.training_state import TrainingState

    charge, save, owed = RunAccount.charge, TrainingState.save, []

    def later(self, event, **words):
        owed.append((self, event, words))

    def pay(self, *arguments, **keywords):
        for account, event, words in owed:
            charge(account, event, **words)
        owed.clear()
        save(self, *arguments, **keywords)

    RunAccount.charge, TrainingState.save = later, pay


def _repeats_what_was_charged(run: Path) -> None:
    """A wrong product: resumes at the checkpoint's step, and takes what was charged after it for paid."""
    from medsyngen.privacy.checkpoint import Checkpoint
    from medsyngen.privacy.run_account import RunAccount

    charge, charged = RunAccount.charge, RunAccount.steps_charged
    checkpoint = run / "private" / "checkpoint.safetensors"

    def steps_charged(self, purpose):
        return Checkpoint.load(checkpoint).steps_done if checkpoint.exists() else 0

    def once(self, event, *, purpose, block):
        if charged(self, purpose) < block[1]:
            charge(self, event, purpose=purpose, block=block)

    RunAccount.steps_charged, RunAccount.charge = steps_charged, once


def _keeps_its_key(run: Path) -> None:
    """A wrong product: the secret key is kept in the run folder, and used again."""
    from medsyngen.pipeline import fit
    from medsyngen.randomness import SecureStream

    def kept():
        file = run / "private" / "key"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(os.urandom(32))
        return SecureStream(file.read_bytes())

    fit.secure_generator = kept


MUTANTS: dict[str, Callable[[Path], None]] = {
    "charges after its steps": _charges_after_its_steps,
    "repeats what was charged": _repeats_what_was_charged,
    "keeps its key": _keeps_its_key,
}
