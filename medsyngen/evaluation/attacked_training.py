"""Private training under attack: the code path of a fit, on phantoms, with an adversary at its output."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.evaluation.attack import Adversary, Observation
from medsyngen.evaluation.canaries import Canaries
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD, PrivateResult, Subspace, train_privately
from medsyngen.privacy.gradient_sum import PatientLoss
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.mechanism import GaussianSum, Mechanism
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.scan import PatientKey


@dataclass(frozen=True, eq=False)
class Audited:
    """What is claimed: the training as its recipe gives it, public throughout.

    Args:
        loss: The loss of one patient.
        weights: First weights.
        training: Public numbers of DP-SGD.
        patients_at_most: N_max; sampling rate and denominator come from it, however small the audited cohort.
        noise_multiplier: σ_DP.
        budget: ε and δ that the training must fit into.
        recipe_sha256: The recipe.
        probe: The loss that the adversary computes gradients with, where a cheaper one will do; None for ``loss``.
        subspace: The directions that a step may take; None for all.
    """

    loss: PatientLoss
    weights: Mapping[str, Tensor]
    training: DPSGD
    patients_at_most: int
    noise_multiplier: float
    budget: Budget
    recipe_sha256: str
    probe: PatientLoss | None = None
    subspace: Subspace | None = None


@dataclass(frozen=True, eq=False)
class Implementation:
    """What really runs, and what its adversary knows beyond the threat model. Left as it is, it is the product's.

    Tests put broken parts in, to see that the audit notices.

    Args:
        mechanism: How gradients are clipped and sums released.
        train: Private training.
        keys: Makes the secret stream.
        view: The cohort as training sees it.
        takes_part: Probability, to the adversary, that a patient of the cohort is drawn in a step; None for q.
    """

    mechanism: Mechanism = field(default_factory=GaussianSum)
    train: Callable[..., PrivateResult] = train_privately
    keys: Callable[[], SecureStream] = secure_generator
    view: Callable[[Cohort], Cohort] = lambda cohort: cohort
    takes_part: Callable[[int, PatientKey], float] | None = None


class NoNoise:
    """The control: clipped as ever, but released as it is. NOT PRIVATE.

    Args:
        clipped: Whose clipping.
    """

    private = False

    def __init__(self, clipped: Mechanism) -> None:
        self.factors = clipped.factors

    def release(self, total: Tensor, std: float, stream: SecureStream) -> Tensor:
        """Returns the sum itself."""
        return total


class _Overheard:
    """A mechanism with a listener to everything that it releases, and to nothing else."""

    def __init__(self, mechanism: Mechanism, listener: Callable[[Tensor], None]) -> None:
        self.private = mechanism.private
        self.factors = mechanism.factors
        self._mechanism, self._listener = mechanism, listener

    def release(self, total: Tensor, std: float, stream: SecureStream) -> Tensor:
        released = self._mechanism.release(total, std, stream)
        self._listener(released)
        return released


@dataclass(frozen=True, eq=False)
class Attacked:
    """What one run left in the adversary's hands, and what its ledger says.

    Args:
        observations: One a step; canaries first, in their order, then the others.
        epsilon: ε of the events that were charged.
    """

    observations: list[Observation]
    epsilon: float


def train_under_attack(
    audited: Audited,
    canaries: Canaries,
    implementation: Implementation,
    *,
    device: torch.device,
    progress: Progress = silent,
) -> Attacked:
    """Trains on canaries and phantoms, charged to a ledger of its own, and shows each release to the adversary.

    No scan is read; the ledger of the site is not touched.
    """
    n_max, budget = audited.patients_at_most, audited.budget
    cohort = implementation.view(canaries.cohort())
    rate = audited.training.sampling_rate(n_max)
    # Slots that nobody fills cost time; their number changes no result.
    slots = min(audited.training.micro_batch, max(2, round(rate * len(cohort))))
    training = replace(audited.training, micro_batch=slots)
    keys = implementation.keys()
    known = [*canaries.records, *canaries.others]
    adversary = Adversary(
        audited.probe or audited.loss,
        audited.weights,
        [*canaries.records.values(), *canaries.others.values()],
        replace(training, micro_batch=audited.training.micro_batch),
        patients_at_most=n_max,
        noise_multiplier=audited.noise_multiplier,
        stream=secure_generator(),
        subspace=audited.subspace,
        device=device,
    )

    def overhear(released: Tensor) -> None:
        adversary.see(released, _taking_part(implementation, len(adversary.observations), known, rate))

    with tempfile.TemporaryDirectory(prefix="medsyngen-audit-") as folder:
        path = Path(folder) / "ledger.jsonl"
        with Ledger.create(path, budget=budget, patients_at_most=n_max, reason="audit on phantoms") as ledger:
            plan = training.event(training.steps, patients_at_most=n_max, noise_multiplier=audited.noise_multiplier)
            account = ledger.begin("audit", recipe_sha256=audited.recipe_sha256, plan=plan, seeded=keys.seeded)
            implementation.train(
                audited.loss,
                audited.weights,
                cohort,
                training,
                patients_at_most=n_max,
                noise_multiplier=audited.noise_multiplier,
                account=account,
                keys=keys,
                checkpoint=Path(folder) / "checkpoint.safetensors",
                device=device,
                mechanism=_Overheard(implementation.mechanism, overhear),
                subspace=audited.subspace,
                progress=progress,
            )
            return Attacked(adversary.observations, epsilon_spent(ledger.events(), ledger.account.budget.delta))


def _taking_part(how: Implementation, step: int, patients: list[PatientKey], rate: float) -> NDArray[np.float64]:
    if how.takes_part is None:
        return np.full(len(patients), rate)
    return np.array([how.takes_part(step, patient) for patient in patients])
