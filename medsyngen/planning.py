"""What private training will cost and give, from public numbers alone: no scan is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from medsyngen.errors import UsageError
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import MIN_DELTA, UNIT, Budget, checked_delta, round_up, shown
from medsyngen.privacy.calibration import calibrate_noise, sampled_gaussian
from medsyngen.privacy.events import Event

FEW_PATIENTS = 2000
"""Below about this many patients DP-SGD drowns in its own noise at usual ε: methods that don't train do better."""
MUCH_NOISE = 0.02
"""Noise of the averaged gradient, per coordinate and in units of C, of 500 patients at ε = 10: 70 to 100 times that of
published image models (2e-4 to 3e-4 at ε = 10; DPImageBench, arXiv 2503.14681)."""
LITTLE_NOISE = 1e-3
"""At or below this, within a small factor of published image models."""

_Enough = Literal["yes", "borderline", "no"]


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
        network_evaluations: T·q·N_max·draws: forward and backward passes of one image.
        seconds: Estimate of the private training, or None if no speed was given.
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
    seconds: float | None
    enough: _Enough
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values; every ε is rounded up to three digits, infinity becomes None."""
        return {
            **asdict(self),
            "epsilon": _up(self.epsilon),
            "epsilon_after": [{"steps": steps, "epsilon": _up(epsilon)} for steps, epsilon in self.epsilon_after],
            "epsilon_at_delta": [{"delta": delta, "epsilon": _up(epsilon)} for delta, epsilon in self.epsilon_at_delta],
            "unit": UNIT,
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
    images_per_second: float | None = None,
    other_events: Sequence[Event] = (),
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
        images_per_second: Forward and backward passes a second on this machine, if known.
        other_events: What is charged already or planned beside it.

    Raises:
        UsageError: If a number is out of range.
        BudgetRefused: If δ is too large for N_max, or no noise fits.
    """
    _check(patients_at_most, sampling_rate, steps, parameters, draws_per_patient, clipping_norm, images_per_second)
    delta = checked_delta(budget.delta, patients_at_most)
    sigma = calibrate_noise(budget, sampling_rate=sampling_rate, steps=steps, other_events=other_events)

    def epsilon(after: int, at: float) -> float:
        return epsilon_spent([*other_events, sampled_gaussian(sampling_rate, sigma, after)], at)

    per_step = sampling_rate * patients_at_most
    noise = sigma / per_step
    evaluations = math.ceil(steps * per_step * draws_per_patient)
    enough = _enough(patients_at_most, noise)
    deltas = [d for d in (10 * delta, delta, delta / 10, delta / 100) if MIN_DELTA <= d <= 0.1 / patients_at_most]
    return Plan(
        epsilon=epsilon(steps, delta),
        delta=delta,
        noise_multiplier=sigma,
        sampling_rate=sampling_rate,
        steps=steps,
        epsilon_after=tuple((after, epsilon(after, delta)) for after in _quarters(steps)),
        epsilon_at_delta=tuple((d, epsilon(steps, d)) for d in deltas),
        patients_per_step=per_step,
        noise_per_coordinate=noise,
        noise_in_gradient=noise * clipping_norm,
        noise_to_signal=noise * math.sqrt(parameters),
        network_evaluations=evaluations,
        seconds=None if images_per_second is None else evaluations / images_per_second,
        enough=enough,
        verdict=_verdict(enough, patients_at_most, noise, budget),
    )


def _check(
    patients: int, q: float, steps: int, parameters: int, draws: int, clipping_norm: float, speed: float | None
) -> None:
    wrong = {
        "patients_at_most must be at least 1": patients < 1,
        "the sampling rate must lie in (0, 1]": not 0.0 < q <= 1.0,
        "steps must be at least 1": steps < 1,
        "the number of parameters must be at least 1": parameters < 1,
        "draws per patient must be at least 1": draws < 1,
        "the clipping norm must be positive": not 0.0 < clipping_norm < math.inf,
        "images per second must be positive": speed is not None and not 0.0 < speed < math.inf,
    }
    problems = [what for what, is_wrong in wrong.items() if is_wrong]
    if problems:
        raise UsageError("this can't be planned", do="mend these numbers in the recipe", details=problems)


def _quarters(steps: int) -> list[int]:
    return sorted({math.ceil(steps * part / 4) for part in (1, 2, 3, 4)})


def _enough(patients: int, noise: float) -> _Enough:
    if patients < FEW_PATIENTS or noise > MUCH_NOISE:
        return "no"
    return "yes" if noise <= LITTLE_NOISE else "borderline"


def _verdict(enough: _Enough, patients: int, noise: float, budget: Budget) -> str:
    figure = (
        f"with up to {patients} patients and ε = {shown(budget.epsilon)} at δ = {shown(budget.delta)} per patient, the "
        f"noise in each coordinate of the averaged gradient is {shown(noise, 2)} of the clipping norm"
    )
    if enough == "yes":
        return f"Enough for DP-SGD: {figure}, near that of published image models."
    times = shown(noise / 2.5e-4, 2)
    if enough == "borderline":
        return (
            f"Borderline for DP-SGD: {figure}, about {times} times that of published image models. Expect overall "
            "tone and layout from the patients, not detail; phantoms carry the rest. Better: a larger ε, more "
            "patients, more of them in each step, or fewer trained parameters."
        )
    why = "too few patients" if patients < FEW_PATIENTS else "too much noise"
    return (
        f"Not enough for DP-SGD ({why}): {figure}, about {times} times that of published image models. "
        "Use a method that does not train on the patients (Private Evolution with phantoms, or phantoms only), pool "
        f"more patients (from about {FEW_PATIENTS}), or allow a larger ε."
    )


def _up(epsilon: float) -> float | None:
    return round_up(epsilon) if math.isfinite(epsilon) else None
