"""DP-SGD with the patient as its unit (Abadi et al. 2016; Poisson sampling of users as in McMahan et al. 2018).

The one place that couples sampling, clipping, noise and the ledger. The joint guarantee is that of
:func:`train_privately`; each of its clauses has a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.adam import DAMPING, NoiseCorrection
from medsyngen.privacy.budget import shown
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.events import Event, Gaussian, PoissonSampled, SelfComposed
from medsyngen.privacy.gradient_sum import PatientLoss, Views, clipped_sum, patient_streams
from medsyngen.privacy.mechanism import GaussianSum, Mechanism
from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.privacy.preconditions import check_before_charging, check_checkpoint
from medsyngen.privacy.purposes import TRAINING
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.shared_sum import hand_out
from medsyngen.privacy.training_state import TrainingState
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream

PURPOSE = TRAINING
"""What the ledger calls these charges."""


@dataclass(frozen=True)
class DPSGD:
    """Public numbers of private training.

    Args:
        steps: T, planned and charged.
        patients_per_step: Expected sample if the cohort has N_max patients; q = patients_per_step / N_max, at most 1.
        clipping_norm: C, of one patient's gradient.
        scans_per_patient: m, scans that a patient brings to a step, at most.
        draws_per_scan: K, noise levels drawn for each; m K draws are averaged to one gradient.
        learning_rate: Adam's, in the first step.
        decay: ``none``, or ``cosine``: the learning rate falls to zero over the planned steps.
        adam_betas: Adam's.
        adam_damping: Added to Adam's denominator. Far above a weight's gradient, 0.01 say, steps are in proportion to
            the gradient, and so is what its noise does; at 1e-8 every weight moves about a learning rate a step.
        noise_correction: Take the noise's variance, which is public, out of Adam's second moment (:class:`Adam`).
        correction_floor: Least second moment then left, as a share of the noise's own. The default is what the first
            moment keeps of the noise's variance, (1 - beta1) / (1 + beta1) at beta1 = 0.9: in the long run a weight
            that sees noise alone moves by at most about the learning rate.
        filter_gain: kappa, in (0, 1], of a filter over the noised gradients (:class:`LowPass`); 1 for none.
        ema_decay: Decay of the moving average of the weights.
        micro_batch: Patients whose gradients are in memory at once; changes no result.
        block: Steps charged, flushed to disk and checkpointed together.
    """

    steps: int = 12
    patients_per_step: float = 128.0
    clipping_norm: float = 0.3
    scans_per_patient: int = 2
    draws_per_scan: int = 4
    learning_rate: float = 1.2e-3
    decay: str = "none"
    adam_betas: tuple[float, float] = (0.9, 0.99)
    adam_damping: float = DAMPING
    noise_correction: bool = False
    correction_floor: float = 0.05
    filter_gain: float = 1.0
    ema_decay: float = 0.9
    micro_batch: int = 16
    block: int = 4

    def __post_init__(self) -> None:
        positive = ("steps", "patients_per_step", "clipping_norm", "scans_per_patient", "draws_per_scan", "block")
        for name in (*positive, "learning_rate", "micro_batch", "adam_damping", "correction_floor", "filter_gain"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")

        if self.decay not in ("cosine", "none"):
            raise ValueError(f"decay must be cosine or none, got {self.decay!r}")

        if self.filter_gain > 1:
            raise ValueError(f"filter_gain must be at most 1, got {self.filter_gain}")

    @property
    def decays_over(self) -> int | None:
        """Steps over which the learning rate falls to zero; None if it stays."""
        return self.steps if self.decay == "cosine" else None

    def sampling_rate(self, patients_at_most: int) -> float:
        """Returns q, from public numbers only."""
        return min(1.0, self.patients_per_step / patients_at_most)

    def correction(self, *, patients_at_most: int, noise_multiplier: float) -> NoiseCorrection | None:
        """Returns what is taken out of Adam's second moment, from public numbers only; None if nothing is."""
        if not self.noise_correction:
            return None
        std = noise_multiplier * self.clipping_norm / (self.sampling_rate(patients_at_most) * patients_at_most)
        return NoiseCorrection(std**2, self.correction_floor)

    def event(self, steps: int, *, patients_at_most: int, noise_multiplier: float) -> Event:
        """Returns what ``steps`` steps do to privacy."""
        step = PoissonSampled(self.sampling_rate(patients_at_most), Gaussian(noise_multiplier))
        return SelfComposed(step, steps)


Subspace = Callable[[int, Mapping[str, Tensor]], Tensor]
"""(number of the step, weights) -> orthonormal basis, float32 (parameters, k), from public inputs and these weights."""

PublicGradient = Callable[[int, Mapping[str, Tensor]], Tensor]
"""(number of the step, weights) -> float64 (parameters,), from public inputs and these weights."""


@dataclass(frozen=True, eq=False)
class PrivateResult:
    """What private training leaves behind: averaged weights and the marks that the gate reads."""

    weights: dict[str, Tensor]
    seeded: bool
    private: bool


def train_privately(
    loss: PatientLoss,
    weights: Mapping[str, Tensor],
    cohort: Cohort,
    training: DPSGD,
    *,
    patients_at_most: int,
    noise_multiplier: float,
    account: RunAccount,
    keys: SecureStream,
    checkpoint: Path,
    device: torch.device,
    mechanism: Mechanism | None = None,
    after_charge: Callable[[], None] | None = None,
    subspace: Subspace | None = None,
    public_gradient: PublicGradient | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = silent,
) -> PrivateResult:
    """Trains on a private cohort, charged to the ledger.

    Guarantee: with ``keys`` from the operating system, everything this function writes or returns, as a function of
    the cohort, is the output of ``training.event(...)`` under adding or removing one patient's record: each step
    takes a Poisson sample of patients at rate q, brings one gradient of norm at most C for each (``clipped_sum``),
    adds Gaussian noise of standard deviation sigma_DP C once to the sum, and divides by the public q N_max; the
    rest (public gradient, filter, noise correction, Adam, average) is post-processing of that and of public numbers. A
    ``subspace`` and a ``public_gradient`` are given the weights, never the cohort: with the first, coordinates are
    clipped and noised; the second is added after the noise. Steps are charged in blocks, flushed to disk before they
    run: a crash costs utility, not privacy. A resumed run forfeits every step charged after its
    checkpoint and draws new keys. Nothing uncharged steers the run: no loss is read, the last planned step is what is
    returned. With several processes this one alone holds the keys and the account; it adds the others' shares of the
    clipped sum to its own, and then the noise, once.

    Args:
        loss: The loss of one patient.
        weights: First weights of every trained parameter, public.
        cohort: The private cohort.
        training: Public numbers.
        patients_at_most: N_max, public.
        noise_multiplier: sigma_DP.
        account: The run in the ledger, which has reserved these steps.
        keys: Secret stream, new at each start.
        checkpoint: File inside ``RUN/private/``.
        device: Where to compute.
        mechanism: Left out but in tests; see :class:`Mechanism`.
        after_charge: Called between charge and steps (fault injection in tests).
        subspace: The directions that a step may take, found before its patients are drawn; None for all.
        public_gradient: Added to each step's noised, averaged gradient: post-processing.
        ranks: The processes that share the sums; this is the first of them, the others are in ``serve_sums``.
        progress: Told the steps done; never a loss.

    Returns:
        The averaged weights, on the CPU.

    Raises:
        InputUnusable: More patients than N_max; nothing was charged.
        BudgetRefused: The run has not reserved these steps; nothing was charged.
        VerificationFailed: The checkpoint belongs to another run, or the ledger lost lines that it has seen.
        RankEnded: Another process failed in a step; what was charged stays charged.
    """
    mechanism = mechanism or GaussianSum()
    check_before_charging(cohort, patients_at_most, keys, account)
    views = Views({name: value.shape for name, value in weights.items()})
    correction = training.correction(patients_at_most=patients_at_most, noise_multiplier=noise_multiplier)
    state = _resume(views, weights, training, correction, account, checkpoint, device)
    seeded = state.seeded or keys.seeded or account.seeded
    private = state.private and mechanism.private
    at = {"recipe_sha256": account.recipe_sha256, "run": account.run}
    rate = training.sampling_rate(patients_at_most)
    for first in range(account.steps_charged(PURPOSE), training.steps, training.block):
        last = min(first + training.block, training.steps)
        event = training.event(last - first, patients_at_most=patients_at_most, noise_multiplier=noise_multiplier)
        account.charge(event, purpose=PURPOSE, block=(first, last))
        if after_charge:
            after_charge()
        spent = account.guarantee()
        phase = f"private training (DP-SGD); ε = {shown(spent.epsilon)} at δ = {shown(spent.delta)} charged so far"
        for number in range(first, last):
            basis = None if subspace is None else subspace(number, views(state.flat.detach()))
            step = keys.child(b"step\x00%d" % number)
            sampled, streams = draw_patients(cohort, rate, step), patient_streams(step)
            own = clipped_sum(
                loss,
                views(state.flat.detach()),
                cohort,
                hand_out(ranks, state.flat, sampled, streams, micro_batch=training.micro_batch, basis=basis),
                clipping_norm=training.clipping_norm,
                micro_batch=training.micro_batch,
                streams=streams,
                device=device,
                basis=basis,
                factors=mechanism.factors,
            )
            std = noise_multiplier * training.clipping_norm
            noised = mechanism.release(ranks.total(own), std, step.child(b"noise"))
            public = None if public_gradient is None else public_gradient(number, views(state.flat))
            state.update(noised / (rate * patients_at_most), basis, public)
            progress(phase, number + 1, training.steps)
        state.save(checkpoint, **at, head=account.head, seeded=seeded, private=private)
    average = views(state.average.weights["flat"].cpu())
    return PrivateResult({k: v.clone() for k, v in average.items()}, seeded=seeded, private=private)


def _resume(
    views: Views,
    weights: Mapping[str, Tensor],
    training: DPSGD,
    correction: NoiseCorrection | None,
    account: RunAccount,
    checkpoint: Path,
    device: torch.device,
) -> TrainingState:
    saved = Checkpoint.load(checkpoint) if checkpoint.exists() else None
    if saved is not None:
        check_checkpoint(saved, account)
    return TrainingState.start(
        views,
        weights,
        saved,
        device,
        learning_rate=training.learning_rate,
        betas=training.adam_betas,
        ema_decay=training.ema_decay,
        steps=training.decays_over,
        correction=correction,
        damping=training.adam_damping,
        filter_gain=training.filter_gain,
    )
