"""The figures of one setting: noise, what it costs, and whether so many patients suffice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medsyngen.errors import UsageError
from medsyngen.planning.verdict import Enough, enough_patients, verdict_in_words
from medsyngen.privacy.accountant import epsilon_sketch, epsilon_spent
from medsyngen.privacy.budget import ADJACENCY, MIN_DELTA, UNIT, Budget, checked_delta, round_up
from medsyngen.privacy.calibration import calibrate_noise, sampled_gaussian
from medsyngen.privacy.events import Event


@dataclass(frozen=True)
class Plan:
    """What a recipe will cost and give.

    Args:
        epsilon: ε of the whole plan at ``delta``, as computed; at most the budget's.
        delta: δ.
        noise_multiplier: σ_DP, calibrated.
        sampling_rate: q.
        steps: T.
        epsilon_after: (steps, ε) after 25, 50, 75 and 100 % of the steps, events beside it included.
        epsilon_at_delta: (δ, ε): the same mechanism told at other δ, none above 1/(10·N_max).
        patients_per_step: q·N_max, if the cohort has N_max patients.
        noise_per_coordinate: σ_DP / (q·N_max): standard deviation of the noise in each coordinate of the averaged
            gradient, in units of the clipping norm.
        noise_in_gradient: The same in the gradient's own unit: σ_DP·C / (q·N_max).
        noise_to_signal: σ_DP·√P / (q·N_max): length of the noise over the largest possible length of the averaged
            gradient (all patients agree, all are clipped), P the number of trained parameters.
        network_evaluations: E = T·q·N_max·draws: forward and backward passes of one image.
        figure_of_merit: √T·q·N_max / σ_DP: signal over noise of all steps together; see
            :mod:`medsyngen.planning.search`.
        enough: Whether N_max patients suffice for DP-SGD at this budget.
        verdict: The same in words, with what to do if not.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    sampling_rate: float
    steps: int
    epsilon_after: tuple[tuple[int, float], ...]
    epsilon_at_delta: tuple[tuple[float, float], ...]
    patients_per_step: float
    noise_per_coordinate: float
    noise_in_gradient: float
    noise_to_signal: float
    network_evaluations: int
    figure_of_merit: float
    enough: Enough
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values; every ε is rounded up to three digits, infinity becomes None."""
        return {
            **asdict(self),
            "epsilon": _up(self.epsilon),
            "epsilon_after": [{"steps": steps, "epsilon": _up(epsilon)} for steps, epsilon in self.epsilon_after],
            "epsilon_at_delta": [{"delta": delta, "epsilon": _up(epsilon)} for delta, epsilon in self.epsilon_at_delta],
            "unit": UNIT,
            "adjacency": ADJACENCY,
        }


def plan(
    *,
    patients_at_most: int,
    budget: Budget,
    sampling_rate: float,
    steps: int,
    parameters: int,
    draws_per_patient: int,
    clipping_norm: float,
    other_events: Sequence[Event] = (),
    noise_multiplier: float | None = None,
) -> Plan:
    """Returns what this much private training will cost and give.

    Args:
        patients_at_most: N_max.
        budget: ε and δ for everything.
        sampling_rate: q in (0, 1].
        steps: T.
        parameters: P, trained parameters.
        draws_per_patient: m·K, network evaluations of one patient in one step.
        clipping_norm: C.
        other_events: What is charged already or planned beside it.
        noise_multiplier: σ_DP, where it was calibrated already, for several parts at once.

    Raises:
        UsageError: If a number is out of range.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    _check(patients_at_most, sampling_rate, steps, parameters, draws_per_patient, clipping_norm)
    delta = checked_delta(budget.delta, patients_at_most)
    sigma = noise_multiplier or calibrate_noise(
        budget, sampling_rate=sampling_rate, steps=steps, other_events=other_events
    )
    whole = [*other_events, sampled_gaussian(sampling_rate, sigma, steps)]
    epsilon = epsilon_spent(whole, delta)

    def after(part: int) -> float:
        # A quick upper bound is enough for what lies between; fewer steps never cost more than all of them.
        events = [*other_events, sampled_gaussian(sampling_rate, sigma, part)]
        return epsilon if part == steps else min(epsilon_sketch(events, delta), epsilon)

    per_step = sampling_rate * patients_at_most
    noise = sigma / per_step
    noise_to_signal = noise * math.sqrt(parameters)
    deltas = [d for d in (10 * delta, delta, delta / 10, delta / 100) if MIN_DELTA <= d <= 0.1 / patients_at_most]
    return Plan(
        epsilon=epsilon,
        delta=delta,
        noise_multiplier=sigma,
        sampling_rate=sampling_rate,
        steps=steps,
        epsilon_after=tuple((part, after(part)) for part in _quarters(steps)),
        epsilon_at_delta=tuple((d, epsilon_spent(whole, d)) for d in deltas),
        patients_per_step=per_step,
        noise_per_coordinate=noise,
        noise_in_gradient=noise * clipping_norm,
        noise_to_signal=noise_to_signal,
        network_evaluations=math.ceil(steps * per_step * draws_per_patient),
        figure_of_merit=math.sqrt(steps) / noise,
        enough=enough_patients(patients_at_most, noise),
        verdict=verdict_in_words(patients_at_most, noise, noise_to_signal, budget),
    )


def _check(patients: int, q: float, steps: int, parameters: int, draws: int, clipping_norm: float) -> None:
    wrong = {
        "patients_at_most must be at least 1": patients < 1,
        "the sampling rate must lie in (0, 1]": not 0.0 < q <= 1.0,
        "steps must be at least 1": steps < 1,
        "the number of parameters must be at least 1": parameters < 1,
        "draws per patient must be at least 1": draws < 1,
        "the clipping norm must be positive": not 0.0 < clipping_norm < math.inf,
    }
    problems = [what for what, is_wrong in wrong.items() if is_wrong]
    if problems:
        raise UsageError("this can't be planned", do="mend these numbers in the recipe", details=problems)


def _quarters(steps: int) -> list[int]:
    return sorted({math.ceil(steps * part / 4) for part in (1, 2, 3, 4)})


def _up(epsilon: float) -> float | None:
    return round_up(epsilon) if math.isfinite(epsilon) else None
