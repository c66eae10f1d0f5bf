"""Private training with parts put in, and everything that its steps see and release written down.

A law is a function of an implementation: it raises AssertionError if the implementation breaks it. ``Parts()`` is the
product; a mutant is a function that returns Parts with something wrong in them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from toys import LinearLoss, toy_weights

from medsyngen.cohort.cohort import Cohort
from medsyngen.privacy import dpsgd, mechanism, run_account
from medsyngen.privacy.accountant import guarantee_of
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD, PrivateResult, train_privately
from medsyngen.privacy.events import Event
from medsyngen.privacy.gradient_sum import clipped_sum
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.scan import PatientKey

N_MAX = 20
DELTA = 1e-4
C = 1.0
TRAINING = DPSGD(steps=7, patients_per_step=5, block=3, micro_batch=3, learning_rate=0.1, clipping_norm=C)
ONE_STEP = DPSGD(steps=1, patients_per_step=N_MAX, block=1, micro_batch=4, clipping_norm=C)
"""Everybody takes part: q = 1."""


@dataclass(frozen=True)
class Parts:
    """The parts that private training is made of; each is the product's unless a mutant swaps it."""

    draw: Callable[[Iterable[PatientKey], float, SecureStream], list[PatientKey]] = draw_patients
    sum: Callable[..., Tensor] = clipped_sum
    noise: Callable[[Tensor, float, SecureStream], Tensor] = add_gaussian_noise
    state: type[TrainingState] = TrainingState
    train: Callable[..., PrivateResult] = train_privately
    loss: Callable[[], Any] = LinearLoss
    weights: Callable[[], dict[str, Tensor]] = toy_weights
    account: Callable[[RunAccount, Path], Any] = lambda account, folder: account


Make = Callable[[], Parts]


@dataclass
class Watched:
    """What was seen of a run: for each step the sample, the sum before its noise, and what left the step."""

    folder: Path
    sampled: list[list[PatientKey]] = field(default_factory=list)
    sums: list[Tensor] = field(default_factory=list)
    noised: list[Tensor] = field(default_factory=list)
    released: list[Tensor] = field(default_factory=list)
    result: PrivateResult | None = None
    epsilon: float = 0.0  # what the account says at the end

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    @property
    def noise(self) -> list[Tensor]:
        return [after - before for after, before in zip(self.noised, self.sums, strict=True)]

    def events(self) -> list[Event]:
        """What stands in the ledger's file."""
        with Ledger.open(self.folder / "ledger.jsonl", read_only=True) as ledger:
            return list(ledger.events())

    def steps_charged(self) -> int:
        with Ledger.open(self.folder / "ledger.jsonl", read_only=True) as ledger:
            return max((last for run in ledger.runs.values() for _, _, last in run.blocks), default=0)


def watch(
    parts: Parts,
    where: Path | Watched,
    cohort: Cohort,
    *,
    training: DPSGD = TRAINING,
    planned: DPSGD | None = None,
    sigma: float = 1.0,
    keys: SecureStream | None = None,
    die_after: int | None = None,
    at_release: Callable[[Watched], None] = lambda seen: None,
) -> Watched:
    """Trains privately and writes down what happens.

    Args:
        parts: The implementation.
        where: A folder for a new run, or what was seen of a run that goes on.
        cohort: The patients.
        training: Public numbers.
        planned: Those that the run reserves, if others.
        sigma: Noise multiplier.
        keys: The secret stream, if not a new one.
        die_after: Number of releases after which the process is interrupted, at once.
        at_release: Called when a sum is about to be noised.
    """
    seen = where if isinstance(where, Watched) else Watched(fresh(where))
    keys = keys or secure_generator()

    class Heard(parts.state):  # type: ignore[name-defined,misc]
        def update(self, gradient: Tensor, *more: Tensor | None) -> None:
            seen.released.append(gradient.clone())
            super().update(gradient, *more)
            if len(seen.released) == die_after:
                raise KeyboardInterrupt

    def noise(total: Tensor, std: float, stream: SecureStream) -> Tensor:
        at_release(seen)
        seen.noised.append(parts.noise(total, std, stream))
        return seen.noised[-1]

    with pytest.MonkeyPatch.context() as patch, _ledger(seen.folder) as ledger:
        patch.setattr(dpsgd, "draw_patients", _kept(seen.sampled, parts.draw))
        patch.setattr(dpsgd, "clipped_sum", _kept(seen.sums, parts.sum))
        patch.setattr(mechanism, "add_gaussian_noise", noise)
        patch.setattr(dpsgd, "TrainingState", Heard)
        patch.setattr(run_account, "guarantee_of", lambda events, *more: _guarantee(tuple(events), *more))
        plan = (planned or training).event((planned or training).steps, patients_at_most=N_MAX, noise_multiplier=sigma)
        reserved = ledger.begin("run", recipe_sha256="a" * 64, plan=plan, seeded=keys.seeded)
        account = parts.account(reserved, seen.folder)
        try:
            seen.result = parts.train(
                parts.loss(),
                parts.weights(),
                cohort,
                training,
                patients_at_most=N_MAX,
                noise_multiplier=sigma,
                account=account,
                keys=keys,
                checkpoint=seen.checkpoint,
                device=torch.device("cpu"),
            )
        except KeyboardInterrupt:
            assert die_after is not None
        finally:
            seen.epsilon = account.guarantee().epsilon
    return seen


_guarantee = lru_cache(maxsize=None)(guarantee_of)  # the product's, once for each list of events: it takes a while


def fresh(folder: Path) -> Path:
    """Returns a new folder in it: each law and each mutant works in one of its own."""
    return Path(tempfile.mkdtemp(dir=folder))


def _ledger(folder: Path) -> Ledger:
    path = folder / "ledger.jsonl"
    if path.exists():
        return Ledger.open(path)
    return Ledger.create(path, budget=Budget(650.0, DELTA), patients_at_most=N_MAX, reason="test")


def _kept(kept: list[Any], part: Callable[..., Any]) -> Callable[..., Any]:
    def listening(*arguments: Any, **keywords: Any) -> Any:
        kept.append(part(*arguments, **keywords))
        return kept[-1]

    return listening


class AccountMutant:
    """An account like the real one but for what a mutant overrides."""

    def __init__(self, real: RunAccount, folder: Path) -> None:
        self.real, self.folder = real, folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def judge(law: Callable[[Any], None], product: Any, mutants: Mapping[str, Any]) -> None:
    """The law holds for the product, and each mutant is seen to break it; another error is no verdict."""
    law(product)
    assert [name for name, mutant in mutants.items() if not breaks(law, mutant)] == []


def breaks(law: Callable[[Any], None], mutant: Any) -> bool:
    try:
        law(mutant)
    except AssertionError:
        return True
    return False
